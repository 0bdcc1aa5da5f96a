"""Collect the evidence that an office's cameras work, newer than a given moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from gatehouse.office import naming
from gatehouse.office.edge import EdgeObserved
from gatehouse.office.frames import FramesObserved
from gatehouse.rollout.verify import Evidence
from gatehouse_provider.hooks.documents import DocumentHook
from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook
from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.settings import AWS_CONNECTION, OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatehouse.office.model import Engine
    from gatehouse_provider.hooks.detections import DetectionHook

# What a frame-search worker's phases are in a stream processor's words; a worker that tries again and
# again isn't FAILED: it may come back by itself.
WORKER_STATUS = {"analysing": "RUNNING", "catching_up": "RUNNING", "starting": "STARTING"}


class EvidenceHook(BaseHook):
    """Ask Kinesis Video, Rekognition, the office's proxy and OpenSearch about cameras.

    :param office: whose cameras these are.
    :param region: the office's Region.
    :param bucket: the Region's bucket, where the proxy writes what it observes.
    :param cameras: ids of the cameras to look at.
    :param engine: what analyses them.
    """

    def __init__(
        self,
        office: str,
        region: str,
        bucket: str,
        cameras: Sequence[str],
        engine: Engine = "stream_processor",
        aws_conn_id: str | None = AWS_CONNECTION,
        opensearch_conn_id: str = OPENSEARCH_CONNECTION,
    ) -> None:
        super().__init__()
        self.office = office
        self.bucket = bucket
        self.cameras = list(cameras)
        self.engine = engine
        self.opensearch_conn_id = opensearch_conn_id
        self._place: dict[str, Any] = {"aws_conn_id": aws_conn_id, "region_name": region}

    @cached_property
    def _video(self) -> KinesisVideoHook:
        return KinesisVideoHook(**self._place)

    @cached_property
    def _rekognition(self) -> RekognitionHook:
        return RekognitionHook(**self._place)

    @cached_property
    def _documents(self) -> DocumentHook:
        return DocumentHook(**self._place)

    @cached_property
    def _detections(self) -> DetectionHook:
        # Not at the top: it brings a large client along that only verification needs.
        from gatehouse_provider.hooks.detections import DetectionHook

        return DetectionHook(self.opensearch_conn_id)

    def connect(self) -> None:
        """Resolve the connections now, in the caller's thread."""
        for hook in (self._video, self._rekognition, self._documents):
            hook.get_conn()
        _ = self._detections.client

    def media(self, since: datetime) -> dict[str, Evidence]:
        """Return whether fragments arrive, and what the proxy says."""
        key = naming.edge_observed_key(self.office)
        document, _ = self._documents.read(self.bucket, key, EdgeObserved)
        says = proxy_says(document, since)
        return {
            camera_id: replace(says.get(camera_id, Evidence()), fragments=self._fragments(camera_id, since))
            for camera_id in self.cameras
        }

    def _fragments(self, camera_id: str, since: datetime) -> int:
        """Count what arrived until now; a change that is yet to come into force has no evidence."""
        now = datetime.now(UTC)
        return self._video.count_fragments(naming.video_stream(camera_id), since, now) if since < now else 0

    def processors(self, since: datetime | None = None) -> dict[str, Evidence]:
        """Return the status of what analyses each camera, in Rekognition's words for either engine."""
        return self._workers(since) if self.engine == "frame_search" else self._processors()

    def _workers(self, since: datetime | None) -> dict[str, Evidence]:
        """Read what the office's frame-search worker says; a report older than `since` says nothing."""
        document, _ = self._documents.read(
            self.bucket, naming.frames_observed_key(self.office), FramesObserved
        )
        if document is None or (since is not None and document.at < since):
            return dict.fromkeys(self.cameras, Evidence())
        says = {camera.camera_id: camera for camera in document.cameras}
        return {
            camera_id: Evidence(
                processor_status=WORKER_STATUS.get(says[camera_id].phase, "STOPPED"),
                processor_message=says[camera_id].reason,
            )
            if camera_id in says
            else Evidence()
            for camera_id in self.cameras
        }

    def _processors(self) -> dict[str, Evidence]:
        """Return every processor's status: one sweep, and a closer look at the failed ones."""
        statuses = self._rekognition.processor_statuses()
        evidence = {}
        for camera_id in self.cameras:
            name = naming.stream_processor(camera_id)
            status = statuses.get(name, "")
            failed = self._rekognition.find_processor(name) if status == "FAILED" else None
            message = failed.message if failed else ""
            evidence[camera_id] = Evidence(processor_status=status, processor_message=message)
        return evidence

    def whole_path(self, since: datetime) -> dict[str, Evidence]:
        """Return the evidence of the whole path, from the proxy to the searchable document."""
        media, processors = self.media(since), self.processors(since)
        frames = self._detections.analysed_since(self.cameras, since)
        documents = self._detections.documents_since(self.cameras, since)
        return {
            camera_id: replace(
                media[camera_id],
                frames_analysed=frames.get(camera_id, 0),
                documents=documents.get(camera_id, 0),
                processor_status=processors[camera_id].processor_status,
                processor_message=processors[camera_id].processor_message,
            )
            for camera_id in self.cameras
        }


def proxy_says(document: EdgeObserved | None, since: datetime) -> dict[str, Evidence]:
    """Return what the proxy says of each camera; a report older than `since` says nothing."""
    if document is None or document.at < since:
        return {}
    after_s = (document.at - since).total_seconds()
    return {
        camera.camera_id: Evidence(edge_phase=camera.phase, edge_reason=camera.reason, edge_after_s=after_s)
        for camera in document.cameras
    }
