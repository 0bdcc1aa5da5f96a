"""Run the painless scripts on a real OpenSearch beside the Python that stands in for them elsewhere.

Needs OPENSEARCH_URL (make up, then `. .run/env`). Writes in the year 2001 and removes it.
"""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse.search.templates import index_templates
from gatehouse_ingest.batch import Ingest
from gatehouse_ingest.index import Index
from gatehouse_ingest.settings import search_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensearchpy import OpenSearch

pytestmark = [
    pytest.mark.stack,
    # As text, so that it is asked when the test runs: tests/stack may have started one by then.
    pytest.mark.skipif("'OPENSEARCH_URL' not in os.environ", reason="no OPENSEARCH_URL: run make up"),
]
ARN = "arn:aws:kinesisvideo:eu-central-1:123456789012:stream/gatehouse-CAM_A/1763900000000"
EPOCH = 978_307_200  # 2001-01-01T00:00:00Z
STREAM = "gatehouse-scripts-test"
MONTHLY = ("gatehouse-alerts-2001.01", "gatehouse-camera-minutes-2001.01")


@pytest.fixture
def search() -> Iterator[OpenSearch]:
    client = search_client(os.environ["OPENSEARCH_URL"])
    templates = index_templates()
    for name, body in templates.items():
        if not client.indices.exists_index_template(name=name):
            client.indices.put_index_template(name=name, body=body)
    own = {**templates["gatehouse-detections"], "index_patterns": [STREAM]}
    client.indices.put_index_template(name=STREAM, body=own)
    _clean(client)
    client.indices.create_data_stream(name=STREAM)
    yield client
    _clean(client)
    client.indices.delete_index_template(name=STREAM)


def _clean(client: OpenSearch) -> None:
    client.indices.delete_data_stream(name=STREAM, params={"ignore": 404})
    for index in MONTHLY:
        client.indices.delete(index=index, params={"ignore": 404})


def _all(client: OpenSearch, index: str) -> dict[str, Any]:
    client.indices.refresh(index=index)
    hits = client.search(index=index, body={"size": 1000})["hits"]["hits"]
    return {hit["_id"]: _comparable(hit["_source"]) for hit in hits}


def _comparable(source: dict[str, Any]) -> dict[str, Any]:
    """Sets are kept as lists in order of arrival; instants without milliseconds are written shorter."""
    found = {**source, "hits": sorted(source.get("hits", []))}
    for name in ("first_seen", "last_seen"):
        if name in found:
            found[name] = found[name].replace(".000Z", "Z")
    return found


@pytest.mark.parametrize("seed", range(3))
def test_real_scripts_leave_what_their_stand_ins_leave(
    search: OpenSearch, new_office: Any, record: Any, seed: int
) -> None:
    probe = {"probe_id": "p1", "start_ms": (EPOCH + 20) * 1000, "end_ms": (EPOCH + 31) * 1000}
    office = new_office(probes={ARN: [probe]})
    chance = random.Random(seed)
    records = [
        record(EPOCH + step / 5, *chance.choices([None, "employee"], k=chance.randint(0, 2)))
        for step in range(300)
    ]
    real = Ingest(office, office, office, lambda: 1_795_442_100_000)  # type: ignore[arg-type]
    position = 0
    while position < len(records):
        batch = records[max(0, position - chance.randint(0, 20)) : position + chance.randint(1, 40)]
        assert office.ingest(batch) == []
        told, office.published = office.told, []
        assert real.process(batch, Index(search, time.monotonic() + 20, STREAM)) == []
        assert office.told == told
        office.published = []
        position += 20
    for index in MONTHLY:
        fake = {
            doc_id: _comparable(found)
            for (name, doc_id), found in office.search.documents.items()
            if name == index
        }
        assert _all(search, index) == fake
    documents = _all(search, STREAM)
    assert documents.keys() == {found["event_id"] for found in office.search.of(".ds-gatehouse-detections")}
    assert any("s3_location" in found for found in documents.values())


def test_replay_changes_no_version(search: OpenSearch, office: Any, record: Any) -> None:
    records = [record(EPOCH + step / 5, None) for step in range(20)]
    real = Ingest(office, office, office, lambda: 1_795_442_100_000)  # type: ignore[arg-type]
    for _ in range(3):
        real.process(records, Index(search, time.monotonic() + 20, STREAM))
    versions = {}
    for index in (*MONTHLY, STREAM):
        search.indices.refresh(index=index)
        found = search.search(index=index, body={"version": True, "size": 100})["hits"]["hits"]
        versions[index] = sorted(hit["_version"] for hit in found)
    # Open, firing, pending, sent; and the next window, created and silenced at once.
    assert versions[MONTHLY[0]] == [1, 4]
    assert versions[MONTHLY[1]] == [1]
    assert versions[STREAM].count(1) == 19  # the twentieth got its s3_location, each time the same
    assert len(office.told) == 1
