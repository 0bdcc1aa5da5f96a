"""Create what each Region needs once, and hand over the sample company's data.

In production whoever owns the account lays it; `office_rollout` only checks that it is there. Every step
is idempotent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError
from opensearchpy import OpenSearch

from gatehouse.ingest.snapshot import IngestSnapshot, SnapshotRule
from gatehouse.office import naming
from gatehouse.search.templates import index_templates
from gatehouse_stack import cloud, company, policies
from gatehouse_stack.company import Region
from gatehouse_stack.layout import ACCOUNT, Layout

_ROSTER = "roster/roster.csv"
_SOMEBODYS = "somebody's own"
# The managed policy for whoever runs Airflow.
_TELLS = "gatehouse-operations"
_WEBHOOK = "/operations"


class Foundation:
    """Make one Region ready."""

    def __init__(self, layout: Layout, region: Region) -> None:
        self.layout = layout
        self.region = region

    def client(self, service: str) -> Any:
        """Return a boto3 client of the Region."""
        return cloud.client(self.layout, service, self.region.name)

    def make(self) -> None:
        """Create bucket, topics, queues, roles and function."""
        self._bucket()
        topic, probes = self.topic(), self.probe_topic()
        self._roles(topic, probes)
        self._function(topic, probes)
        self._snapshot()

    def _bucket(self) -> None:
        s3 = self.client("s3")
        settings: dict[str, Any] = {"Bucket": self.region.bucket}
        if self.region.name != "us-east-1":
            settings["CreateBucketConfiguration"] = {"LocationConstraint": self.region.name}
        with _unless("BucketAlreadyOwnedByYou"):
            s3.create_bucket(**settings)

    def topic(self) -> str:
        """Create alert topic and notify queue, subscribed to each other; return the topic's ARN."""
        topic: str = self.client("sns").create_topic(Name=self.region.alert_topic)["TopicArn"]
        sqs = self.client("sqs")
        dead = self._queue(sqs, f"{self.region.notify_queue}-dead", {})
        redrive = {"deadLetterTargetArn": dead, "maxReceiveCount": 20}
        queue = self._queue(sqs, self.region.notify_queue, {"RedrivePolicy": json.dumps(redrive)})
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
        return topic

    def probe_topic(self) -> str:
        """Make the topic of probes' alerts and the queue in which a rollout finds their receipts."""
        topic: str = self.client("sns").create_topic(Name=self.region.probe_topic)["TopicArn"]
        queue = self._queue(self.client("sqs"), self.region.probe_queue, {"MessageRetentionPeriod": "3600"})
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
        return topic

    def operations_topic(self, webhook: str) -> str:
        """Make the topic on which operators are told, say who may publish there, and subscribe a webhook.

        Where that listened before, nothing does any more: moto refuses to publish to whom it can't reach.
        """
        sns = self.client("sns")
        topic: str = sns.create_topic(Name=self.region.operations_topic)["TopicArn"]
        access = json.dumps(policies.operations_topic_policy(ACCOUNT, topic))
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=access)
        with _unless("EntityAlreadyExists"):
            document = json.dumps(policies.operations_policy(topic))
            self.client("iam").create_policy(PolicyName=_TELLS, PolicyDocument=document)
        for known in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
            if known["Endpoint"].endswith(_WEBHOOK) and known["Endpoint"] != webhook:
                sns.unsubscribe(SubscriptionArn=known["SubscriptionArn"])
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=webhook)
        return topic

    def _queue(self, sqs: Any, name: str, attributes: dict[str, str]) -> str:
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def _roles(self, *topics: str) -> None:
        iam = self.client("iam")
        processor = policies.trust("rekognition.amazonaws.com", ACCOUNT)
        self._role(iam, self.region.processor_role, processor, policies.processor_policy(ACCOUNT))
        ingest = policies.trust("lambda.amazonaws.com")
        self._role(iam, self.region.ingest_role, ingest, policies.ingest_policy(ACCOUNT, *topics))

    def frames_role(self, office: str) -> None:
        """Create the role of an office's frame-search worker, as a task of ECS.

        On this machine nobody assumes it: the worker's key is the account's own.
        """
        allowed = policies.frames_policy(ACCOUNT, self.region.name, self.region.bucket, office)
        trust = policies.trust("ecs-tasks.amazonaws.com", ACCOUNT)
        self._role(self.client("iam"), naming.frames_role(office), trust, allowed)

    def _role(self, iam: Any, name: str, trust: dict[str, Any], policy: dict[str, Any]) -> None:
        with _unless("EntityAlreadyExists"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        policy_name = f"{name}-{self.region.name}"
        iam.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=json.dumps(policy))

    def _function(self, topic: str, probe_topic: str) -> None:
        client = self.client("lambda")
        package = (self.layout.root / "build" / "ingest.zip").read_bytes()
        settings: dict[str, Any] = {
            "FunctionName": self.region.ingest_function,
            "Role": f"arn:aws:iam::{ACCOUNT}:role/{self.region.ingest_role}",
            "Handler": "gatehouse_ingest.handler.handler",
            "Runtime": "python3.11",
            "Timeout": 60,
            "MemorySize": 512,
            "Environment": {
                "Variables": {
                    "OPENSEARCH_URL": self.layout.url("opensearch"),
                    "GATEHOUSE_BUCKET": self.region.bucket,
                    "GATEHOUSE_ALERT_TOPIC_ARN": topic,
                    "GATEHOUSE_PROBE_TOPIC_ARN": probe_topic,
                }
            },
        }
        with _unless("ResourceConflictException"):
            client.create_function(Code={"ZipFile": package}, **settings)
            return
        client.update_function_configuration(**settings)
        client.get_waiter("function_updated_v2").wait(FunctionName=self.region.ingest_function)
        client.update_function_code(FunctionName=self.region.ingest_function, ZipFile=package)

    def _snapshot(self) -> None:
        rules = yaml.safe_load((self.layout.config / "rules.yaml").read_text())
        snapshot = IngestSnapshot(
            version=1,
            region=self.region.name,
            evidence=rules["evidence"],
            streams={},
            people={},
            rules={name: SnapshotRule(**rule) for name, rule in rules["rules"].items()},
        )
        with _unless("PreconditionFailed"):
            self.client("s3").put_object(
                Bucket=self.region.bucket,
                Key=naming.SNAPSHOT_KEY,
                Body=snapshot.model_dump_json().encode(),
                IfNoneMatch="*",
            )


