"""Look at an office's cameras: what the proxy reports, and what became searchable."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from botocore.exceptions import BotoCoreError, ClientError
from opensearchpy.exceptions import OpenSearchException

from gatehouse.office import naming
from gatehouse.reconcile.looks import Seen, unreported
from gatehouse_provider.hooks.detections import DetectionHook
from gatehouse_provider.settings import OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gatehouse.office.edge import EdgeObserved
    from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook


class LookHook(BaseHook):
    """Count what came of cameras in a time span; what doesn't answer stays unknown.

    :param video: reaches the streams of cameras of which the proxy says nothing.
    """

    def __init__(self, video: KinesisVideoHook, opensearch_conn_id: str = OPENSEARCH_CONNECTION) -> None:
        super().__init__()
        self.video = video
        self.opensearch_conn_id = opensearch_conn_id

    @cached_property
    def _search(self) -> DetectionHook:
        return DetectionHook(self.opensearch_conn_id)

    def look(
        self, cameras: Mapping[str, int], proxy: EdgeObserved | None, since: datetime, until: datetime
    ) -> Seen:
        """Look at cameras (id → minutes in which they shall be on) over [since, until)."""
        return Seen(
            since=since,
            until=until,
            proxy=proxy,
            fragments=self._fragments(unreported(cameras, proxy, since), since, until),
            analysed=self._count(
                naming.CAMERA_MINUTES, cameras, since, until, {"range": {"analysed": {"gte": 1}}}
            ),
            faces=self._count(naming.DETECTIONS, cameras, since, until, {"term": {"probe": False}}),
            matches=self._count(
                naming.DETECTIONS,
                cameras,
                since,
                until,
                {"term": {"probe": False}},
                {"exists": {"field": "person_id"}},
            ),
        )

    def _fragments(self, cameras: tuple[str, ...], since: datetime, until: datetime) -> dict[str, int]:
        found = {}
        for camera_id in cameras:
            try:
                found[camera_id] = self.video.count_fragments(naming.video_stream(camera_id), since, until)
            except (BotoCoreError, ClientError) as error:
                self.log.warning("%s: its fragments can't be asked: %s", camera_id, error)
        return found

    def _count(
        self,
        index: str,
        cameras: Mapping[str, int],
        since: datetime,
        until: datetime,
        *further: dict[str, Any],
    ) -> dict[str, int] | None:
        """Count an index's documents by camera; None if the search doesn't answer."""
        span = {"gte": since.isoformat(), "lt": until.isoformat()}
        filters = [{"terms": {"camera_id": list(cameras)}}, {"range": {"@timestamp": span}}, *further]
        body = {
            "size": 0,
            "query": {"bool": {"filter": filters}},
            "aggs": {"cameras": {"terms": {"field": "camera_id", "size": max(1, len(cameras))}}},
        }
        try:
            answer = self._search.client.search(
                index=index, body=body, ignore_unavailable=True, allow_no_indices=True
            )
        except OpenSearchException as error:
            self.log.warning("%s can't be asked: %s", index, type(error).__name__)
            return None
        buckets = answer.get("aggregations", {}).get("cameras", {}).get("buckets", [])
        return {bucket["key"]: bucket["doc_count"] for bucket in buckets}
