"""A foundation in every Region, as `make up` lays it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse.office.config import load_company

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
    for office in company.offices.values():
        secrets = aws("secretsmanager", office.region)
        there = {secret["Name"] for secret in secrets.list_secrets(MaxResults=100)["SecretList"]}
        for camera in office.cameras:
            if camera.rtsp_secret not in there:
                secrets.create_secret(Name=camera.rtsp_secret, SecretString="{}")
    return aws


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
