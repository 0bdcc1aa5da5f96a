"""Write the IAM documents of our parts' roles: what each part calls, on our own names only."""

from __future__ import annotations

from typing import Any

from gatehouse.office import naming

Document = dict[str, Any]


def trust(service: str, account: str = "") -> Document:
    """Let an AWS service assume a role; with `account`, only in the name of that account."""
    statement: Document = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if account:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def processor_policy(account: str) -> Document:
    """Allow what a stream processor does: the four actions of aws.md §2.4."""
    videos = f"arn:aws:kinesisvideo:*:{account}:stream/gatehouse-*"
    records = f"arn:aws:kinesis:*:{account}:stream/gatehouse-records-*"
    return _policy(
        _allow(["kinesisvideo:GetDataEndpoint", "kinesisvideo:GetMedia"], videos),
        _allow(["kinesis:PutRecord", "kinesis:PutRecords"], records),
    )


def ingest_policy(account: str, *topics: str) -> Document:
    """Allow what the ingest function does."""
    records = f"arn:aws:kinesis:*:{account}:stream/gatehouse-records-*"
    videos = f"arn:aws:kinesisvideo:*:{account}:stream/gatehouse-*"
    reads = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords"]
    return _policy(
        _allow([*reads, "kinesis:GetShardIterator", "kinesis:ListShards"], records),
        _allow(["kinesisvideo:GetDataEndpoint", "kinesisvideo:GetImages"], videos),
        _allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::gatehouse-*/*"),
        _allow(["sns:Publish"], list(topics)),
    )


def operations_policy(topic: str) -> Document:
    """Allow whoever runs Airflow to tell the company's operators."""
    return _policy(_allow(["sns:Publish"], topic))


def operations_topic_policy(account: str, topic: str) -> Document:
    """Leave it to IAM who of the account may use the operations topic.

    A new topic's own policy lets every identity of the account publish, whatever IAM says of it.
    """
    owner = {"AWS": f"arn:aws:iam::{account}:root"}
    uses = ["GetTopicAttributes", "SetTopicAttributes", "Subscribe", "ListSubscriptionsByTopic", "Publish"]
    return _policy({**_allow([f"sns:{use}" for use in uses], topic), "Principal": owner})


def frames_policy(account: str, region: str, bucket: str, office: str) -> Document:
    """Allow what one office's frame-search worker does, on this office's own resources."""
    place = f"{region}:{account}"
    reads = ["kinesisvideo:DescribeStream", "kinesisvideo:GetDataEndpoint", "kinesisvideo:GetMedia"]
    # A camera's id doesn't name its office, so the tag does: a camera that joins needs no other policy.
    videos = {
        **_allow(reads, f"arn:aws:kinesisvideo:{place}:stream/gatehouse-*"),
        "Condition": {"StringEquals": {f"aws:ResourceTag/{naming.TAG_OFFICE}": office}},
    }
    collection = f"arn:aws:rekognition:{place}:collection/{naming.collection_id(office)}"
    records = f"arn:aws:kinesis:{place}:stream/{naming.office_record_stream(office)}"
    documents = naming.frames_desired_key(office).rpartition("/")[0]
    return _policy(
        videos,
        _allow(["rekognition:DetectFaces"], "*"),  # it is about no resource
        _allow(["rekognition:SearchFacesByImage"], collection),
        _allow(["kinesis:PutRecords"], records),
        _allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/{documents}/*"),
        # Without it S3 answers 403, not 404, for a document that isn't there yet.
        _allow(["s3:ListBucket"], f"arn:aws:s3:::{bucket}"),
    )


def _policy(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(actions: list[str], resource: str | list[str]) -> Document:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}
