"""The foundation is laid over what is there already, and changes nothing of it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from moto.server import ThreadedMotoServer

from gatehouse.office.config import load_regions
from gatehouse_stack import company, foundation
from gatehouse_stack.foundation import Foundation
from gatehouse_stack.layout import Layout

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def moto() -> Iterator[int]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    httpx.post(f"http://127.0.0.1:{port}/moto-api/reset", timeout=60).raise_for_status()
    yield port
    server.stop()


@pytest.fixture
def home(moto: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Foundation:
    """The home Region with its bucket, in a company of one employee; moto stands where the cloud would."""
    monkeypatch.delenv("GATEHOUSE_FACES", raising=False)
    monkeypatch.setenv("GATEHOUSE_CONFIG", str(ROOT / "config"))
    layout = Layout(tmp_path, tmp_path / "run", moto)
    write_company(layout, "one")
    name, regions = company.regions(layout.config)
    made = Foundation(layout, next(region for region in regions if region.name == name))
    made.client("s3").create_bucket(
        Bucket=made.region.bucket, CreateBucketConfiguration={"LocationConstraint": name}
    )
    return made


def write_company(layout: Layout, *people: str) -> None:
    shutil.rmtree(layout.company, ignore_errors=True)
    for person in people:
        (layout.company / "photos" / person).mkdir(parents=True)
        (layout.company / "photos" / person / "1.jpg").write_bytes(person.encode())
    (layout.company / "roster.csv").write_text("\n".join(("id", *people)))
    (layout.company / "secrets.json").write_text(json.dumps({}))


def lay(home: Foundation) -> None:
    foundation.roster(home.layout, home)


def keys(home: Foundation) -> dict[str, Any]:
    listed = home.client("s3").list_objects_v2(Bucket=home.region.bucket)
    return {item["Key"]: item["LastModified"] for item in listed.get("Contents", [])}


def body(home: Foundation, key: str) -> bytes:
    found: bytes = home.client("s3").get_object(Bucket=home.region.bucket, Key=key)["Body"].read()
    return found


def test_the_sample_is_uploaded_once(home: Foundation) -> None:
    lay(home)
    first = keys(home)
    assert sorted(first) == ["photos/one/1.jpg", "roster/roster.csv"]
    home.client("s3").delete_object(Bucket=home.region.bucket, Key="photos/one/1.jpg")
    lay(home)
    assert sorted(keys(home)) == ["roster/roster.csv"]


def test_another_sample_is_uploaded_over_the_former(home: Foundation) -> None:
    lay(home)
    write_company(home.layout, "one", "two")
    lay(home)
    assert body(home, "roster/roster.csv") == b"id\none\ntwo"
    assert body(home, "photos/two/1.jpg") == b"two"


def test_a_roster_that_somebody_put_there_stays(home: Foundation) -> None:
    home.client("s3").put_object(Bucket=home.region.bucket, Key="roster/roster.csv", Body=b"own")
    lay(home)
    write_company(home.layout, "one", "two")
    lay(home)
    assert body(home, "roster/roster.csv") == b"own"


def test_a_region_that_stands_is_laid_again_without_a_second_subscription(home: Foundation) -> None:
    topic = home.topic()
    assert home.topic() == topic
    found = home.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert len(found) == 1


class Webhook(BaseHTTPRequestHandler):
    """Stand where the sink does."""

    got: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/operations"
        server.shutdown()
        thread.join()
    Webhook.got.clear()


def test_what_operators_are_told_reaches_the_webhook_of_this_run_only(home: Foundation, webhook: str) -> None:
    home.operations_topic("http://127.0.0.1:9/operations")
    topic = home.operations_topic(webhook)
    assert home.operations_topic(webhook) == topic
    sns = home.client("sns")
    found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [each["Endpoint"] for each in found] == [webhook]
    sns.publish(TopicArn=topic, Subject="s", Message="told")
    assert [(each["Subject"], each["Message"]) for each in Webhook.got] == [("s", "told")]
    assert topic == load_regions(ROOT / "config").operations_topic_arn
