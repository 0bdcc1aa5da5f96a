"""Lambda functions: their life, their answers and AWS's refusals."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
ECHO = """
import os
def handler(event, context):
    if event == "raise":
        raise KeyError("gone")
    return [event, os.environ.get("COLOUR")]
"""


def zipped(source: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        # Without a time of its own the entry has the present one, and the same code two digests.
        archive.writestr(zipfile.ZipInfo("app.py"), source)
    return file.getvalue()


def code(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    found: str = refused.value.response["Error"]["Code"]
    return found


@pytest.fixture
def role(aws: Callable[..., Any], unique: Callable[[str], str]) -> Iterator[str]:
    iam, name = aws("iam"), unique("lambda")
    yield iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.delete_role(RoleName=name)


@pytest.fixture(scope="module")
def client(aws: Callable[..., Any]) -> Any:
    return aws("lambda", retries={"total_max_attempts": 1})


@pytest.fixture
def function(client: Any, role: str, unique: Callable[[str], str]) -> Iterator[str]:
    name = unique("echo")
    create(client, name, role, Environment={"Variables": {"COLOUR": "red"}})
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    yield name
    client.delete_function(FunctionName=name)


def create(client: Any, name: str, role: str, **more: Any) -> Any:
    request = {"Runtime": "python3.11", "Handler": "app.handler", "Code": {"ZipFile": zipped(ECHO)}, **more}
    return client.create_function(FunctionName=name, Role=role, **request)


@pytest.mark.asserts("lambda", "CreateFunction")
@pytest.mark.asserts("lambda", "GetFunctionConfiguration")
@pytest.mark.asserts("lambda", "DeleteFunction")
def test_a_function_is_pending_then_active_then_gone(
    client: Any, role: str, unique: Callable[[str], str]
) -> None:
    name = unique("life")
    created = create(client, name, role)
    assert (created["State"], created["StateReasonCode"]) == ("Pending", "Creating")
    assert created["CodeSha256"] == base64.b64encode(hashlib.sha256(zipped(ECHO)).digest()).decode()
    assert created["FunctionArn"].endswith(f":function:{name}")
    assert code(lambda: client.invoke(FunctionName=name)) == "ResourceConflictException"
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    configuration = client.get_function_configuration(FunctionName=created["FunctionArn"])
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert code(lambda: create(client, name, role)) == "ResourceConflictException"
    client.delete_function(FunctionName=name)
    assert code(lambda: client.get_function(FunctionName=name)) == "ResourceNotFoundException"
    assert code(lambda: client.delete_function(FunctionName=name)) == "ResourceNotFoundException"


@pytest.mark.asserts("lambda", "Invoke")
def test_invoke_answers_runs_in_the_background_or_only_looks(client: Any, function: str) -> None:
    answer = client.invoke(FunctionName=function, Payload=b'{"a": 1}', LogType="Tail")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    assert json.loads(answer["Payload"].read()) == [{"a": 1}, "red"]
    assert "LogResult" in answer
    failed = client.invoke(FunctionName=function, Payload=b'"raise"')
    assert failed["FunctionError"] == "Unhandled"
    assert json.loads(failed["Payload"].read())["errorType"] == "KeyError"
    assert client.invoke(FunctionName=function, InvocationType="Event")["StatusCode"] == 202
    assert client.invoke(FunctionName=function, InvocationType="DryRun")["StatusCode"] == 204
    bad = code(lambda: client.invoke(FunctionName=function, Payload=b"{nope"))
    assert bad == "InvalidRequestContentException"
    assert code(lambda: client.invoke(FunctionName="gatehouse-nobody")) == "ResourceNotFoundException"


@pytest.mark.asserts("lambda", "UpdateFunctionCode")
@pytest.mark.asserts("lambda", "UpdateFunctionConfiguration")
@pytest.mark.asserts("lambda", "GetFunction")
def test_updates_settle_and_take_effect(client: Any, function: str) -> None:
    before = client.get_function_configuration(FunctionName=function)
    newer = zipped("def handler(e, c): return 'new'")
    updated = client.update_function_code(FunctionName=function, ZipFile=newer, DryRun=True)
    assert updated["RevisionId"] == before["RevisionId"]
    updated = client.update_function_code(FunctionName=function, ZipFile=newer)
    assert updated["LastUpdateStatus"] == "InProgress"
    change = {"FunctionName": function, "Timeout": 7}
    assert code(lambda: client.update_function_configuration(**change)) == "ResourceConflictException"
    client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    stale = {**change, "RevisionId": before["RevisionId"]}
    assert code(lambda: client.update_function_configuration(**stale)) == "PreconditionFailedException"
    assert client.update_function_configuration(**change)["Timeout"] == 7
    client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    assert json.loads(client.invoke(FunctionName=function)["Payload"].read()) == "new"
    found = client.get_function(FunctionName=function)
    with urllib.request.urlopen(found["Code"]["Location"]) as download:  # noqa: S310
        assert download.read() == newer


def test_code_comes_from_s3_too(
    aws: Callable[..., Any], client: Any, role: str, unique: Callable[[str], str]
) -> None:
    s3, name = aws("s3"), unique("bucket")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": client.meta.region_name})
    s3.put_object(Bucket=name, Key="code.zip", Body=zipped(ECHO))
    created = create(client, name, role, Code={"S3Bucket": name, "S3Key": "code.zip"})
    assert created["CodeSize"] == len(zipped(ECHO))
    missing = {"S3Bucket": name, "S3Key": "none.zip"}
    refused = code(lambda: create(client, name + "x", role, Code=missing))
    assert refused == "InvalidParameterValueException"
    client.delete_function(FunctionName=name)
    s3.delete_object(Bucket=name, Key="code.zip")
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize(
    "change",
    [
        {"Code": {"ZipFile": b"not a zip"}},
        {"Handler": None},
        {"Environment": {"Variables": {"AWS_REGION": "us-east-1"}}},
        {"Environment": {"Variables": {"LONG": "x" * 5000}}},
        {"Code": {}},
    ],
    ids=["no zip", "no handler", "reserved name", "over 4 KB", "no code"],
)
def test_what_makes_no_function_is_refused(client: Any, role: str, change: dict[str, Any]) -> None:
    request = {
        "FunctionName": "gatehouse-refused",
        "Role": role,
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Code": {"ZipFile": zipped(ECHO)},
        **change,
    }
    request = {name: value for name, value in request.items() if value is not None}
    assert code(lambda: client.create_function(**request)) == "InvalidParameterValueException"


def test_a_role_that_lambda_may_not_assume_is_refused(
    aws: Callable[..., Any], client: Any, unique: Callable[[str], str]
) -> None:
    iam, name = aws("iam"), unique("wrong")
    trust = json.dumps(TRUST).replace("lambda.amazonaws.com", "rekognition.amazonaws.com")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assert code(lambda: create(client, name, arn)) == "InvalidParameterValueException"
    iam.delete_role(RoleName=name)


@pytest.mark.asserts("lambda", "ListFunctions")
def test_functions_are_listed_in_pages(client: Any, function: str) -> None:
    pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1})
    names = [one["FunctionName"] for page in pages for one in page["Functions"]]
    assert function in names
    assert names == sorted(set(names))


@pytest.mark.asserts("lambda", "TagResource")
@pytest.mark.asserts("lambda", "UntagResource")
@pytest.mark.asserts("lambda", "ListTags")
def test_functions_are_tagged_by_arn(client: Any, function: str) -> None:
    arn = client.get_function_configuration(FunctionName=function)["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a", "never"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    assert client.get_function(FunctionName=function)["Tags"] == {"b": "2"}
    nobody = arn.replace(function, "gatehouse-nobody")
    assert code(lambda: client.list_tags(Resource=nobody)) == "ResourceNotFoundException"


@pytest.mark.full
def test_functions_and_warm_answers_survive_a_killed_front_door(
    own_cloud: Any, unique: Callable[[str], str]
) -> None:
    own_cloud.start()
    iam, client, name = own_cloud.client("iam"), own_cloud.client("lambda"), unique("durable")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    create(client, name, role)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert json.loads(client.invoke(FunctionName=name, Payload=b"1")["Payload"].read())[0] == 1
    own_cloud.kill(own_cloud.door)
    own_cloud.start_door()
    started = time.monotonic()
    assert json.loads(client.invoke(FunctionName=name, Payload=b"2")["Payload"].read())[0] == 2
    assert time.monotonic() - started < 30
