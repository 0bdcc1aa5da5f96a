"""Run the whole function as Lambda does: environment, clients, event, answer."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from gatehouse.exceptions import ConfigError
from gatehouse.office.naming import SNAPSHOT_KEY
from gatehouse_ingest import handler as handler_module
from gatehouse_ingest import snapshots
from gatehouse_ingest.handler import handler
from gatehouse_ingest.settings import Settings, search_client
from gatehouse_ingest.snapshots import SnapshotCache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

EPOCH = 1_795_442_040


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="bucket")
        yield client


@pytest.fixture
def search(office: Any) -> Iterator[str]:
    """Serve the fake OpenSearch over HTTP."""
    fake = office.search

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path = self.path.split("?")[0]
            request = body if path.endswith("_bulk") else json.loads(body)
            content = json.dumps(fake.perform_request("POST", path, {}, request, 1)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def _put_snapshot(s3: S3Client, office: Any, **changes: Any) -> None:
    body = office.snapshot.model_copy(update=changes).model_dump_json().encode()
    s3.put_object(Bucket="bucket", Key=SNAPSHOT_KEY, Body=body)


def test_event_goes_in_and_failures_come_out(
    aws: S3Client, search: str, office: Any, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
    queue = boto3.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    boto3.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:q"
    )
    monkeypatch.setenv("OPENSEARCH_URL", search)
    monkeypatch.setenv("GATEHOUSE_BUCKET", "bucket")
    monkeypatch.setenv("GATEHOUSE_ALERT_TOPIC_ARN", topic)
    handler_module._parts.cache_clear()
    _put_snapshot(aws, office)
    records = [record(EPOCH + step / 5, None) for step in range(5)]
    answer = handler({"Records": [*records, record.raw("42", b"poison")]}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "42"}]}
    (message,) = boto3.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    alert = json.loads(json.loads(message["Body"])["Message"])
    assert (alert["camera_id"], alert["frames"], alert["s3_location"]) == ("CAM_A", 5, None)
    handler_module._parts.cache_clear()


def test_missing_environment_is_named() -> None:
    with pytest.raises(ConfigError, match="lacks GATEHOUSE_BUCKET, GATEHOUSE_ALERT_TOPIC_ARN"):
        Settings.read({"OPENSEARCH_URL": "http://x"})


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://search-gatehouse-abc.eu-central-1.es.amazonaws.com", True),
        ("http://127.0.0.1:24102", False),
        ("https://opensearch.example.com", False),
    ],
)
def test_only_amazon_s_opensearch_is_signed_for(aws: S3Client, url: str, signed: bool) -> None:
    connection = search_client(url).transport.connection_pool.connections[0]
    assert (getattr(connection, "http_auth", None) is not None) == signed


def test_snapshot_is_read_again_only_if_it_changed(
    aws: S3Client, office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put_snapshot(aws, office)
    cache = SnapshotCache(aws, "bucket")
    first = cache.current()
    assert cache.current() is first
    assert cache.current(fresh=True) is first
    _put_snapshot(aws, office, version=2)
    assert cache.current() is first  # asked a moment ago
    monkeypatch.setattr(snapshots, "FRESH_SECONDS", -1.0)
    assert cache.current().version == 2


def test_broken_snapshot_leaves_the_last_good_one_in_force(aws: S3Client, office: Any) -> None:
    _put_snapshot(aws, office)
    cache = SnapshotCache(aws, "bucket")
    cache.current()
    aws.put_object(Bucket="bucket", Key=SNAPSHOT_KEY, Body=b"{")
    assert cache.current(fresh=True).version == 1
    aws.delete_object(Bucket="bucket", Key=SNAPSHOT_KEY)
    assert cache.current(fresh=True).version == 1


def test_no_snapshot_at_all_fails_the_batch_and_says_where_it_belongs(aws: S3Client) -> None:
    with pytest.raises(ConfigError, match=r"s3://bucket/snapshot/ingest\.json"):
        SnapshotCache(aws, "bucket").current()


def test_rule_that_the_snapshot_lacks_is_told(
    aws: S3Client, office: Any, caplog: pytest.LogCaptureFixture
) -> None:
    _put_snapshot(aws, office, rules={})
    SnapshotCache(aws, "bucket").current()
    assert "rule non_employee of camera CAM_A isn't in it" in caplog.text
