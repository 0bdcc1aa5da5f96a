"""A probe's frames and faces are those of its own interval and name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatehouse.ingest.instant import iso, moment
from gatehouse.rollout.probe import ProbeFace
from gatehouse_provider.hooks import detections
from gatehouse_provider.hooks.detections import DetectionHook

MINUTE = 1_764_000_000_000


class FakeSearch:
    """Answer every search with these documents, and remember what was asked."""

    def __init__(self, *sources: dict[str, Any]) -> None:
        self.sources = sources
        self.filters: list[list[dict[str, Any]]] = []

    def search(self, *, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.filters.append(body["query"]["bool"]["filter"])
        return {"hits": {"hits": [{"_source": source} for source in self.sources]}}


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> DetectionHook:
    nowhere = {"conn_type": "opensearch", "host": "127.0.0.1", "port": 9, "extra": {"use_ssl": False}}
    monkeypatch.setenv("AIRFLOW_CONN_OPENSEARCH_DEFAULT", json.dumps(nowhere))
    return DetectionHook()


def test_a_probes_frames_are_those_of_its_interval(hook: DetectionHook) -> None:
    sources = [
        {"@timestamp": iso(MINUTE), "camera_id": "CAM_1", "probe_frames": [51_999, 52_000, 59_000]},
        {"@timestamp": iso(MINUTE + 60_000), "camera_id": "CAM_1", "probe_frames": [0, 3_000]},
        {"@timestamp": iso(MINUTE), "camera_id": "CAM_2", "frames": [52_000]},
    ]
    hook.client = FakeSearch(*sources)
    span = (MINUTE + 52_000, MINUTE + 63_000)
    assert hook.probe_frames({"CAM_1": span, "CAM_2": span}) == {"CAM_1": 3, "CAM_2": 0}
    (filters,) = hook.client.filters
    assert {"range": {"@timestamp": {"gte": "2025-11-24T16:00:00+00:00"}}} in filters


def test_frames_of_a_probe_are_analysed_frames_and_no_frames_of_people(hook: DetectionHook) -> None:
    both = {"frames": [1_000, 4_000], "probe_frames": [2_000, 5_000, 6_000]}
    hook.client = FakeSearch({"@timestamp": iso(MINUTE), "camera_id": "CAM_1", **both})
    since = moment(MINUTE + 3_000)
    assert hook.analysed_since(["CAM_1"], since) == {"CAM_1": 3}
    assert hook.frames_since(["CAM_1"], since) == {"CAM_1": 1}


def test_probes_faces_are_told_apart_by_probe_in_several_searches(
    hook: DetectionHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detections, "PROBES_A_SEARCH", 1)
    seen = {"@timestamp": iso(MINUTE), "ingested_at": iso(MINUTE + 2_500), "probe_id": "p1"}
    hook.client = FakeSearch({**seen, "person_id": "p-7"})
    found = hook.probe_faces({"p1": "CAM_1"}, MINUTE)
    assert found == {"p1": [ProbeFace(MINUTE, "p-7", MINUTE + 2_500)]}
    hook.client = FakeSearch()
    assert hook.probe_faces({"p1": "CAM_1", "p2": "CAM_2"}, MINUTE) == {"p1": [], "p2": []}
    assert [
        {"terms": {"probe_id": [name]}} in asked
        for name, asked in zip(("p1", "p2"), hook.client.filters, strict=True)
    ] == [True, True]
