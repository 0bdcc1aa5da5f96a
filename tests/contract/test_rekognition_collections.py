"""Collections and their tags, as any boto3 client meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def rekognition(aws: Callable[..., Any]) -> Any:
    """Return a Rekognition client."""
    return aws("rekognition")


@pytest.fixture
def collection(rekognition: Any, unique: Callable[[str], str]) -> Iterator[str]:
    """Return a collection that is gone after the test."""
    name = unique("collection")
    rekognition.create_collection(CollectionId=name)
    yield name
    delete(rekognition, name)


def delete(rekognition: Any, name: str) -> None:
    """Delete a collection; one that is gone already is as it should be."""
    try:
        rekognition.delete_collection(CollectionId=name)
    except rekognition.exceptions.ResourceNotFoundException:
        return


def code(call: Callable[..., Any], **params: Any) -> str:
    """Return the error code with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**params)
    return str(refused.value.response["Error"]["Code"])


@pytest.mark.asserts("rekognition", "CreateCollection")
def test_creating_a_collection_twice_is_refused(rekognition: Any, unique: Callable[[str], str]) -> None:
    name = unique("twice")
    created = rekognition.create_collection(CollectionId=name, Tags={"gatehouse:office": "berlin"})
    try:
        assert created["StatusCode"] == 200
        assert created["CollectionArn"].endswith(f":collection/{name}")
        assert created["FaceModelVersion"]
        assert code(rekognition.create_collection, CollectionId=name) == "ResourceAlreadyExistsException"
    finally:
        delete(rekognition, name)


@pytest.mark.asserts("rekognition", "DescribeCollection")
def test_an_empty_collection_is_described(rekognition: Any, collection: str) -> None:
    described = rekognition.describe_collection(CollectionId=collection)
    assert (described["FaceCount"], described["UserCount"]) == (0, 0)
    assert described["CollectionARN"].startswith("arn:aws:rekognition:")
    assert described["CreationTimestamp"].tzinfo is not None
    assert code(rekognition.describe_collection, CollectionId="absent") == "ResourceNotFoundException"


@pytest.mark.asserts("rekognition", "ListCollections")
def test_collections_are_listed_in_pages(rekognition: Any, collection: str) -> None:
    pages = rekognition.get_paginator("list_collections").paginate(PaginationConfig={"PageSize": 1})
    listed = [(page["CollectionIds"], page["FaceModelVersions"]) for page in pages]
    assert collection in [name for names, _ in listed for name in names]
    assert all(len(names) == len(versions) <= 1 for names, versions in listed)
    assert code(rekognition.list_collections, NextToken="bad") == "InvalidPaginationTokenException"


@pytest.mark.asserts("rekognition", "DeleteCollection")
def test_a_deleted_collection_is_gone(rekognition: Any, collection: str) -> None:
    assert rekognition.delete_collection(CollectionId=collection)["StatusCode"] == 200
    with pytest.raises(rekognition.exceptions.ResourceNotFoundException) as refused:
        rekognition.delete_collection(CollectionId=collection)
    assert f"{collection} does not exist" in str(refused.value)


@pytest.mark.asserts("rekognition", "TagResource")
@pytest.mark.asserts("rekognition", "UntagResource")
@pytest.mark.asserts("rekognition", "ListTagsForResource")
def test_tags_are_written_read_and_removed(rekognition: Any, collection: str) -> None:
    arn = rekognition.describe_collection(CollectionId=collection)["CollectionARN"]
    rekognition.tag_resource(ResourceArn=arn, Tags={"gatehouse:office": "berlin", "temporary": "yes"})
    rekognition.untag_resource(ResourceArn=arn, TagKeys=["temporary"])
    assert rekognition.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"gatehouse:office": "berlin"}
    for call, params in (
        (rekognition.list_tags_for_resource, {}),
        (rekognition.tag_resource, {"Tags": {"a": "b"}}),
        (rekognition.untag_resource, {"TagKeys": ["a"]}),
    ):
        assert code(call, ResourceArn=f"{arn}-absent", **params) == "ResourceNotFoundException"


def test_a_collection_belongs_to_its_region(
    aws: Callable[..., Any], rekognition: Any, collection: str
) -> None:
    elsewhere = aws("rekognition", region="eu-west-1")
    assert code(elsewhere.describe_collection, CollectionId=collection) == "ResourceNotFoundException"
