"""The caller is read from the header or a presigned query."""

from __future__ import annotations

import pytest

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.signature import Caller, caller_of


def header(credential: str) -> dict[str, str]:
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"}


def test_the_header_names_account_region_and_service() -> None:
    caller = caller_of(header("222222222222/20261123/eu-central-1/Rekognition/aws4_request"), "")
    assert caller == Caller("222222222222", "eu-central-1", "rekognition")
    assert caller.account == "222222222222"


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "1234", "1234567890123", "a/b"])
def test_a_key_that_is_no_account_is_the_default_account(key: str) -> None:
    caller = caller_of(header(f"{key}/20261123/eu-central-1/s3/aws4_request"), "")
    assert caller is not None
    assert caller.account == "123456789012"


def test_a_presigned_query_is_read_too() -> None:
    query = "X-Amz-Credential=222222222222%2F20261123%2Fus-west-2%2Fs3%2Faws4_request&X-Amz-Expires=60"
    assert caller_of({}, query) == Caller("222222222222", "us-west-2", "s3")


def test_other_schemes_count_as_unsigned() -> None:
    assert caller_of({}, "") is None
    assert caller_of({"authorization": "Basic YTpi"}, "") is None


@pytest.mark.parametrize("credential", ["", "key/20261123", "a/b/c/d/e"])
def test_a_broken_scope_is_refused(credential: str) -> None:
    with pytest.raises(AwsError) as refused:
        caller_of(header(credential), "")
    assert refused.value.code == "IncompleteSignatureException"
