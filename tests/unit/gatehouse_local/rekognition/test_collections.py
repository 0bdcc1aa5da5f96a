"""Collections are kept per account and Region, and survive a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., dict[str, Any]]


def test_a_collection_is_created_described_listed_and_deleted(call: Call, clock: Any) -> None:
    created = call("CreateCollection", CollectionId="berlin")
    assert created == {
        "StatusCode": 200,
        "CollectionArn": "aws:rekognition:eu-central-1:123456789012:collection/berlin",
        "FaceModelVersion": "7.0",
    }
    assert call("DescribeCollection", CollectionId="berlin") == {
        "FaceCount": 0,
        "UserCount": 0,
        "FaceModelVersion": "7.0",
        "CollectionARN": "arn:aws:rekognition:eu-central-1:123456789012:collection/berlin",
        "CreationTimestamp": clock.now,
    }
    assert call("ListCollections") == {"CollectionIds": ["berlin"], "FaceModelVersions": ["7.0"]}
    assert call("DeleteCollection", CollectionId="berlin") == {"StatusCode": 200}
    assert call("ListCollections")["CollectionIds"] == []


def test_another_region_or_account_has_its_own_collections(call: Any) -> None:
    call("CreateCollection", CollectionId="c")
    call.elsewhere(region="us-east-1")("CreateCollection", CollectionId="c")
    assert call.elsewhere(account="210987654321")("ListCollections")["CollectionIds"] == []


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("DescribeCollection", {}),
        ("DeleteCollection", {}),
        ("ListFaces", {}),
        ("DeleteFaces", {"FaceIds": ["x"]}),
        ("SearchFaces", {"FaceId": "x"}),
        ("SearchFacesByImage", {"Image": {"Bytes": b"[]"}}),
        ("IndexFaces", {"Image": {"Bytes": b"[]"}}),
        ("CreateUser", {"UserId": "u"}),
        ("DeleteUser", {"UserId": "u"}),
        ("ListUsers", {}),
        ("AssociateFaces", {"UserId": "u", "FaceIds": ["x"]}),
        ("DisassociateFaces", {"UserId": "u", "FaceIds": ["x"]}),
        ("SearchUsers", {"UserId": "u"}),
        ("SearchUsersByImage", {"Image": {"Bytes": b"[]"}}),
    ],
)
def test_every_operation_names_a_collection_that_does_not_exist(
    call: Call, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(AwsError) as refused:
        call(operation, CollectionId="absent", **params)
    assert refused.value.code == "ResourceNotFoundException"
    assert refused.value.message == "The collection id: absent does not exist"


def test_a_second_collection_of_the_same_name_is_refused(call: Call) -> None:
    call("CreateCollection", CollectionId="c")
    with pytest.raises(AwsError) as refused:
        call("CreateCollection", CollectionId="c")
    assert refused.value.code == "ResourceAlreadyExistsException"


def test_pages_follow_each_other_while_collections_come_and_go(call: Call) -> None:
    for name in "abcdef":
        call("CreateCollection", CollectionId=name)
    first = call("ListCollections", MaxResults=2)
    call("DeleteCollection", CollectionId="b")
    second = call("ListCollections", MaxResults=2, NextToken=first["NextToken"])
    third = call("ListCollections", MaxResults=2, NextToken=second["NextToken"])
    assert [page["CollectionIds"] for page in (first, second, third)] == [["a", "b"], ["c", "d"], ["e", "f"]]
    assert "NextToken" not in third


@pytest.mark.parametrize("token", ["nonsense", "0123456789ab.a"])
def test_a_foreign_pagination_token_is_refused(call: Call, token: str) -> None:
    with pytest.raises(AwsError) as refused:
        call("ListCollections", NextToken=token)
    assert refused.value.code == "InvalidPaginationTokenException"


def test_tokens_stay_within_the_models_255_characters(call: Call) -> None:
    for last in "ab":
        call("CreateCollection", CollectionId="x" * 254 + last)
    assert len(call("ListCollections", MaxResults=1)["NextToken"]) <= 255


def test_a_recreated_collection_is_empty(call: Call, image: Any) -> None:
    call("CreateCollection", CollectionId="c", Tags={"office": "berlin"})
    call("IndexFaces", CollectionId="c", Image=image(1))
    call("CreateUser", CollectionId="c", UserId="u", ClientRequestToken="t")
    call("DeleteCollection", CollectionId="c")
    call("CreateCollection", CollectionId="c")
    described = call("DescribeCollection", CollectionId="c")
    assert (described["FaceCount"], described["UserCount"]) == (0, 0)
    assert call("ListTagsForResource", ResourceArn=described["CollectionARN"]) == {"Tags": {}}
    call("CreateUser", CollectionId="c", UserId="other", ClientRequestToken="t")


def test_faces_users_and_tags_survive_a_restart(call: Call, reopened: Any, image: Any) -> None:
    call("CreateCollection", CollectionId="c", Tags={"office": "berlin"})
    record = call("IndexFaces", CollectionId="c", Image=image(1), ExternalImageId="one")["FaceRecords"][0]
    call("CreateUser", CollectionId="c", UserId="u")
    again = reopened()
    described = again("DescribeCollection", CollectionId="c")
    assert (described["FaceCount"], described["UserCount"]) == (1, 1)
    found = again("SearchFacesByImage", CollectionId="c", Image=image(1.1))
    assert found["FaceMatches"][0]["Face"]["FaceId"] == record["Face"]["FaceId"]


class TestTags:
    """Tags belong to existing resources of the calling account and Region."""

    ARN = "arn:aws:rekognition:eu-central-1:123456789012:collection/c"

    def test_tags_are_added_replaced_and_removed(self, call: Call) -> None:
        call("CreateCollection", CollectionId="c", Tags={"a": "1", "b": "2"})
        call("TagResource", ResourceArn=self.ARN, Tags={"b": "3", "c": "4"})
        call("UntagResource", ResourceArn=self.ARN, TagKeys=["a", "never"])
        assert call("ListTagsForResource", ResourceArn=self.ARN) == {"Tags": {"b": "3", "c": "4"}}

    @pytest.mark.parametrize(
        ("arn", "code"),
        [
            (ARN, "ResourceNotFoundException"),
            (ARN.replace("eu-central-1", "us-east-1"), "ResourceNotFoundException"),
            (ARN.replace("collection/c", "streamprocessor/p"), "ResourceNotFoundException"),
            (ARN.removeprefix("arn:"), "InvalidParameterException"),
            ("arn:aws:s3:::some-bucket-of-ours", "InvalidParameterException"),
        ],
    )
    def test_a_resource_that_is_not_here_has_no_tags(self, call: Call, arn: str, code: str) -> None:
        with pytest.raises(AwsError) as refused:
            call("ListTagsForResource", ResourceArn=arn)
        assert refused.value.code == code

    def test_more_than_fifty_tags_or_an_aws_key_are_refused(self, call: Call) -> None:
        call("CreateCollection", CollectionId="c", Tags={str(number): "" for number in range(50)})
        with pytest.raises(AwsError) as refused:
            call("TagResource", ResourceArn=self.ARN, Tags={"one more": ""})
        assert refused.value.code == "ServiceQuotaExceededException"
        with pytest.raises(AwsError) as refused:
            call("CreateCollection", CollectionId="d", Tags={"aws:own": ""})
        assert refused.value.code == "InvalidParameterException"
