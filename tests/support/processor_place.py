"""Everything a stream processor needs, for the contract tests of its lifecycle and of its video."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "rekognition.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
STREAMS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "kinesisvideo:GetDataEndpoint",
                "kinesisvideo:GetMedia",
                "kinesis:PutRecord",
                "kinesis:PutRecords",
            ],
            "Resource": "*",
        }
    ],
}


@dataclass
class Place:
    """Everything a processor needs, under one name."""

    aws: Callable[..., Any]
    name: str
    video: str = ""
    data: str = ""
    role: str = ""

    def make(self) -> Place:
        video = self.aws("kinesisvideo")
        self.video = video.create_stream(StreamName=self.name, DataRetentionInHours=1)["StreamARN"]
        data = self.aws("kinesis")
        data.create_stream(StreamName=self.name, ShardCount=1)
        eventually(lambda: self._active(video), pause=0.4)  # DescribeStream is 5 a second and stream
        data.get_waiter("stream_exists").wait(StreamName=self.name, WaiterConfig={"Delay": 1})
        self.data = data.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"][
            "StreamARN"
        ]
        self.aws("rekognition").create_collection(CollectionId=self.name)
        iam = self.aws("iam")
        self.role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
            "Arn"
        ]
        self.allow()
        return self

    def _active(self, video: Any) -> bool:
        status: str = video.describe_stream(StreamName=self.name)["StreamInfo"]["Status"]
        return status == "ACTIVE"

    def allow(self, *, video: bool = True, data: bool = True) -> None:
        statements = [
            {"Effect": "Allow", "Action": actions, "Resource": arn}
            for wanted, actions, arn in (
                (video, ["kinesisvideo:GetDataEndpoint", "kinesisvideo:GetMedia"], self.video),
                (data, ["kinesis:PutRecord", "kinesis:PutRecords"], self.data),
            )
            if wanted
        ]
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.aws("iam").put_role_policy(
            RoleName=self.name, PolicyName="streams", PolicyDocument=json.dumps(policy)
        )

    def create(self, name: str = "", **changes: Any) -> str:
        request = {
            "Name": name or self.name,
            "Input": {"KinesisVideoStream": {"Arn": self.video}},
            "Output": {"KinesisDataStream": {"Arn": self.data}},
            "RoleArn": self.role,
            "Settings": {"FaceSearch": {"CollectionId": self.name, "FaceMatchThreshold": 85.0}},
            **changes,
        }
        arn: str = self.rekognition.create_stream_processor(**request)["StreamProcessorArn"]
        return arn

    def status(self) -> str:
        status: str = self.describe()["Status"]
        return status

    def describe(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.rekognition.describe_stream_processor(Name=self.name)
        return answer

    def start(self) -> None:
        self.rekognition.start_stream_processor(Name=self.name)

    def failed(self) -> str:
        """Start, wait for FAILED and return why."""
        self.start()
        eventually(lambda: self.status() == "FAILED")
        message: str = self.describe()["StatusMessage"]
        return message

    def records(self) -> list[dict[str, Any]]:
        kinesis = self.aws("kinesis")
        iterator = kinesis.get_shard_iterator(
            StreamName=self.name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        time.sleep(0.25)  # GetRecords is 5 a second and shard
        return [json.loads(one["Data"]) for one in kinesis.get_records(ShardIterator=iterator)["Records"]]

    @property
    def rekognition(self) -> Any:
        return self.aws("rekognition")

    def remove(self) -> None:
        iam = self.aws("iam")
        for one in self.rekognition.list_stream_processors()["StreamProcessors"]:
            if one["Name"].startswith(self.name):
                if one["Status"] in ("STARTING", "RUNNING"):
                    eventually(lambda name=one["Name"]: self._stop(name))
                eventually(lambda name=one["Name"]: self._delete(name))
        self.rekognition.delete_collection(CollectionId=self.name)
        self.aws("kinesisvideo").delete_stream(StreamARN=self.video)
        self.aws("kinesis").delete_stream(StreamName=self.name)
        for policy in iam.list_role_policies(RoleName=self.name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=self.name, PolicyName=policy)
        iam.delete_role(RoleName=self.name)

    def _stop(self, name: str) -> bool:
        return succeeds(lambda: self.rekognition.stop_stream_processor(Name=name))

    def _delete(self, name: str) -> bool:
        return succeeds(lambda: self.rekognition.delete_stream_processor(Name=name))


def code(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    found: str = refused.value.response["Error"]["Code"]
    return found


def succeeds(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError:
        return False
    return True


def eventually(check: Callable[[], Any], seconds: float = 30.0, pause: float = 0.1) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(pause)
    return found
