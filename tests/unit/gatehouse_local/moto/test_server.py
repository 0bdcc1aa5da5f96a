"""moto with a memory, as a process of its own: what an orderly stop keeps, and what a kill doesn't."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from gatehouse_local.core.store import Store
from gatehouse_local.moto.epoch import MotoGuard

ACCOUNT, REGION = "123456789012", "eu-central-1"
ALLOW = {"Effect": "Allow", "Action": "kinesis:PutRecord", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [ALLOW]})
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
READY = re.compile(r"ready at http://127\.0\.0\.1:(\d+)")


@dataclass(slots=True)
class Launcher:
    """Start and stop the server over one snapshot file."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[str] | None = None
    runs: list[Path] = field(default_factory=list)

    @property
    def snapshot(self) -> Path:
        return self.folder / "moto.snapshot"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def words(self) -> str:
        """What the last run logged."""
        return self.runs[-1].read_text()

    def start(self) -> None:
        log = self.folder / f"run{len(self.runs)}.log"
        self.runs.append(log)
        command = [sys.executable, "-m", "gatehouse_local.moto.server", "--port", str(self.port)]
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [*command, "--snapshot", str(self.snapshot)], stderr=output, stdout=output, text=True
            )
        self.port = int(until(lambda: READY.search(self.words), "the server is ready")[1])

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(signum)
        return self.process.wait(60)

    def restart(self, signum: signal.Signals = signal.SIGTERM) -> None:
        self.stop(signum)
        self.start()

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
        )


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not reached: {what}"
        time.sleep(0.05)
    return found


@pytest.fixture
def moto(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path)
    launcher.start()
    yield launcher
    if launcher.process is not None and launcher.process.poll() is None:
        launcher.process.kill()
        launcher.process.wait()


def buckets(moto: Launcher) -> list[str]:
    return [bucket["Name"] for bucket in moto.client("s3").list_buckets()["Buckets"]]


def make_bucket(moto: Launcher, name: str = "kept") -> None:
    moto.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def test_objects_with_their_metadata_survive_an_orderly_restart(moto: Launcher) -> None:
    make_bucket(moto)
    body = os.urandom(200_000)
    moto.client("s3").put_object(Bucket="kept", Key="a/b", Body=body, Metadata={"camera": "one"})
    moto.restart()
    found = moto.client("s3").get_object(Bucket="kept", Key="a/b")
    assert found["Body"].read() == body
    assert found["Metadata"] == {"camera": "one"}
    with pytest.raises(ClientError, match="BucketAlreadyOwnedByYou"):
        make_bucket(moto)


def test_every_version_of_an_object_survives(moto: Launcher) -> None:
    make_bucket(moto)
    s3 = moto.client("s3")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    made = [s3.put_object(Bucket="kept", Key="a", Body=body)["VersionId"] for body in (b"1", b"2", b"3")]
    moto.restart()
    found = [s3.get_object(Bucket="kept", Key="a", VersionId=version)["Body"].read() for version in made]
    assert found == [b"1", b"2", b"3"]
    s3.delete_object(Bucket="kept", Key="a", VersionId=made[-1])
    assert s3.get_object(Bucket="kept", Key="a")["Body"].read() == b"2"


def test_a_record_keeps_its_number_and_the_next_one_follows(moto: Launcher) -> None:
    kinesis = moto.client("kinesis")
    kinesis.create_stream(StreamName="records", ShardCount=1)
    first = kinesis.put_record(StreamName="records", Data=b"one", PartitionKey="k")["SequenceNumber"]
    moto.restart()
    shard = {"StreamName": "records", "ShardId": "shardId-000000000000"}
    again = kinesis.get_shard_iterator(
        **shard, ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=first
    )
    second = kinesis.put_record(StreamName="records", Data=b"two", PartitionKey="k")["SequenceNumber"]
    found = kinesis.get_records(ShardIterator=again["ShardIterator"])["Records"]
    assert [(record["SequenceNumber"], record["Data"]) for record in found] == [
        (first, b"one"),
        (second, b"two"),
    ]
    assert int(second) > int(first)


