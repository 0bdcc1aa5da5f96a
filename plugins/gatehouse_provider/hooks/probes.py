"""Look for the proof of an office's probes, from the proxy's word to the probe topic's message."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseHook
from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.ingest.instant import moment
from gatehouse.ledger.probes import Probe, note_alerts, probes_of, set_probe_state
from gatehouse.ledger.rollouts import judgement_of
from gatehouse.office import naming
from gatehouse.office.edge import EdgeObserved
from gatehouse.rollout.probe import Interval, Receipt, judge_probe
from gatehouse_provider.hooks.documents import DocumentHook
from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook
from gatehouse_provider.hooks.probe_queue import ProbeQueueHook
from gatehouse_provider.hooks.steering import SteeringHook
from gatehouse_provider.settings import AWS_CONNECTION, LEDGER_CONNECTION, OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gatehouse.office.edge import ProbeState
    from gatehouse.rollout.probe import ClipTruth, ProbeFace, Verdict
    from gatehouse_provider.hooks.detections import DetectionHook

Value = TypeVar("Value")
# The foundation's queues keep a message for an hour: later nobody can say that none came.
QUEUE_KEEPS_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class _Found:
    """Hold what one look found for all probes at once; None where it couldn't be asked."""

    edge: EdgeObserved | None
    frames: Mapping[str, int] | None
    faces: Mapping[str, Sequence[ProbeFace]] | None
    notified: bool


