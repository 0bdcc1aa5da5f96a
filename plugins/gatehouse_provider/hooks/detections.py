"""Count what became searchable of a camera's frames."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.opensearch.hooks.opensearch import OpenSearchHook

from gatehouse.ingest.instant import moment
from gatehouse.ingest.minutes import MINUTE_MS, stored_frames
from gatehouse.office import naming
from gatehouse.rollout.probe import ProbeFace
from gatehouse_provider.settings import OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_MINUTES = 10_000
# OpenSearch returns 10,000 documents at most, and a clip makes some dozens.
PROBES_A_SEARCH = 50


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
        """Count the analysed frames per camera that aren't older than `since`, a probe's apart."""
        return self._count_frames(cameras, since, "frames")

    def analysed_since(self, cameras: Sequence[str], since: datetime) -> dict[str, int]:
        """Count the analysed frames per camera that aren't older than `since`, a probe's among them."""
        return self._count_frames(cameras, since, "frames", "probe_frames")

    def _count_frames(self, cameras: Sequence[str], since: datetime, *fields: str) -> dict[str, int]:
        """Count the entries of a camera-minute's sets.

        A camera-minute keeps its frames as milliseconds after its start, so the minute that `since`
        falls into is counted in part.
        """
        minute = since.replace(second=0, microsecond=0)
        body = {"size": MAX_MINUTES, "_source": ["@timestamp", "camera_id", *fields]}
        answer = self._search(naming.CAMERA_MINUTES, cameras, minute.isoformat(), body)
        counts = dict.fromkeys(cameras, 0)
        for hit in answer["hits"]["hits"]:
            source = hit["_source"]
            start = datetime.fromisoformat(source["@timestamp"])
            earliest = (since - start).total_seconds() * 1000
            offsets = [offset for field in fields for offset in source.get(field, ())]
            counts[source["camera_id"]] += sum(offset >= earliest for offset in offsets)
        return counts

    def face_frames_since(self, cameras: Sequence[str], since: datetime) -> dict[str, int]:
        """Count the analysed frames with faces per camera that aren't older than `since`."""
        return self._count_frames(cameras, since, "face_frames")

    def latencies(self, cameras: Sequence[str], since: datetime) -> dict[str, float]:
        """Return how many seconds each camera's newest document was under way; none without one."""
        newest = {"size": 1, "sort": [{"@timestamp": "desc"}], "_source": ["@timestamp", "ingested_at"]}
        by_camera = {
            "terms": {"field": "camera_id", "size": len(cameras)},
            "aggs": {"newest": {"top_hits": newest}},
        }
        body = {"size": 0, "aggs": {"cameras": by_camera}}
        answer = self._search(naming.DETECTIONS, cameras, since.isoformat(), body, {"term": {"probe": False}})
        found = {}
        for bucket in answer.get("aggregations", {}).get("cameras", {}).get("buckets", []):
            source = bucket["newest"]["hits"]["hits"][0]["_source"]
            at, ingested = (datetime.fromisoformat(source[name]) for name in ("@timestamp", "ingested_at"))
            found[bucket["key"]] = (ingested - at).total_seconds()
        return found

    def probe_frames(self, spans: Mapping[str, tuple[int, int]]) -> dict[str, int]:
        """Count a probe's analysed frames per camera, `{camera id: (start_ms, end_ms)}` of producer time."""
        starts, ends = zip(*spans.values(), strict=True)
        since = moment(min(starts) - min(starts) % MINUTE_MS).isoformat()
        until = {"range": {"@timestamp": {"lt": moment(max(ends)).isoformat()}}}
        body = {"size": MAX_MINUTES, "_source": ["@timestamp", "camera_id", "probe_frames"]}
        answer = self._search(naming.CAMERA_MINUTES, list(spans), since, body, until)
        counts = dict.fromkeys(spans, 0)
        for hit in answer["hits"]["hits"]:
            source = hit["_source"]
            start_ms, end_ms = spans[source["camera_id"]]
            frames = stored_frames(source, _milliseconds(source["@timestamp"]), probe=True)
            counts[source["camera_id"]] += sum(start_ms <= at_ms < end_ms for at_ms in frames)
        return counts

    def probe_faces(self, cameras: Mapping[str, str], since_ms: int) -> dict[str, list[ProbeFace]]:
        """Return the detections of probes, `{probe id: camera id}`, whose clips began not before a time."""
        found: dict[str, list[ProbeFace]] = {probe_id: [] for probe_id in cameras}
        body = {"size": MAX_MINUTES, "_source": ["@timestamp", "ingested_at", "person_id", "probe_id"]}
        ids = sorted(cameras)
        for at in range(0, len(ids), PROBES_A_SEARCH):
            some = ids[at : at + PROBES_A_SEARCH]
            mine = {"terms": {"probe_id": some}}
            since = moment(since_ms).isoformat()
            answer = self._search(naming.DETECTIONS, [cameras[each] for each in some], since, body, mine)
            for hit in answer["hits"]["hits"]:
                source = hit["_source"]
                at_ms, ingested_ms = (_milliseconds(source[name]) for name in ("@timestamp", "ingested_at"))
                found[source["probe_id"]].append(ProbeFace(at_ms, source.get("person_id"), ingested_ms))
        return found

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


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