def make(layout: Layout) -> None:
    """Lay the whole foundation and wait until the ingest functions are Active."""
    lay(layout)
    search(layout)
    wait_for_function(layout)


def lay(layout: Layout) -> None:
    """Make every Region ready, then upload the sample company's secrets, roster and photos."""
    home, regions = company.regions(layout.config)
    made = {region.name: Foundation(layout, region) for region in regions}
    for foundation in made.values():
        foundation.make()
    made[home].operations_topic(layout.url("sink") + _WEBHOOK)
    for office in company.offices(layout.config):
        if office.searches_frames and office.region in made:
            made[office.region].frames_role(office.name)
    _secrets(layout, made)
    roster(layout, made[home])
    for foundation in made.values():
        _probe_clip(layout, foundation)


def search(layout: Layout) -> None:
    """Put the index templates and create the detections data stream, unless it is there."""
    client = OpenSearch(layout.url("opensearch"), timeout=30)
    for name, body in index_templates().items():
        client.indices.put_index_template(name=name, body=body)
        # A template is for indices to come; those that are there learn of new fields by themselves only here.
        for pattern in body["index_patterns"]:
            mappings = body["template"]["mappings"]
            client.indices.put_mapping(index=pattern, body=mappings, params={"ignore": 404})
    if not client.indices.exists(index=naming.DETECTIONS):
        client.indices.create_data_stream(name=naming.DETECTIONS)


def _secrets(layout: Layout, made: dict[str, Foundation]) -> None:
    secrets = json.loads((layout.company / "secrets.json").read_text())
    for office in company.offices(layout.config):
        client = made[office.region].client("secretsmanager") if office.region in made else None
        for camera in office.cameras:
            if client is None or camera not in secrets:
                continue
            url = f"rtsp://{layout.host('cameras')}:{layout.port('cameras')}/{camera}"
            value = json.dumps({**secrets[camera], "url": url})
            with _unless("ResourceExistsException"):
                client.create_secret(Name=naming.rtsp_secret(camera), SecretString=value)
                continue
            client.put_secret_value(SecretId=naming.rtsp_secret(camera), SecretString=value)


def roster(layout: Layout, home: Foundation) -> None:
    """Upload roster and photos once; what somebody has changed since then stays theirs."""
    s3, bucket = home.client("s3"), home.region.bucket
    content = (layout.company / "roster.csv").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if _uploaded(s3, bucket) in (digest, _SOMEBODYS):
        return
    for photo in _photos(layout.company):
        key = photo.relative_to(layout.company).as_posix()
        s3.put_object(Bucket=bucket, Key=key, Body=photo.read_bytes(), ContentType="image/jpeg")
    # Last: a roster tells that its photos are there.
    mark = {"sample": digest}
    s3.put_object(Bucket=bucket, Key=_ROSTER, Body=content, ContentType="text/csv", Metadata=mark)


def _uploaded(s3: Any, bucket: str) -> str:
    """Return the digest of the sample's roster in the bucket; empty where there is no roster at all."""
    try:
        found = s3.head_object(Bucket=bucket, Key=_ROSTER)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        return ""
    return str(found["Metadata"].get("sample", _SOMEBODYS))


def _probe_clip(layout: Layout, region: Foundation) -> None:
    """Upload the probe's clip and its truth, where the company has one, to a Region's own bucket."""
    s3 = region.client("s3")
    for key, kind in ((naming.PROBE_CLIP_KEY, "video/mp4"), (naming.PROBE_TRUTH_KEY, "application/json")):
        path = layout.company / key
        if path.is_file():
            s3.put_object(Bucket=region.region.bucket, Key=key, Body=path.read_bytes(), ContentType=kind)


def _photos(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in (folder / "photos").rglob("*") if path.is_file())


@contextlib.contextmanager
def _unless(code: str) -> Iterator[None]:
    """Pass over one AWS error code: the thing is there already."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise


def wait_for_function(layout: Layout, seconds: float = 60) -> None:
    """Wait until the ingest function of every Region is Active; raise TimeoutError otherwise."""
    _, regions = company.regions(layout.config)
    deadline = time.monotonic() + seconds
    for region in regions:
        client = Foundation(layout, region).client("lambda")
        remaining = max(1, int(deadline - time.monotonic()))
        client.get_waiter("function_active_v2").wait(
            FunctionName=region.ingest_function, WaiterConfig={"Delay": 1, "MaxAttempts": remaining}
        )
