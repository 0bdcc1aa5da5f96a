"""Requests are read, checked and answered as AWS does, by botocore's models."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gatehouse_local.core.decode import SerializationError, decode_request
from gatehouse_local.core.encode import OutputError, encode_error, encode_output
from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.model import HttpCall, load_api
from gatehouse_local.core.validate import validate

REKOGNITION = load_api("rekognition")
LAMBDA = load_api("lambda")
ARCHIVE = load_api("kinesis-video-archived-media")


def read(operation: str, body: Any) -> dict[str, Any]:
    model = REKOGNITION.operation(operation)
    assert model is not None
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_request(model, HttpCall("POST", "/", {}, {}, raw), {})


def violations(operation: str, params: dict[str, Any]) -> str:
    model = REKOGNITION.operation(operation)
    assert model is not None
    with pytest.raises(AwsError) as refused:
        validate(model, params)
    assert refused.value.code == "ValidationException"
    return refused.value.message


def test_blobs_and_timestamps_are_decoded() -> None:
    params = read("DetectFaces", {"Image": {"Bytes": base64.b64encode(b"jpeg").decode()}})
    assert params == {"Image": {"Bytes": b"jpeg"}}
    call = HttpCall(
        "POST", "/listFragments", {}, {}, b'{"FragmentSelector":{"TimestampRange":{"StartTimestamp":1.5}}}'
    )
    found = ARCHIVE.match(call)
    assert found is not None
    selector = decode_request(found[0], call, found[1])["FragmentSelector"]
    assert selector["TimestampRange"]["StartTimestamp"] == datetime(1970, 1, 1, 0, 0, 1, 500000, UTC)


def test_unknown_members_and_nulls_are_dropped() -> None:
    assert read("CreateCollection", {"CollectionId": "a", "Colour": "red", "Tags": None}) == {
        "CollectionId": "a"
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "Unable to parse"),
        ({"CollectionId": 5}, "NUMBER_VALUE can not be converted to a String"),
        ({"CollectionId": True}, "TRUE_VALUE can not be converted to a String"),
        ({"CollectionId": ["a"]}, "Start of list found where not expected"),
        ({"CollectionId": {"a": 1}}, "Start of structure or map found where not expected"),
        ({"MaxFaces": "x"}, "STRING_VALUE can not be converted to an Integer"),
        ({"MaxFaces": 1.5}, "NUMBER_VALUE can not be converted to an Integer"),
        ({"Image": {"Bytes": "%%%"}}, "base64"),
        ([], "Start of list found"),
    ],
)
def test_what_cannot_be_read_is_named_as_aws_names_it(body: Any, said: str) -> None:
    with pytest.raises(SerializationError, match=said):
        read("SearchFacesByImage", body)


def test_every_kind_of_constraint_is_checked() -> None:
    message = violations(
        "IndexFaces",
        {
            "CollectionId": "a b",
            "ExternalImageId": "x" * 256,
            "MaxFaces": 0,
            "QualityFilter": "BEST",
            "Image": {"Bytes": b""},
        },
    )
    assert message.startswith("5 validation errors detected: ")
    for said in (
        r"Value 'a b' at 'collectionId' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [a-zA-Z0-9_.\-]+",
        "at 'externalImageId' failed to satisfy constraint: "
        "Member must have length less than or equal to 255",
        "Value '0' at 'maxFaces' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1",
        "Value 'BEST' at 'qualityFilter' failed to satisfy constraint: "
        "Member must satisfy enum value set: [NONE, AUTO, LOW, MEDIUM, HIGH]",
        "Value 'java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]' at 'image.bytes'",
    ):
        assert said in message


def test_a_missing_member_is_null_in_one_error() -> None:
    assert violations("CreateCollection", {}) == (
        "1 validation error detected: Value null at 'collectionId' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_a_list_of_plain_members_is_named_once() -> None:
    message = violations("DeleteFaces", {"CollectionId": "a", "FaceIds": ["x", "y"]})
    assert message.startswith("1 validation error detected: Value '[x, y]' at 'faceIds' failed")
    assert "Member must satisfy constraint: [Member must satisfy regular expression pattern" in message


def test_unicode_letters_pass_where_aws_lets_them() -> None:
    model = REKOGNITION.operation("TagResource")
    assert model is not None
    validate(model, {"ResourceArn": "arn:aws:rekognition:x", "Tags": {"Büro": "Köln 1"}})
    assert "tags.key" in violations("TagResource", {"ResourceArn": "a" * 20, "Tags": {"a!": ""}})


def test_rest_paths_give_labels_query_and_headers() -> None:
    call = HttpCall(
        "POST",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A1%3Afunction%3Af/invocations",
        {"Qualifier": ["live"]},
        {"x-amz-invocation-type": "Event"},
        b'{"a":1}',
    )
    found = LAMBDA.match(call)
    assert found is not None
    assert found[0].name == "Invoke"
    assert decode_request(found[0], call, found[1]) == {
        "FunctionName": "arn:aws:lambda:eu-central-1:1:function:f",
        "Qualifier": "live",
        "InvocationType": "Event",
        "Payload": b'{"a":1}',
    }


def test_numbers_in_a_query_are_numbers() -> None:
    call = HttpCall("GET", "/2015-03-31/event-source-mappings/", {"MaxItems": ["7"]}, {})
    found = LAMBDA.match(call)
    assert found is not None
    assert found[0].name == "ListEventSourceMappings"
    assert decode_request(found[0], call, found[1]) == {"MaxItems": 7}


def encoded(operation: str, output: dict[str, Any]) -> Any:
    model = REKOGNITION.operation(operation)
    assert model is not None
    content = encode_output(REKOGNITION, model, output, "r1").content
    assert isinstance(content, bytes)
    return json.loads(content)


def test_timestamps_go_out_as_epoch_floats_and_none_is_left_out() -> None:
    moment = datetime(2026, 11, 23, 12, 0, 0, 123456, UTC)
    assert encoded("DescribeCollection", {"CreationTimestamp": moment, "FaceCount": None}) == {
        "CreationTimestamp": 1795435200.123
    }


def test_an_output_that_the_model_does_not_have_is_a_bug() -> None:
    with pytest.raises(OutputError, match="no member Faces"):
        encoded("DescribeCollection", {"Faces": 1})


def test_an_invocation_answers_with_headers_status_and_raw_payload() -> None:
    model = LAMBDA.operation("Invoke")
    assert model is not None
    output = {"StatusCode": 202, "FunctionError": "Unhandled", "Payload": b"raw"}
    answer = encode_output(LAMBDA, model, output, "r1")
    assert (answer.status, answer.content) == (202, b"raw")
    assert answer.headers["X-Amz-Function-Error"] == "Unhandled"


def test_errors_take_the_models_status_and_name_themselves_twice() -> None:
    answer = encode_error(load_api("kinesisvideo"), AwsError("ResourceNotFoundException", "gone"), "r1")
    assert answer.status == 404
    assert answer.headers["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert json.loads(answer.content) == {"__type": "ResourceNotFoundException", "Message": "gone"}  # type: ignore[arg-type]


def test_an_error_keeps_a_status_that_the_service_chose() -> None:
    assert encode_error(REKOGNITION, AwsError("InternalServerError", "x", 500), "r1").status == 500
