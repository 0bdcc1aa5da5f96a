"""`down` and `up` again: the cloud, the ledger and the index are as before, and the cameras go on.

After the demo, and before the tests that leave nothing to go on with.
"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql

from running_stack import Demo, RunningStack, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.full, pytest.mark.timeout(1200)]

REGION = "eu-central-1"
CAMERA = "CAM_BER_F0_LOBBY_001"
DAGS_TABLES = ("person", "consent", "permission", "photo", "face", "rollout", "wave", "camera_state")


def test_everything_is_as_before_and_goes_on(stack: RunningStack, demo: Demo) -> None:
    # Only what producers write may differ, and they are stopped before the stores are.
    before = _cloud(stack)
    objects, documents, rows = _objects(stack), _documents(stack), _rows(stack)
    assert rows
    assert before["collections"]
    assert "RUNNING" in before["processors"].values()
    assert stack.run("down").returncode == 0
    assert stack.processes() == []

    again = stack.run("up")

    assert again.returncode == 0
    assert "Going on with the state of the last run." in again.stdout
    assert _cloud(stack) == before
    assert objects.items() <= _objects(stack).items()
    assert documents <= _documents(stack)
    assert rows <= _rows(stack)
    health = stack.control("GET", "health")
    assert (health["reset"], health["moto"]["state"]) == ("", "ok")
    newest = max(documents)
    wait_until(lambda: max(_documents(stack)) > newest, 240, f"{CAMERA} has a new document")


def test_rolling_out_over_the_kept_state_changes_nothing(stack: RunningStack, demo: Demo) -> None:
    before = _cloud(stack)
    done = stack.run("run", "office_rollout")
    assert done.returncode == 0, done.stdout
    assert _cloud(stack) == before


def _cloud(stack: RunningStack) -> dict[str, Any]:
    """Read what stands in one Region of the cloud, its own halves and moto's."""
    rekognition, iam = stack.client("rekognition", REGION), stack.client("iam", REGION)
    processors = rekognition.list_stream_processors()["StreamProcessors"]
    collections = rekognition.list_collections()["CollectionIds"]
    streams = stack.client("kinesisvideo", REGION).list_streams()["StreamInfoList"]
    secrets = stack.client("secretsmanager", REGION).list_secrets()["SecretList"]
    subscriptions = stack.client("sns", REGION).list_subscriptions()["Subscriptions"]
    mappings = stack.client("lambda", REGION).list_event_source_mappings()["EventSourceMappings"]
    return {
        "processors": {one["Name"]: one["Status"] for one in processors},
        "collections": {
            name: sorted(face["FaceId"] for face in rekognition.list_faces(CollectionId=name)["Faces"])
            for name in collections
        },
        "streams": sorted(one["StreamARN"] for one in streams),
        "records": sorted(stack.client("kinesis", REGION).list_streams()["StreamNames"]),
        "roles": sorted(role["Arn"] for role in iam.list_roles()["Roles"]),
        "secrets": sorted(one["ARN"] for one in secrets),
        "subscriptions": sorted(one["SubscriptionArn"] for one in subscriptions),
        "queues": sorted(stack.client("sqs", REGION).list_queues()["QueueUrls"]),
        "mappings": {one["UUID"]: one["State"] for one in mappings},
    }


def _objects(stack: RunningStack) -> dict[str, str]:
    """Return every object that nobody writes again, with its ETag."""
    pages = stack.client("s3", REGION).get_paginator("list_objects_v2")
    listed = pages.paginate(Bucket=f"gatehouse-123456789012-{REGION}")
    found = {item["Key"]: item["ETag"] for page in listed for item in page.get("Contents", [])}
    return {key: etag for key, etag in found.items() if not key.startswith("edge/")}


def _documents(stack: RunningStack) -> set[tuple[str, str]]:
    """Return a camera's documents by time and id."""
    found = stack.search.search(
        index="gatehouse-detections",
        body={"query": {"term": {"camera_id": CAMERA}}, "size": 10_000, "_source": ["@timestamp"]},
    )
    return {(hit["_source"]["@timestamp"], hit["_id"]) for hit in found["hits"]["hits"]}


def _rows(stack: RunningStack) -> set[tuple[str, str]]:
    """Return every row of the ledger that only a DAG writes, as text with its table."""
    found: set[tuple[str, str]] = set()
    with psycopg.connect(stack.layout.database_url.replace("+psycopg", "")) as ledger:
        for table in DAGS_TABLES:
            query = sql.SQL("SELECT to_jsonb(t)::text FROM {} t").format(sql.Identifier(table))
            found |= {(table, row) for (row,) in ledger.execute(query)}
    return found