class ProbeHook(BaseHook):
    """Judge the running probes of one unit, look by look; the ledger remembers how far each is.

    :param office: the unit's office.
    :param probes: ids of the probes to judge; each was ordered.
    :param truth: what the clip shows.
    """

    def __init__(
        self,
        rollout_id: str,
        office: str,
        probes: Sequence[str],
        truth: ClipTruth,
        aws_conn_id: str | None = AWS_CONNECTION,
        opensearch_conn_id: str = OPENSEARCH_CONNECTION,
        ledger_conn_id: str = LEDGER_CONNECTION,
    ) -> None:
        super().__init__()
        self.probes = frozenset(probes)
        self.truth = truth
        self.aws_conn_id = aws_conn_id
        self.opensearch_conn_id = opensearch_conn_id
        self.office = office
        self.rollout_id = rollout_id
        self.steering = SteeringHook(rollout_id, [office], ledger_conn_id)
        self._stored: dict[str, tuple[int, ...]] = {}
        self._failures: dict[str, str] = {}

    @cached_property
    def _place(self) -> dict[str, Any]:
        region = self.steering.company.office(self.office).region
        return {"aws_conn_id": self.aws_conn_id, "region_name": region}

    @cached_property
    def _allowance_ms(self) -> int:
        """Return how long after the clip's end proof may come, as the plan froze it."""
        with self.steering.ledger.begin() as connection:
            return judgement_of(connection, self.rollout_id).probe.allowance_seconds * 1000

    @property
    def _names(self) -> Any:
        return self.steering.company.regions.regions[self._place["region_name"]]

    @cached_property
    def video(self) -> KinesisVideoHook:
        """Reach Kinesis Video."""
        return KinesisVideoHook(**self._place)

    @cached_property
    def documents(self) -> DocumentHook:
        """Reach the proxy's documents."""
        return DocumentHook(**self._place)

    @cached_property
    def queue(self) -> ProbeQueueHook:
        """Reach the Region's probe queue."""
        return ProbeQueueHook(self._names.probe_queue, **self._place)

    @cached_property
    def detections(self) -> DetectionHook:
        """Reach OpenSearch."""
        # Not at the top: it brings a large client along that only looking needs.
        from gatehouse_provider.hooks.detections import DetectionHook

        return DetectionHook(self.opensearch_conn_id)

    def connect(self) -> None:
        """Resolve the connections now, in the caller's thread."""
        self.steering.connect()
        for hook in (self.video, self.documents, self.queue):
            hook.get_conn()
        _ = self.detections.client

    def look(self) -> dict[str, Verdict]:
        """Look once; return the verdicts there are, by probe."""
        at_ms = round(datetime.now(UTC).timestamp() * 1000)
        self._failures = {}
        heard = self._ask("notification", self._take_alerts) is not None
        with self.steering.ledger.begin() as connection:
            mine = [one for one in probes_of(connection, self.rollout_id) if one.probe_id in self.probes]
        found = self._find([one for one in mine if one.start_ms <= at_ms], notified=heard)
        receipts = {one.probe_id: self._receipt(one, found, at_ms) for one in mine}
        self._remember(mine, receipts)
        judged = {one.probe_id: self._judge(one, receipts[one.probe_id], at_ms) for one in mine}
        return {probe_id: verdict for probe_id, verdict in judged.items() if verdict is not None}

    def _take_alerts(self) -> bool:
        self.queue.take(self._note_alerts)
        return True

    def _note_alerts(self, received: Mapping[str, int]) -> None:
        with self.steering.ledger.begin() as connection:
            note_alerts(connection, received, datetime.now(UTC))

    def _find(self, begun: Sequence[Probe], *, notified: bool) -> _Found:
        """Ask what can be asked for all probes at once; before a clip plays only for its order."""
        key = naming.edge_observed_key(self.office)
        edge = self._ask("proxy", lambda: self.documents.read(self._names.bucket, key, EdgeObserved)[0])
        if not begun:
            return _Found(edge, {}, {}, notified)
        spans = {one.camera_id: (one.start_ms, one.end_ms) for one in begun}
        cameras, since = {one.probe_id: one.camera_id for one in begun}, min(one.start_ms for one in begun)
        frames = self._ask("records", lambda: self.detections.probe_frames(spans))
        faces = self._ask("documents", lambda: self.detections.probe_faces(cameras, since))
        return _Found(edge, frames, faces, notified)

    def _receipt(self, probe: Probe, found: _Found, at_ms: int) -> Receipt:
        state, reason = _proxy(found.edge, probe)
        faces = None if found.faces is None else tuple(found.faces.get(probe.probe_id, ()))
        sure = found.notified and at_ms < probe.end_ms + QUEUE_KEEPS_MS
        return Receipt(
            proxy=state,
            proxy_reason=reason,
            fragments=self._fragments(probe, at_ms),
            records=None if found.frames is None else found.frames.get(probe.camera_id, 0),
            faces=faces,
            notified_ms=probe.notified_ms or (0 if sure else None),
        )

    def _fragments(self, probe: Probe, at_ms: int) -> tuple[int, ...] | None:
        """Return when the clip's fragments were stored; once found they aren't asked for again."""
        if at_ms < probe.start_ms or self._stored.get(probe.probe_id):
            return self._stored.get(probe.probe_id, ())
        name = naming.video_stream(probe.camera_id)
        # The range includes its end, which is the camera's own again.
        span = moment(probe.start_ms), moment(probe.end_ms - 1)
        stored = self._ask("fragments", partial(self.video.fragments_stored, name, *span))
        if stored is None:
            return None
        self._stored[probe.probe_id] = tuple(round(at.timestamp() * 1000) for at in stored)
        return self._stored[probe.probe_id]

    def _remember(self, probes: Sequence[Probe], receipts: Mapping[str, Receipt]) -> None:
        """Note in the ledger which clips play, and which have."""
        at = datetime.now(UTC)
        with self.steering.ledger.begin() as connection:
            for probe in probes:
                state = receipts[probe.probe_id].proxy
                if state in ("playing", "played") and state != probe.state:
                    set_probe_state(connection, probe.probe_id, state, at)

    def _judge(self, probe: Probe, receipt: Receipt, at_ms: int) -> Verdict | None:
        interval = Interval(probe.start_ms, probe.end_ms, probe.end_ms + self._allowance_ms)
        verdict = judge_probe(interval, self.truth, receipt, at_ms)
        if verdict is None or verdict.result != "Inconclusive" or verdict.step is None:
            return verdict
        failure = self._failures.get(verdict.step)
        return replace(verdict, reason=f"{verdict.reason} ({failure})") if failure else verdict

    def _ask(self, step: str, question: Callable[[], Value]) -> Value | None:
        """Return an answer, or note why there is none: not knowing is no failure of the camera's."""
        # Not at the top: it brings a large client along.
        from opensearchpy.exceptions import OpenSearchException

        try:
            return question()
        except (BotoCoreError, ClientError, OpenSearchException) as error:
            self._failures[step] = f"{type(error).__name__}: {error}"
            self.log.warning("Office %s: %s of its probes: %s", self.office, step, self._failures[step])
            return None


def _proxy(edge: EdgeObserved | None, probe: Probe) -> tuple[ProbeState | None, str]:
    """Return what the office's proxy says of a probe; None where it may not have said its last word."""
    says = next((one for one in edge.cameras if one.camera_id == probe.camera_id), None) if edge else None
    if edge is None or says is None:
        return None, ""
    state = says.probe_state if says.probe_id == probe.probe_id else "waiting"
    if state == "waiting" and edge.at < moment(probe.end_ms):
        return None, ""
    return state, says.probe_reason if says.probe_id == probe.probe_id else ""
