"""Count what became searchable of a camera's frames."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.opensearch.hooks.opensearch import OpenSearchHook

from gatehouse.office import naming
from gatehouse_provider.settings import OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_MINUTES = 10_000


class DetectionHook(OpenSearchHook):
    """Read counts from the detections and camera-minutes; an index that isn't there yet counts nothing."""

    def __init__(self, open_search_conn_id: str = OPENSEARCH_CONNECTION, **kwargs: Any) -> None:
        super().__init__(open_search_conn_id=open_search_conn_id, log_query=False, **kwargs)

    def documents_since(self, cameras: Sequence[str], since: datetime) -> dict[str, int]:
        """Count the detection documents per camera whose frame is not older than `since`, a probe's apart."""
        answer = self._search(
            naming.DETECTIONS,
            cameras,
            since.isoformat(),
            {"size": 0, "aggs": {"cameras": {"terms": {"field": "camera_id", "size": len(cameras)}}}},
            {"term": {"probe": False}},
        )
        buckets = answer.get("aggregations", {}).get("cameras", {}).get("buckets", [])
        return {bucket["key"]: bucket["doc_count"] for bucket in buckets}

    def frames_since(self, cameras: Sequence[str], since: datetime) -> dict[str, int]:
        """Count the analysed frames per camera that aren't older than `since`.

        A camera-minute keeps its frames as milliseconds after its start, so the minute that `since`
        falls into is counted in part.
        """
        minute = since.replace(second=0, microsecond=0)
        body = {"size": MAX_MINUTES, "_source": ["@timestamp", "camera_id", "frames"]}
        answer = self._search(naming.CAMERA_MINUTES, cameras, minute.isoformat(), body)
        counts = dict.fromkeys(cameras, 0)
        for hit in answer["hits"]["hits"]:
            source = hit["_source"]
            start = datetime.fromisoformat(source["@timestamp"])
            earliest = (since - start).total_seconds() * 1000
            counts[source["camera_id"]] += sum(offset >= earliest for offset in source["frames"])
        return counts

    def _search(
        self, index: str, cameras: Sequence[str], since: str, body: dict[str, Any], *further: dict[str, Any]
    ) -> dict[str, Any]:
        filters = [
            {"terms": {"camera_id": list(cameras)}},
            {"range": {"@timestamp": {"gte": since}}},
            *further,
        ]
        found: dict[str, Any] = self.client.search(
            index=index,
            body={**body, "query": {"bool": {"filter": filters}}},
            ignore_unavailable=True,
            allow_no_indices=True,
        )
        return found
