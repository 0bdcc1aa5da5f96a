"""Sweep a Region with List calls, describe only what is abnormal, and carry out heals."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.office import naming
from gatehouse.office.documents import edge_document, snapshot_with_streams
from gatehouse.office.edge import EdgeDesired, EdgeObserved
from gatehouse.office.frames import FramesDesired, FramesObserved
from gatehouse.reconcile.sweep import PREFIX, Described, Documents, Sweep
from gatehouse.rollout.action import Action
from gatehouse_provider.hooks.base_aws import pages
from gatehouse_provider.hooks.documents import DocumentHook
from gatehouse_provider.hooks.kinesis import RecordStreamHook
from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook
from gatehouse_provider.hooks.lambda_function import EventMappingHook
from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.settings import AWS_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse.office.config import Company
    from gatehouse.reconcile.heal import Mend
    from gatehouse.rollout.action import ActionKind
    from gatehouse.rollout.resources import Orphan, What
    from gatehouse_provider.hooks.office import OfficeHook

Tags = dict[tuple["What", str], dict[str, str]]
_FRAMES_ACTIONS: dict[str, ActionKind] = {
    "worker_settings": "change_worker",
    "analysis_missing": "create_analysis",
    "analysis_settings": "replace_analysis",
}


class SweepHook(BaseHook):
    """Observe everything of ours in one Region by one sweep.

    :param region: the Region.
    :param account: the account, which a processor's ARN names.
    :param function: the Region's ingest function.
    """

    def __init__(
        self, region: str, account: str, function: str, aws_conn_id: str | None = AWS_CONNECTION
    ) -> None:
        super().__init__()
        self.region = region
        self.account = account
        self.function = function
        self._place: dict[str, Any] = {"aws_conn_id": aws_conn_id, "region_name": region}

    @cached_property
    def rekognition(self) -> RekognitionHook:
        """Reach Rekognition."""
        return RekognitionHook(**self._place)

    @cached_property
    def video(self) -> KinesisVideoHook:
        """Reach Kinesis Video."""
        return KinesisVideoHook(**self._place)

    @cached_property
    def records(self) -> RecordStreamHook:
        """Reach Kinesis Data Streams."""
        return RecordStreamHook(**self._place)

    @cached_property
    def mappings(self) -> EventMappingHook:
        """Reach Lambda."""
        return EventMappingHook(**self._place)

    @cached_property
    def stored(self) -> DocumentHook:
        """Reach the Region's documents."""
        return DocumentHook(**self._place)

    def sweep(self) -> Sweep:
        """List processors, streams, mappings and collections, each once."""
        return Sweep(
            processors=self.rekognition.processor_statuses(),
            video=self.video.streams(PREFIX),
            records=self.records.streams(PREFIX),
            mappings=self.mappings.mappings(self.function),
            collections=frozenset(pages(self.rekognition.client, "list_collections", "CollectionIds")),
        )

    def describe(self, names: Iterable[str]) -> dict[str, Described]:
        """Describe processors; one that went meanwhile is left out."""
        found = {name: self.rekognition.find_processor(name) for name in names}
        return {
            name: Described(processor, self._starting_since(name) if processor.status == "STARTING" else None)
            for name, processor in found.items()
            if processor
        }

    def _starting_since(self, name: str) -> datetime | None:
        changed = self.rekognition.client.describe_stream_processor(Name=name).get("LastUpdateTimestamp")
        return changed if isinstance(changed, datetime) else None

    def tags(self, unknown: Iterable[Orphan], sweep: Sweep) -> Tags:
        """Ask for the tags of what no manifest accounts for, and of nothing else."""
        return {(orphan.what, orphan.name): self._tags(orphan, sweep) for orphan in unknown}

    def _tags(self, orphan: Orphan, sweep: Sweep) -> dict[str, str]:
        place = f"{self.region}:{self.account}"
        if orphan.what == "video_stream":
            return self.video.tags(sweep.video[orphan.name].arn)
        if orphan.what == "record_stream":
            return self.records.tags(orphan.name)
        if orphan.what == "mapping":
            mapping = next(each for arn, each in sweep.mappings.items() if arn.endswith(f"/{orphan.name}"))
            arn = f"arn:aws:lambda:{place}:event-source-mapping:{mapping.uuid}"
            return dict(self.mappings.client.list_tags(Resource=arn).get("Tags", {}))
        kind = "collection" if orphan.what == "collection" else "streamprocessor"
        return self.rekognition.tags(f"arn:aws:rekognition:{place}:{kind}/{orphan.name}")

    def documents(self, bucket: str, office: str, snapshot: IngestSnapshot | None) -> Documents:
        """Read what an office's proxy and worker are told, and what they report."""
        return Documents(
            snapshot=snapshot,
            edge=self.stored.read(bucket, naming.edge_desired_key(office), EdgeDesired)[0],
            edge_observed=self.stored.read(bucket, naming.edge_observed_key(office), EdgeObserved)[0],
            frames=self.stored.read(bucket, naming.frames_desired_key(office), FramesDesired)[0],
            frames_observed=self.stored.read(bucket, naming.frames_observed_key(office), FramesObserved)[0],
        )

    def snapshot(self, bucket: str) -> IngestSnapshot | None:
        """Read what the Region's ingest function knows."""
        return self.stored.read(bucket, naming.SNAPSHOT_KEY, IngestSnapshot)[0]


class HealHook(BaseHook):
    """Carry out heals of one office, each of them repeatable.

    :param office: reaches the office's resources.
    :param company: the configuration that was rolled out.
    """

    def __init__(self, office: OfficeHook, company: Company) -> None:
        super().__init__()
        self.hook = office
        self.company = company

    def heal(self, mend: Mend) -> None:
        """Carry out one heal; a processor that is made anew is started too."""
        self.log.info("%s %s: %s", mend.kind, mend.drift.name, mend.drift.reason)
        getattr(self, f"_{mend.kind}")(mend)

    def _act(self, kind: ActionKind, mend: Mend) -> None:
        drift = mend.drift
        self.hook.carry_out(Action(kind, drift.name, drift.reason, drift.camera_id))

    def _start_processor(self, mend: Mend) -> None:
        self.hook.rekognition.start_processor(mend.drift.name)

    def _recreate_processor(self, mend: Mend) -> None:
        found = self.hook.rekognition.find_processor(mend.drift.name)
        if found is not None and found.status == "RUNNING":
            self.log.info("%s runs by now, and is left alone", mend.drift.name)
            return
        self._act("replace_processor", mend)
        self._start_processor(mend)

    def _correct_mapping(self, mend: Mend) -> None:
        self._act("change_mapping", mend)

    def _publish_frames(self, mend: Mend) -> None:
        self._act(_FRAMES_ACTIONS[mend.drift.cause], mend)

    def _publish_edge(self, mend: Mend) -> None:
        office = self.company.office(self.hook.desired.office)
        change = partial(edge_document, office=office, cameras=[mend.drift.camera_id])
        key = naming.edge_desired_key(office.office)
        self.hook.documents.change(self.hook.desired.bucket, key, EdgeDesired, change)

    def _publish_snapshot(self, mend: Mend) -> None:
        office = self.company.office(self.hook.desired.office)
        arns = self.hook.video_arns([mend.drift.camera_id])
        change = partial(snapshot_with_streams, office=office, video_arns=arns, rules=self.company.rules)
        bucket = self.hook.desired.bucket
        self.hook.documents.change(bucket, naming.SNAPSHOT_KEY, IngestSnapshot, change)
