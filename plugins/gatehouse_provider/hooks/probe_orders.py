"""Publish, order and take back an office's probes, many cameras in one change of a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from pydantic import ValidationError

from gatehouse.exceptions import PlanError
from gatehouse.ingest.instant import moment
from gatehouse.ingest.snapshot import IngestSnapshot, ProbeSpan
from gatehouse.office import naming
from gatehouse.office.documents import edge_with_probes, snapshot_with_probes, snapshot_without_probes
from gatehouse.office.edge import EdgeDesired, ProbeOrder
from gatehouse.rollout.probe_clip import ClipFile, truth_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from gatehouse.ledger.probes import Probe
    from gatehouse_provider.hooks.office import OfficeHook


@dataclass(frozen=True, slots=True)
class Clip:
    """Hold where a clip is, and what it shows."""

    key: str
    file: ClipFile


class ProbeOrderHook(BaseHook):
    """Tell ingest, and then the office's proxy, what is a probe.

    :param office: what reaches the office's documents.
    """

    def __init__(self, office: OfficeHook) -> None:
        super().__init__()
        self.documents = office.documents
        self.office, self.bucket = office.desired.office, office.desired.bucket
        self.edge_key = naming.edge_desired_key(self.office)

    def read_clip(self, key: str) -> Clip:
        """Read what the bucket's clip shows; PlanError where it, or its truth, isn't there or wrong."""
        remedy = (
            "No camera was probed. Upload a clip of one enrolled and one never-enrolled face, and its truth "
            "beside it (locally: make up, without GATEHOUSE_FACES), or set probe.enabled to false"
        )
        beside = truth_key(key)
        try:
            file, _ = self.documents.read(self.bucket, beside, ClipFile)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            msg = f"s3://{self.bucket}/{beside} doesn't say what the probe's clip shows ({wrong}). {remedy}"
            raise PlanError(msg) from error
        if file is None or not self.documents.check_for_key(key, self.bucket):
            missing = beside if file is None else key
            msg = f"The probe's clip {key}: s3://{self.bucket}/{missing} isn't there. {remedy}"
            raise PlanError(msg)
        return Clip(key, file)

    def ordered(self) -> frozenset[str]:
        """Name the probes that the office's document orders, ended ones among them."""
        return frozenset(order.probe_id for order in self._orders().values())

    def orders_of(self, cameras: Collection[str]) -> frozenset[str]:
        """Name the probes that the office's document orders of these cameras."""
        return frozenset(
            order.probe_id for camera_id, order in self._orders().items() if camera_id in cameras
        )

    def _orders(self) -> dict[str, ProbeOrder]:
        document, _ = self.documents.read(self.bucket, self.edge_key, EdgeDesired)
        cameras = document.cameras if document else ()
        return {camera.camera_id: camera.probe for camera in cameras if camera.probe}

    def publish(self, probes: Iterable[Probe]) -> None:
        """Let ingest know the intervals; do so before ordering them."""
        spans = {
            probe.stream_arn: ProbeSpan(probe_id=probe.probe_id, start_ms=probe.start_ms, end_ms=probe.end_ms)
            for probe in probes
        }
        self._change_snapshot(lambda stored: snapshot_with_probes(stored, spans))

    def order(self, probes: Sequence[Probe], clip: Clip) -> None:
        """Order probes of the office's proxy; one that is ordered already stays as it is."""
        orders = {
            probe.camera_id: ProbeOrder(
                probe_id=probe.probe_id,
                clip_key=clip.key,
                clip_sha256=clip.file.clip_sha256,
                start=moment(probe.start_ms),
                end=moment(probe.end_ms),
            )
            for probe in probes
        }
        self._change_edge(lambda stored: edge_with_probes(stored, orders))

    def take_back(self, probes: Collection[str]) -> None:
        """Take the orders of probes back; a camera that has another one by now keeps it."""

        def without(stored: EdgeDesired) -> EdgeDesired:
            cameras = [one.camera_id for one in stored.cameras if one.probe and one.probe.probe_id in probes]
            return edge_with_probes(stored, dict.fromkeys(cameras))

        self._change_edge(without)

    def forget(self, before_ms: int) -> None:
        """Let ingest forget, for the whole Region, the probes that ended before a time."""
        self._change_snapshot(lambda stored: snapshot_without_probes(stored, before_ms))

    def _change_edge(self, change: Callable[[EdgeDesired], EdgeDesired]) -> None:
        def changed(stored: EdgeDesired | None) -> EdgeDesired:
            if stored is None:
                msg = f"Office {self.office} has no desired document; no probe was ordered. Roll it out first"
                raise PlanError(msg)
            return change(stored)

        document = self.documents.change(self.bucket, self.edge_key, EdgeDesired, changed)
        self.log.info("Edge document of %s is version %d", self.office, document.version)

    def _change_snapshot(self, change: Callable[[IngestSnapshot], IngestSnapshot]) -> None:
        def changed(stored: IngestSnapshot | None) -> IngestSnapshot:
            if stored is None:
                msg = f"Bucket {self.bucket} has no ingest snapshot; no probe was ordered. Roll out first"
                raise PlanError(msg)
            return change(stored)

        snapshot = self.documents.change(self.bucket, naming.SNAPSHOT_KEY, IngestSnapshot, changed)
        self.log.info("Ingest snapshot is version %d", snapshot.version)
