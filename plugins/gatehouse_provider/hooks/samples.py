"""Sample an office's cameras for the health gate, from what production shows of them too."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.office import naming
from gatehouse.office.edge import EdgeObserved
from gatehouse.rollout.sample import CameraSample
from gatehouse_provider.hooks.evidence import EvidenceHook

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gatehouse.office.edge import ObservedCamera
    from gatehouse.rollout.verify import Evidence

Value = TypeVar("Value")


class SampleHook(EvidenceHook):
    """Measure cameras look by look; what needs two looks to be told is kept in between.

    :param window: how far back a sample counts, and never to before the change.
    """

    def __init__(self, *args: Any, window: timedelta, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.window = window
        # By proxy start: its counters begin anew with it.
        self._errors: dict[tuple[datetime, str], list[tuple[datetime, int]]] = {}
        self._starting: dict[str, datetime] = {}

    def sample(self, changed_at: datetime, at: datetime) -> list[CameraSample]:
        """Sample every camera; counts cover what came since the change, at most the window."""
        since = max(changed_at, at - self.window)
        failures: dict[str, str] = {}
        edge = _ask(self._edge, "lag", failures) or {}
        documents = _ask(lambda: self._detections.documents_since(self.cameras, since), "documents", failures)
        frames = _ask(lambda: self._detections.frames_since(self.cameras, since), "frames", failures)
        faces = _ask(lambda: self._detections.face_frames_since(self.cameras, since), "documents", failures)
        latency = _ask(lambda: self._detections.latencies(self.cameras, since), "latency", failures)
        running = _ask(lambda: self.processors(since), "processor", failures)
        if "lag" in failures:
            failures["ack_errors"] = failures["lag"]
        samples = []
        for camera_id in self.cameras:
            own = dict(failures)
            fragments = _ask(partial(self._fragments, camera_id, since), "fragments", own)
            says = edge.get(camera_id)
            samples.append(
                CameraSample(
                    camera_id,
                    since,
                    at,
                    fragments=fragments,
                    ack_errors=self._ack_errors(says, since) if says else None,
                    lag_seconds=_lag(says, at) if says else None,
                    frames=None if frames is None else frames.get(camera_id, 0),
                    face_frames=None if faces is None else faces.get(camera_id, 0),
                    documents=None if documents is None else documents.get(camera_id, 0),
                    latency_seconds=(latency or {}).get(camera_id),
                    errors=own,
                    **self._processor(camera_id, (running or {}).get(camera_id), at),
                )
            )
        return samples

    def _edge(self) -> dict[str, tuple[EdgeObserved, ObservedCamera]]:
        key = naming.edge_observed_key(self.office)
        document, _ = self._documents.read(self.bucket, key, EdgeObserved)
        return {camera.camera_id: (document, camera) for camera in document.cameras} if document else {}

    def _ack_errors(self, says: tuple[EdgeObserved, ObservedCamera], since: datetime) -> int:
        """Count the errors since the last report before the window, else since the first one seen."""
        document, camera = says
        seen = self._errors.setdefault((document.started_at, camera.camera_id), [])
        if not seen or seen[-1][0] < document.at:
            seen.append((document.at, camera.ack_errors))
        while len(seen) > 1 and seen[1][0] <= since:
            del seen[0]
        return seen[-1][1] - seen[0][1]

    def _processor(self, camera_id: str, found: Evidence | None, at: datetime) -> dict[str, Any]:
        if found is None:
            return {}
        if found.processor_status != "STARTING":
            self._starting.pop(camera_id, None)
        began = self._starting.setdefault(camera_id, at) if found.processor_status == "STARTING" else at
        return {
            "processor": found.processor_status,
            "processor_message": found.processor_message,
            "starting_seconds": (at - began).total_seconds(),
        }


def _lag(says: tuple[EdgeObserved, ObservedCamera], at: datetime) -> float | None:
    last = says[1].last_persisted_at
    return None if last is None else max(0.0, (at - last).total_seconds())


def _ask(question: Callable[[], Value], metric: str, failures: dict[str, str]) -> Value | None:
    """Return an answer, or note why there is none: the gate tells not knowing from zero."""
    # Not at the top: it brings a large client along.
    from opensearchpy.exceptions import OpenSearchException

    try:
        return question()
    except (BotoCoreError, ClientError, OpenSearchException) as error:
        failures[metric] = f"{type(error).__name__}: {error}"
        return None
