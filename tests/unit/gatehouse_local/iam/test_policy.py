"""Policies decide as IAM does."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse_local.iam.managed import AWS_MANAGED
from gatehouse_local.iam.policy import Question, arn_like, like, permits

SOURCE = "arn:aws:rekognition:eu-central-1:123456789012:streamprocessor/cam1"
CONTEXT = {"aws:SourceAccount": "123456789012", "aws:SourceArn": SOURCE}


def trust(condition: dict[str, Any] | None = None, service: Any = "rekognition.amazonaws.com") -> Any:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Statement": [statement | ({"Condition": condition} if condition else {})]}


def assumes(document: Any, context: dict[str, str] = CONTEXT) -> bool:
    question = Question("sts:AssumeRole", principal="rekognition.amazonaws.com", context=context)
    return permits([document], question)


def allow(action: Any, resource: Any = "*", effect: str = "Allow") -> Any:
    return {"Statement": {"Effect": effect, "Action": action, "Resource": resource}}


def test_trust_needs_the_service() -> None:
    assert assumes(trust())
    assert assumes(trust(service=["lambda.amazonaws.com", "rekognition.amazonaws.com"]))
    assert not assumes(trust(service="lambda.amazonaws.com"))
    assert not assumes({"Statement": []})


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"aws:SourceAccount": "123456789012"}}, True),
        ({"StringEquals": {"AWS:SOURCEACCOUNT": "123456789012"}}, True),
        ({"StringEquals": {"aws:SourceAccount": "222222222222"}}, False),
        ({"StringEquals": {"aws:SourceAccount": ["222222222222", "123456789012"]}}, True),
        ({"StringNotEquals": {"aws:SourceAccount": "222222222222"}}, True),
        ({"StringLike": {"aws:SourceArn": "arn:aws:rekognition:*:streamprocessor/*"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:rekognition:*:123456789012:streamprocessor/*"}}, True),
        ({"ArnEquals": {"aws:SourceArn": SOURCE}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:rekognition:us-*:123456789012:streamprocessor/*"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:rekognition:*:streamprocessor/*"}}, False),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}, True),
        ({"Null": {"aws:SourceArn": "false"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        (
            {
                "StringEquals": {"aws:SourceAccount": "123456789012"},
                "ArnLike": {"aws:SourceArn": "arn:aws:rekognition:*:9:streamprocessor/*"},
            },
            False,
        ),
    ],
)
def test_trust_conditions_hold_together(condition: dict[str, Any], holds: bool) -> None:
    assert assumes(trust(condition)) is holds


def test_actions_match_without_case_and_by_wildcard() -> None:
    assert permits([allow("Kinesis:Put*")], Question("kinesis:PutRecords", "arn:x"))
    assert permits([allow(["s3:*", "*"])], Question("kinesis:PutRecords", "arn:x"))
    assert not permits([allow("kinesis:Put?ecord")], Question("kinesis:PutRecords", "arn:x"))


def test_resources_match_with_case_and_by_wildcard() -> None:
    arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/AmazonRekognition-cam1"
    assert permits([allow("*", "arn:aws:kinesis:*:*:stream/AmazonRekognition*")], Question("k:P", arn))
    assert not permits([allow("*", "arn:aws:kinesis:*:*:stream/amazonrekognition*")], Question("k:P", arn))
    assert not permits([allow("*", [])], Question("k:P", arn))


def test_a_deny_wins_over_any_allow_in_any_order() -> None:
    deny = allow("kinesis:PutRecord", effect="Deny")
    for documents in ([allow("*"), deny], [deny, allow("*")]):
        assert not permits(documents, Question("kinesis:PutRecord", "arn:x"))
        assert permits(documents, Question("kinesis:PutRecords", "arn:x"))


def test_not_action_and_not_resource_leave_out() -> None:
    statement = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:secret"}
    document = {"Statement": [statement]}
    assert permits([document], Question("kinesis:PutRecord", "arn:x"))
    assert not permits([document], Question("iam:GetRole", "arn:x"))
    assert not permits([document], Question("kinesis:PutRecord", "arn:secret"))


def test_a_deny_whose_condition_is_not_understood_still_denies() -> None:
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"x": "1"}}}
    assert not permits([allow("*"), {"Statement": [deny]}], Question("a:b"))


def test_the_managed_rekognition_role_reaches_only_streams_by_its_prefix() -> None:
    policy = AWS_MANAGED["arn:aws:iam::aws:policy/service-role/AmazonRekognitionServiceRole"]
    for action, resource, allowed in (
        ("kinesis:PutRecord", "arn:aws:kinesis:eu-west-1:1:stream/AmazonRekognition-x", True),
        ("kinesis:PutRecord", "arn:aws:kinesis:eu-west-1:1:stream/gatehouse-x", False),
        ("kinesisvideo:GetMedia", "arn:aws:kinesisvideo:eu-west-1:1:stream/any/1", True),
        ("sns:Publish", "arn:aws:sns:eu-west-1:1:AmazonRekognition-t", True),
        ("s3:GetObject", "arn:aws:s3:::b/k", False),
    ):
        assert permits([policy], Question(action, resource)) is allowed


def test_brackets_in_a_pattern_are_plain_text() -> None:
    assert like("a[b]*", "a[b]c")
    assert not like("a[b]", "ab")


def test_an_arn_wildcard_stays_within_its_part() -> None:
    assert arn_like("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a:b/c")
    assert not arn_like("arn:aws:*:x", "arn:aws:rekognition:eu:1:x")
