"""Users gather faces, within AWS's limits and with its reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def collection(call: Call) -> None:
    """Create a collection with the user u."""
    call("CreateCollection", CollectionId="c")
    call("CreateUser", CollectionId="c", UserId="u")


@pytest.fixture
def faces(call: Call, image: Any) -> Callable[..., list[str]]:
    """Return a function that indexes one image a person and returns the FaceIds."""

    def index(*people: float) -> list[str]:
        answers = [call("IndexFaces", CollectionId="c", Image=image(person)) for person in people]
        return [answer["FaceRecords"][0]["Face"]["FaceId"] for answer in answers]

    return index


def associate(call: Call, ids: list[str], user: str = "u", **params: object) -> dict[str, Any]:
    """Associate faces with a user."""
    return call("AssociateFaces", CollectionId="c", UserId=user, FaceIds=ids, **params)


def refusal(call: Call, operation: str, **params: object) -> str:
    """Return the code with which an operation is refused."""
    with pytest.raises(AwsError) as refused:
        call(operation, CollectionId="c", **params)
    return refused.value.code


def test_users_are_unique_and_listed_in_pages(call: Call) -> None:
    assert refusal(call, "CreateUser", UserId="u") == "ConflictException"
    call("CreateUser", CollectionId="c", UserId="a")
    first = call("ListUsers", CollectionId="c", MaxResults=1)
    second = call("ListUsers", CollectionId="c", MaxResults=1, NextToken=first["NextToken"])
    assert first["Users"] == [{"UserId": "a", "UserStatus": "CREATED"}]
    assert second == {"Users": [{"UserId": "u", "UserStatus": "CREATED"}]}
    assert refusal(call, "ListUsers", NextToken="bad") == "InvalidPaginationTokenException"


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("DeleteUser", {}),
        ("AssociateFaces", {"FaceIds": ["x"]}),
        ("DisassociateFaces", {"FaceIds": ["x"]}),
        ("SearchUsers", {}),
    ],
)
def test_an_unknown_user_is_not_found(call: Call, operation: str, params: dict[str, Any]) -> None:
    assert refusal(call, operation, UserId="nobody", **params) == "ResourceNotFoundException"


def test_a_user_is_updating_for_a_moment_after_its_faces_change(
    call: Call, clock: Any, faces: Callable[..., list[str]]
) -> None:
    answer = associate(call, faces(1))
    assert answer["UserStatus"] == "UPDATING"
    clock.now += 1
    assert call("ListUsers", CollectionId="c")["Users"][0]["UserStatus"] == "ACTIVE"


def test_faces_that_do_not_fit_come_back_with_the_reason(call: Call, faces: Callable[..., list[str]]) -> None:
    one, like, stranger, taken = faces(1, 1.1, 2, 1.2)
    call("CreateUser", CollectionId="c", UserId="other")
    associate(call, [taken], user="other")
    answer = associate(call, [one, like, stranger, taken, "absent"])
    assert [face["FaceId"] for face in answer["AssociatedFaces"]] == [one, like]
    low, other, absent = answer["UnsuccessfulFaceAssociations"]
    assert (low["FaceId"], low["Reasons"]) == (stranger, ["LOW_MATCH_CONFIDENCE"])
    assert low["Confidence"] < 75
    assert other == {"FaceId": taken, "UserId": "other", "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]}
    assert absent == {"FaceId": "absent", "Reasons": ["FACE_NOT_FOUND"]}


def test_a_lower_user_match_threshold_lets_a_stranger_in(call: Call, faces: Callable[..., list[str]]) -> None:
    answer = associate(call, faces(1, 2), UserMatchThreshold=0.0)
    assert len(answer["AssociatedFaces"]) == 2


def test_a_face_that_is_the_users_already_is_passed_over(call: Call, faces: Callable[..., list[str]]) -> None:
    ids = faces(1)
    associate(call, ids)
    again = associate(call, ids)
    assert (again["AssociatedFaces"], again["UnsuccessfulFaceAssociations"]) == ([], [])


def test_a_full_user_takes_no_more_faces(call: Call, faces: Callable[..., list[str]], runtime: Any) -> None:
    runtime.quotas.set("rekognition", "FacesPerUser", 2)
    ids = faces(1, 1.1, 1.2)
    answer = associate(call, ids)
    assert [face["FaceId"] for face in answer["AssociatedFaces"]] == ids[:2]
    assert [face["FaceId"] for face in answer["UnsuccessfulFaceAssociations"]] == ids[2:]
    assert refusal(call, "AssociateFaces", UserId="u", FaceIds=ids[2:]) == "ServiceQuotaExceededException"


def test_listing_by_user_shows_only_its_faces(call: Call, faces: Callable[..., list[str]]) -> None:
    mine, _ = faces(1, 2)
    associate(call, [mine])
    listed = call("ListFaces", CollectionId="c", UserId="u")["Faces"]
    assert [(face["FaceId"], face["UserId"]) for face in listed] == [(mine, "u")]


def test_disassociated_faces_can_be_deleted(call: Call, faces: Callable[..., list[str]]) -> None:
    mine, taken, free = faces(1, 2, 3)
    call("CreateUser", CollectionId="c", UserId="other")
    associate(call, [mine])
    associate(call, [taken], user="other")
    answer = call("DisassociateFaces", CollectionId="c", UserId="u", FaceIds=[mine, taken, free, "absent"])
    assert answer["DisassociatedFaces"] == [{"FaceId": mine}]
    assert [face["Reasons"] for face in answer["UnsuccessfulFaceDisassociations"]] == [
        ["ASSOCIATED_TO_A_DIFFERENT_USER"],
        ["FACE_NOT_FOUND"],
    ]
    assert call("DeleteFaces", CollectionId="c", FaceIds=[mine])["DeletedFaces"] == [mine]


def test_deleting_a_user_sets_its_faces_free(call: Call, faces: Callable[..., list[str]]) -> None:
    ids = faces(1, 1.1)
    associate(call, ids)
    call("DeleteUser", CollectionId="c", UserId="u")
    assert call("DescribeCollection", CollectionId="c")["UserCount"] == 0
    assert call("DeleteFaces", CollectionId="c", FaceIds=ids)["DeletedFaces"] == ids


class TestClientRequestToken:
    """A token makes a call happen once."""

    def test_the_same_call_gets_the_same_answer(self, call: Call, faces: Callable[..., list[str]]) -> None:
        ids = faces(1)
        first = associate(call, ids, ClientRequestToken="t")
        assert associate(call, ids, ClientRequestToken="t") == first
        for _ in range(2):
            call("CreateUser", CollectionId="c", UserId="v", ClientRequestToken="t")
        for _ in range(2):
            call("DeleteUser", CollectionId="c", UserId="v", ClientRequestToken="t")

    def test_other_parameters_are_a_mismatch(self, call: Call) -> None:
        call("CreateUser", CollectionId="c", UserId="v", ClientRequestToken="t")
        code = refusal(call, "CreateUser", UserId="w", ClientRequestToken="t")
        assert code == "IdempotentParameterMismatchException"

    def test_a_refused_call_leaves_its_token_free(self, call: Call) -> None:
        assert refusal(call, "CreateUser", UserId="u", ClientRequestToken="t") == "ConflictException"
        call("CreateUser", CollectionId="c", UserId="v", ClientRequestToken="t")


class TestSearchUsers:
    """A user is found by the mean of its faces."""

    @pytest.fixture(autouse=True)
    def two_users(self, call: Call, faces: Callable[..., list[str]]) -> list[str]:
        """Give u two faces of person 1 and v one of person 2."""
        ids = faces(1, 1.2, 2)
        call("CreateUser", CollectionId="c", UserId="v")
        associate(call, ids[:2])
        associate(call, ids[2:], user="v")
        return ids

    def test_an_image_finds_the_user(self, call: Call, image: Any, clock: Any) -> None:
        clock.now += 1
        answer = call("SearchUsersByImage", CollectionId="c", Image=image(1.1, {"person": 2, "size": 0.2}))
        (match,) = answer["UserMatches"]
        assert match["User"] == {"UserId": "u", "UserStatus": "ACTIVE"}
        assert match["Similarity"] > 99
        assert "BoundingBox" in answer["SearchedFace"]["FaceDetail"]
        assert [face["Reasons"] for face in answer["UnsearchedFaces"]] == [["FACE_NOT_LARGEST"]]

    def test_an_image_without_a_face_finds_nobody(self, call: Call, image: Any) -> None:
        answer = call("SearchUsersByImage", CollectionId="c", Image=image())
        assert answer["UserMatches"] == []
        assert "SearchedFace" not in answer

    def test_a_face_finds_its_user(self, call: Call, two_users: list[str]) -> None:
        answer = call("SearchUsers", CollectionId="c", FaceId=two_users[0])
        assert answer["SearchedFace"] == {"FaceId": two_users[0]}
        assert [match["User"]["UserId"] for match in answer["UserMatches"]] == ["u"]

    def test_a_user_finds_others_but_not_itself(self, call: Call) -> None:
        answer = call("SearchUsers", CollectionId="c", UserId="u", UserMatchThreshold=0.0)
        assert answer["SearchedUser"] == {"UserId": "u"}
        assert [match["User"]["UserId"] for match in answer["UserMatches"]] == ["v"]

    def test_one_of_user_and_face_is_asked_for(self, call: Call, two_users: list[str]) -> None:
        assert refusal(call, "SearchUsers") == "InvalidParameterException"
        code = refusal(call, "SearchUsers", UserId="u", FaceId=two_users[0])
        assert code == "InvalidParameterException"
        assert refusal(call, "SearchUsers", FaceId="absent") == "InvalidParameterException"