def test_a_waiting_message_and_one_in_flight_come_along(moto: Launcher) -> None:
    sqs = moto.client("sqs")
    url = sqs.create_queue(QueueName="alerts", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="in flight")
    (taken,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.send_message(QueueUrl=url, MessageBody="waiting")
    moto.restart()
    bodies = [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]]
    assert bodies == ["waiting"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=taken["ReceiptHandle"])
    names = ["ApproximateNumberOfMessagesNotVisible"]
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert left == {"ApproximateNumberOfMessagesNotVisible": "1"}


def test_a_topic_still_reaches_the_queue_that_subscribed(moto: Launcher) -> None:
    sns, sqs = moto.client("sns"), moto.client("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    url = sqs.create_queue(QueueName="notify")["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:notify"
    made = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
    moto.restart()
    assert sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"] == made
    sns.publish(TopicArn=topic, Message="a stranger")
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["Message"] == "a stranger"


def test_a_dead_letter_queue_stays_the_one_its_queue_names(moto: Launcher) -> None:
    sqs = moto.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead", "maxReceiveCount": 1}
    settings = {"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "0"}
    url = sqs.create_queue(QueueName="work", Attributes=settings)["QueueUrl"]
    moto.restart()
    assert sqs.create_queue(QueueName="work", Attributes=settings)["QueueUrl"] == url
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    sqs.receive_message(QueueUrl=url)
    sqs.receive_message(QueueUrl=url)
    assert sqs.receive_message(QueueUrl=dead)["Messages"][0]["Body"] == "poison"


def test_roles_secrets_and_parameters_survive(moto: Launcher) -> None:
    moto.client("iam").create_role(RoleName="processor", AssumeRolePolicyDocument=TRUST)
    moto.client("iam").put_role_policy(RoleName="processor", PolicyName="p", PolicyDocument=POLICY)
    moto.client("secretsmanager").create_secret(Name="camera", SecretString="rtsp")
    moto.client("ssm").put_parameter(Name="/a", Value="b", Type="String")
    for _ in range(2):
        moto.restart()
    assert moto.client("iam").list_role_policies(RoleName="processor")["PolicyNames"] == ["p"]
    assert moto.client("secretsmanager").get_secret_value(SecretId="camera")["SecretString"] == "rtsp"
    assert moto.client("ssm").get_parameter(Name="/a")["Parameter"]["Value"] == "b"


def test_what_was_restored_can_be_saved_again(moto: Launcher) -> None:
    s3, sqs, kinesis = moto.client("s3"), moto.client("sqs"), moto.client("kinesis")
    make_bucket(moto)
    s3.put_object(Bucket="kept", Key="a", Body=b"first", IfNoneMatch="*")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead", "maxReceiveCount": 20}
    url = sqs.create_queue(QueueName="alerts", Attributes={"RedrivePolicy": json.dumps(redrive)})["QueueUrl"]
    topic = moto.client("sns").create_topic(Name="alerts")["TopicArn"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:alerts"
    moto.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    kinesis.create_stream(StreamName="records", ShardCount=1)
    for run in range(3):
        moto.client("sns").publish(TopicArn=topic, Message=str(run))
        sqs.send_message(QueueUrl=dead, MessageBody=str(run))
        sqs.receive_message(QueueUrl=url)
        kinesis.put_record(StreamName="records", Data=b"x", PartitionKey="k")
        s3.put_object(Bucket="kept", Key=str(run), Body=b"x")
        assert moto.stop() == 0, moto.words
        moto.start()
        assert "goes on with the state" in moto.words
    assert len(s3.list_objects_v2(Bucket="kept")["Contents"]) == 4


def test_the_snapshot_is_ours_alone_and_gone_once_restored(moto: Launcher) -> None:
    assert moto.stop() == 0
    assert moto.snapshot.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in moto.folder.glob("moto.*")] == ["moto.snapshot"]
    moto.start()
    assert not moto.snapshot.exists()


def test_a_killed_server_leaves_nothing_and_the_next_begins_empty(moto: Launcher) -> None:
    make_bucket(moto)
    moto.restart()
    make_bucket(moto, "later")
    moto.restart(signal.SIGKILL)
    assert buckets(moto) == []
    assert "begins empty: there is no snapshot" in moto.words


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda raw: raw.replace(b'"moto": "', b'"moto": "9.', 1), r"is of moto 9\.[\d.]+, and here runs"),
        (lambda raw: raw.replace(b'"format": 1', b'"format": 9', 1), "is of format 9"),
        (lambda raw: raw[: len(raw) // 2], "is damaged"),
        (lambda raw: b"not at all\n" + raw, "doesn't begin as a snapshot does"),
        (lambda raw: b"", "doesn't begin as a snapshot does"),
    ],
    ids=["another version", "another format", "cut short", "something else", "nothing"],
)
def test_an_unfit_snapshot_is_refused_by_name_and_set_aside(
    moto: Launcher, spoil: Callable[[bytes], bytes], why: str
) -> None:
    make_bucket(moto)
    moto.stop()
    moto.snapshot.write_bytes(spoil(moto.snapshot.read_bytes()))
    moto.start()
    assert buckets(moto) == []
    assert re.search(f"begins empty: .*{why}", moto.words)
    assert [path.name for path in moto.folder.glob("moto.*")] == ["moto.snapshot.refused"]


def test_a_snapshot_that_others_can_write_is_never_read(moto: Launcher) -> None:
    make_bucket(moto)
    moto.stop()
    moto.snapshot.chmod(0o666)
    moto.start()
    assert buckets(moto) == []
    assert "isn't this account's alone" in moto.words


def test_a_state_that_cannot_be_written_is_said_and_the_end_is_no_success(moto: Launcher) -> None:
    make_bucket(moto)
    moto.snapshot.mkdir()
    assert moto.stop() == 1
    assert "nothing is saved, the next start is empty" in moto.words
    assert [path.name for path in moto.folder.glob("moto.*")] == ["moto.snapshot"]


def test_a_start_on_a_taken_port_leaves_the_snapshot_to_the_next(moto: Launcher) -> None:
    make_bucket(moto)
    moto.stop()
    with socket.create_server(("127.0.0.1", moto.port)):
        command = [sys.executable, "-m", "gatehouse_local.moto.server", "--port", str(moto.port)]
        done = subprocess.run([*command, "--snapshot", str(moto.snapshot)], capture_output=True, check=False)
    assert done.returncode == 1
    moto.start()
    assert buckets(moto) == ["kept"]


def test_a_call_under_way_is_answered_before_the_state_is_saved(moto: Launcher) -> None:
    make_bucket(moto)
    head = (
        f"PUT /kept/late HTTP/1.1\r\nHost: 127.0.0.1:{moto.port}\r\nContent-Length: 4\r\n"
        f"Expect: 100-continue\r\nx-moto-account-id: {ACCOUNT}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", moto.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        # It is told to go on just before it is let in: by the time another call is answered, it is inside.
        moto.client("s3").list_buckets()
        assert moto.process is not None
        moto.process.send_signal(signal.SIGTERM)
        until(lambda: not accepts(moto), "no connection is accepted any more")
        connection.sendall(b"late")
        assert final_answer(connection).startswith(b"HTTP/1.1 200")
    assert moto.process.wait(60) == 0
    moto.start()
    assert moto.client("s3").get_object(Bucket="kept", Key="late")["Body"].read() == b"late"


def final_answer(connection: socket.socket) -> bytes:
    """Read past what tells to go on: werkzeug and the server it builds on say so once each."""
    answer = b""
    while not answer:
        received = connection.recv(1000)
        assert received, "the connection was closed without an answer"
        answer = received.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    return answer


def accepts(moto: Launcher) -> bool:
    try:
        socket.create_connection(("127.0.0.1", moto.port), timeout=1).close()
    except ConnectionError:
        return False
    return True


def epoch_of(snapshot: Path) -> str:
    command = [sys.executable, "-m", "gatehouse_local.moto.snapshot", str(snapshot)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


async def test_the_front_door_finds_that_both_halves_belong_together(moto: Launcher, tmp_path: Path) -> None:
    store = Store(tmp_path / "state" / "state.sqlite3")
    for _ in range(2):
        guard = MotoGuard(moto.url, store)
        await guard.bind()
        health = guard.health()
        await guard.close()
        moto.stop()
        epoch = epoch_of(moto.snapshot)
        moto.start()
        assert (guard.reset, health["state"], health["epoch"]) == ("", "ok", epoch)
    moto.restart(signal.SIGKILL)
    guard = MotoGuard(moto.url, store)
    await guard.bind()
    await guard.close()
    store.close()
    assert "came back without its state" in guard.reset
    assert guard.epoch != epoch
