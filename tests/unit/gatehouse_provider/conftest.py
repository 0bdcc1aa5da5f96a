"""Airflow without a database, a local cloud of its own, and a real ledger: no part is patched."""

from __future__ import annotations

import atexit
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from gatehouse.office.config import load_company
from ports import free_port

# Airflow reads these when it is first imported.
_HOME = tempfile.mkdtemp(prefix="airflow-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ.update(
    {
        "AIRFLOW_HOME": _HOME,
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME}/airflow.db",
    }
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

ACCOUNT = "123456789012"
REGIONS = ("eu-central-1", "us-west-2", "ap-northeast-1")
CONFIG = Path(__file__).parents[3] / "config"
# Every state is passed through, and none takes long.
BRISK = """
kinesis: {creating_seconds: 0.3}
kinesisvideo: {creating_s: 0.3, deleting_s: 0.3}
processors: {start_seconds: 0.3, stop_seconds: 0.2, name_hold_seconds: 0.3, check_seconds: 1}
"""
START_SECONDS = 60
Client = Any


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the endpoint of a local cloud that this run's tests share."""
    folder = tmp_path_factory.mktemp("cloud")
    moto, door = free_port(), free_port()
    settings = folder / "cloud.yaml"
    settings.write_text(BRISK)
    places = ["--port", str(door), "--state", str(folder), "--moto-endpoint", f"http://127.0.0.1:{moto}"]
    places += ["--config", str(settings)]
    commands = {
        "moto": ["-c", "from moto.server import main; main()", "-p", str(moto)],
        "door": ["-m", "gatehouse_local", *places],
    }
    processes = []
    for name, arguments in commands.items():
        with (folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, *arguments]
            processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=folder))
    endpoint = f"http://127.0.0.1:{door}"
    try:
        _wait_for(endpoint, folder / "door.log", processes)
        yield endpoint
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=20)


def _wait_for(endpoint: str, log: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        try:
            urllib.request.urlopen(f"{endpoint}/_gatehouse/health", timeout=5)  # noqa: S310 - our own
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the local cloud didn't start; its log:\n{log.read_text()}")


@pytest.fixture(scope="session")
def clients(cloud: str) -> Callable[..., Client]:
    """Return a factory of boto3 clients for the local cloud; to make one takes longer than to use it."""
    session = boto3.Session(ACCOUNT, "local")

    @cache
    def client(service: str, region: str = "eu-central-1") -> Client:
        return session.client(service, region_name=region, endpoint_url=cloud)

    return client


@pytest.fixture
def aws(cloud: str, clients: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Client]:
    """Connect Airflow to the local cloud, and return a factory of boto3 clients for it."""
    connection = {
        "conn_type": "aws",
        "login": ACCOUNT,
        "password": "local",
        "extra": {"endpoint_url": cloud, "region_name": "eu-central-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    return clients


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an editable copy of the committed configuration, which Airflow uses too."""
    import shutil

    folder = Path(shutil.copytree(CONFIG, tmp_path / "config"))
    monkeypatch.setenv("GATEHOUSE_CONFIG", str(folder))
    return folder


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["rekognition.amazonaws.com", "lambda.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@pytest.fixture
def foundation(aws: Callable[..., Any], config: Path) -> Callable[..., Any]:
    """Lay the foundation of every Region and return the client factory."""
    company = load_company(config)
    iam = aws("iam")
    known = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    for region, names in company.regions.regions.items():
        for role in {names.processor_role, names.ingest_role} - known:
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
            known.add(role)
        _lay(aws, region, names)
    # Asked for again it is the same one.
    home = company.regions.regions[company.regions.home]
    aws("sns", company.regions.home).create_topic(Name=home.operations_topic)
    for office in company.offices.values():
        secrets = aws("secretsmanager", office.region)
        there = {secret["Name"] for secret in secrets.list_secrets(MaxResults=100)["SecretList"]}
        for camera in office.cameras:
            if camera.rtsp_secret not in there:
                secrets.create_secret(Name=camera.rtsp_secret, SecretString="{}")
    return aws


@pytest.fixture
def told(foundation: Callable[..., Any], config: Path) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Subscribe to the operations topic; returns what came since the last call, with its subject."""
    sns, sqs = foundation("sns"), foundation("sqs")
    topic = load_company(config).regions.operations_topic_arn
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    subscribed = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])

    def receive() -> list[dict[str, Any]]:
        found = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                envelope = json.loads(message["Body"])
                found.append({"subject": envelope["Subject"], **json.loads(envelope["Message"])})
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    yield receive
    sns.unsubscribe(SubscriptionArn=subscribed["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def sns_refuses(cloud: str) -> Callable[[], AbstractContextManager[None]]:
    """Return what makes SNS refuse everything published inside its block."""

    @contextmanager
    def refusing() -> Iterator[None]:
        faults = f"{cloud}/_gatehouse/faults"
        fault = {"service": "sns", "operation": "Publish", "kind": "error", "code": "AuthorizationError"}
        httpx.post(faults, json=fault | {"status": 403}).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(faults).raise_for_status()

    return refusing


def _lay(aws: Callable[..., Any], region: str, names: Any) -> None:
    s3, functions = aws("s3", region), aws("lambda", region)
    if names.bucket in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        return
    s3.create_bucket(Bucket=names.bucket, CreateBucketConfiguration={"LocationConstraint": region})
    aws("sns", region).create_topic(Name=names.alert_topic)
    aws("sqs", region).create_queue(QueueName=names.notify_queue)
    aws("sns", region).create_topic(Name=names.probe_topic)
    aws("sqs", region).create_queue(QueueName=names.probe_queue)
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("handler.py", "def handler(event, context):\n    return {}\n")
    functions.create_function(
        FunctionName=names.ingest_function,
        Role=f"arn:aws:iam::123456789012:role/{names.ingest_role}",
        Handler="handler.handler",
        Runtime="python3.11",
        Code={"ZipFile": package.getvalue()},
    )
    # A new function is Pending for a while, and can't be invoked then.
    ready = functions.get_waiter("function_active_v2")
    ready.wait(FunctionName=names.ingest_function, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
