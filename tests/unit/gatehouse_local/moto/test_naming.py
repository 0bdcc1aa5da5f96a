"""Forwarded calls are named as AWS names them."""

from __future__ import annotations

import base64
import json

import pytest

from gatehouse_local.core.model import HttpCall
from gatehouse_local.moto.naming import operation_of, resource_of


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "name"),
    [
        ("GET", "/", {}, {}, "ListBuckets"),
        ("PUT", "/bucket", {}, {}, "CreateBucket"),
        ("PUT", "/bucket/", {}, {}, "CreateBucket"),
        ("GET", "/bucket", {"list-type": ["2"]}, {}, "ListObjectsV2"),
        ("GET", "/bucket", {}, {}, "ListObjects"),
        ("GET", "/bucket", {"location": [""]}, {}, "GetBucketLocation"),
        ("GET", "/bucket/a/b", {}, {}, "GetObject"),
        ("HEAD", "/bucket/a/b", {}, {}, "HeadObject"),
        ("PUT", "/bucket/a/b", {}, {}, "PutObject"),
        ("PUT", "/bucket/a/b", {}, {"x-amz-copy-source": "/x/y"}, "CopyObject"),
        ("PUT", "/bucket/a/b", {"partNumber": ["1"], "uploadId": ["u"]}, {}, "UploadPart"),
        ("POST", "/bucket/a/b", {"uploads": [""]}, {}, "CreateMultipartUpload"),
        ("POST", "/bucket/a/b", {"uploadId": ["u"]}, {}, "CompleteMultipartUpload"),
        ("POST", "/bucket", {"delete": [""]}, {}, "DeleteObjects"),
        ("GET", "/bucket", {"X-Amz-Credential": ["x"]}, {}, "ListObjects"),
        ("OPTIONS", "/bucket", {}, {}, "-"),
    ],
)
def test_s3_operations_show_in_method_path_query_and_headers(
    method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], name: str
) -> None:
    assert operation_of("s3", HttpCall(method, path, query, headers)) == name


def test_json_and_query_protocols_name_the_operation_themselves() -> None:
    target = {"x-amz-target": "Kinesis_20131202.PutRecords"}
    assert operation_of("kinesis", HttpCall("POST", "/", {}, target)) == "PutRecords"
    assert operation_of("iam", HttpCall("POST", "/", {}, {}, b"Action=GetRole&RoleName=r")) == "GetRole"
    assert operation_of("sts", HttpCall("GET", "/", {"Action": ["GetCallerIdentity"]}, {})) == (
        "GetCallerIdentity"
    )
    assert operation_of("sns", HttpCall("GET", "/", {}, {})) == "-"


def test_kinesis_reads_count_by_shard() -> None:
    iterator = base64.encodebytes(
        b"stream-with-a-rather-long-name-of-its-own:shardId-000000000001:5"
    ).decode()
    read = json.dumps({"ShardIterator": iterator}).encode()
    assert resource_of("kinesis", "GetRecords", read).endswith("own:shardId-000000000001")
    ask = json.dumps({"StreamARN": "arn:aws:kinesis:r:1:stream/s", "ShardId": "shardId-0"}).encode()
    assert resource_of("kinesis", "GetShardIterator", ask) == "s:shardId-0"


@pytest.mark.parametrize("body", [b"", b"{", b'{"ShardIterator":"%%"}'])
def test_a_broken_read_is_left_to_moto(body: bytes) -> None:
    assert resource_of("kinesis", "GetRecords", body) == ""
