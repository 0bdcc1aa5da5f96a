"""Users: made, given faces, searched and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ABSENT = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def rekognition(aws: Callable[..., Any]) -> Any:
    """Return a Rekognition client."""
    return aws("rekognition")


@pytest.fixture
def collection(rekognition: Any, unique: Callable[[str], str]) -> Iterator[str]:
    """Return a collection with the user `one`, gone after the test."""
    name = unique("users")
    rekognition.create_collection(CollectionId=name)
    rekognition.create_user(CollectionId=name, UserId="one")
    yield name
    rekognition.delete_collection(CollectionId=name)


@pytest.fixture
def faces(rekognition: Any, collection: str, portraits: list[list[bytes]]) -> list[list[str]]:
    """Index two photos of each person; return their FaceIds."""

    def indexed(photo: bytes) -> str:
        answer = rekognition.index_faces(CollectionId=collection, Image={"Bytes": photo}, MaxFaces=1)
        return str(answer["FaceRecords"][0]["Face"]["FaceId"])

    return [[indexed(photo) for photo in own[:2]] for own in portraits[:2]]


def code(call: Callable[..., Any], **params: Any) -> str:
    """Return the error code with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**params)
    return str(refused.value.response["Error"]["Code"])


@pytest.mark.asserts("rekognition", "CreateUser")
@pytest.mark.asserts("rekognition", "ListUsers")
def test_a_user_is_created_once_and_listed(rekognition: Any, collection: str) -> None:
    listed = rekognition.list_users(CollectionId=collection)["Users"]
    assert listed == [{"UserId": "one", "UserStatus": "CREATED"}]
    assert code(rekognition.create_user, CollectionId=collection, UserId="one") == "ConflictException"
    token = {"CollectionId": collection, "ClientRequestToken": "token-1"}
    for _ in range(2):
        rekognition.create_user(UserId="two", **token)
    mismatch = code(rekognition.create_user, UserId="three", **token)
    assert mismatch == "IdempotentParameterMismatchException"
    bad = code(rekognition.list_users, CollectionId=collection, NextToken="bad")
    assert bad == "InvalidPaginationTokenException"


@pytest.mark.asserts("rekognition", "DeleteUser")
def test_deleting_a_user_sets_its_faces_free(
    rekognition: Any, collection: str, faces: list[list[str]]
) -> None:
    who = {"CollectionId": collection, "UserId": "one"}
    rekognition.associate_faces(FaceIds=faces[0], UserMatchThreshold=50, **who)
    kept = rekognition.delete_faces(CollectionId=collection, FaceIds=faces[0][:1])
    (failure,) = kept["UnsuccessfulFaceDeletions"]
    assert failure["Reasons"] == ["ASSOCIATED_TO_AN_EXISTING_USER"]
    rekognition.delete_user(**who)
    gone = rekognition.delete_faces(CollectionId=collection, FaceIds=faces[0][:1])
    assert gone["DeletedFaces"] == faces[0][:1]
    assert code(rekognition.delete_user, **who) == "ResourceNotFoundException"


@pytest.mark.asserts("rekognition", "AssociateFaces")
def test_faces_are_associated_or_refused_with_the_reason(
    rekognition: Any, collection: str, faces: list[list[str]]
) -> None:
    rekognition.create_user(CollectionId=collection, UserId="two")
    mine, other = ({"CollectionId": collection, "UserId": user} for user in ("one", "two"))
    rekognition.associate_faces(FaceIds=faces[1][:1], **other)
    answer = rekognition.associate_faces(FaceIds=[faces[0][0], faces[1][0], ABSENT], **mine)
    assert answer["AssociatedFaces"] == [{"FaceId": faces[0][0]}]
    reasons = {face["FaceId"]: face["Reasons"] for face in answer["UnsuccessfulFaceAssociations"]}
    assert reasons == {faces[1][0]: ["ASSOCIATED_TO_A_DIFFERENT_USER"], ABSENT: ["FACE_NOT_FOUND"]}
    assert answer["UserStatus"] in {"UPDATING", "ACTIVE"}
    absent = {"CollectionId": collection, "UserId": "absent", "FaceIds": faces[0]}
    assert code(rekognition.associate_faces, **absent) == "ResourceNotFoundException"


@pytest.mark.asserts("rekognition", "DisassociateFaces")
def test_a_disassociated_face_belongs_to_nobody(
    rekognition: Any, collection: str, faces: list[list[str]]
) -> None:
    who = {"CollectionId": collection, "UserId": "one"}
    rekognition.associate_faces(FaceIds=faces[0][:1], **who)
    answer = rekognition.disassociate_faces(FaceIds=[faces[0][0], ABSENT], **who)
    assert answer["DisassociatedFaces"] == [{"FaceId": faces[0][0]}]
    (failure,) = answer["UnsuccessfulFaceDisassociations"]
    assert failure["Reasons"] == ["FACE_NOT_FOUND"]
    assert rekognition.list_faces(CollectionId=collection, UserId="one")["Faces"] == []
    absent = {"CollectionId": collection, "UserId": "absent", "FaceIds": faces[0]}
    assert code(rekognition.disassociate_faces, **absent) == "ResourceNotFoundException"


@pytest.mark.asserts("rekognition", "SearchUsers")
@pytest.mark.asserts("rekognition", "SearchUsersByImage")
def test_a_user_is_found_by_face_and_by_photo(
    rekognition: Any, collection: str, faces: list[list[str]], portraits: list[list[bytes]]
) -> None:
    rekognition.associate_faces(CollectionId=collection, UserId="one", FaceIds=faces[0][:1])
    asked = {"CollectionId": collection, "UserMatchThreshold": 50}
    by_face = rekognition.search_users(FaceId=faces[0][1], **asked)
    by_photo = rekognition.search_users_by_image(Image={"Bytes": portraits[0][1]}, **asked)
    for answer in (by_face, by_photo):
        assert [match["User"]["UserId"] for match in answer["UserMatches"]] == ["one"]
    assert by_photo["SearchedFace"]["FaceDetail"]["Confidence"] > 90
    assert code(rekognition.search_users, **asked) == "InvalidParameterException"
    absent = {"CollectionId": "absent", "Image": {"Bytes": portraits[0][1]}}
    assert code(rekognition.search_users_by_image, **absent) == "ResourceNotFoundException"
