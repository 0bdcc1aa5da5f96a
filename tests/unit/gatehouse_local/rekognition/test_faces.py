"""Faces are indexed once, listed in pages, searched by similarity and deleted with reasons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., dict[str, Any]]

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture(autouse=True)
def collection(call: Call) -> None:
    """Create the collection that every test uses."""
    call("CreateCollection", CollectionId="c")


def index(call: Call, image: dict[str, bytes], name: str | None = None, **params: object) -> dict[str, Any]:
    """Index an image into the collection."""
    named = {"ExternalImageId": name} if name else {}
    return call("IndexFaces", CollectionId="c", Image=image, **named, **params)


def face_id(call: Call, image: dict[str, bytes], name: str | None = None) -> str:
    """Index an image of one face and return its id."""
    found: str = index(call, image, name)["FaceRecords"][0]["Face"]["FaceId"]
    return found


def test_indexing_answers_with_the_face_and_its_details(call: Call, image: Any) -> None:
    answer = index(call, image(1), "person-1")
    (record,) = answer["FaceRecords"]
    assert UUID.fullmatch(record["Face"]["FaceId"])
    assert UUID.fullmatch(record["Face"]["ImageId"])
    assert record["Face"]["ExternalImageId"] == "person-1"
    assert record["Face"]["IndexFacesModelVersion"] == answer["FaceModelVersion"] == "7.0"
    assert record["FaceDetail"].keys() == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert "vector" not in str(answer).lower()


def test_the_same_image_under_the_same_name_is_stored_once(call: Call, image: Any) -> None:
    first, again = (index(call, image(1, 2), "n")["FaceRecords"] for _ in range(2))
    assert [record["Face"] for record in first] == [record["Face"] for record in again]
    assert call("DescribeCollection", CollectionId="c")["FaceCount"] == 2


def test_a_second_look_with_more_faces_adds_only_the_missing_ones(call: Call, image: Any) -> None:
    both = image(1, {"person": 2, "left": 0.6, "size": 0.2})
    first = index(call, both, "n", MaxFaces=1)
    second = index(call, both, "n")
    assert first["UnindexedFaces"][0]["Reasons"] == ["EXCEEDS_MAX_FACES"]
    assert second["FaceRecords"][0]["Face"] == first["FaceRecords"][0]["Face"]
    assert {record["Face"]["ImageId"] for record in second["FaceRecords"]} == {
        first["FaceRecords"][0]["Face"]["ImageId"]
    }
    assert call("DescribeCollection", CollectionId="c")["FaceCount"] == 2


def test_another_name_or_none_stores_the_image_again(call: Call, image: Any) -> None:
    ids = {face_id(call, image(1), name) for name in ("n", "m", None, None)}
    assert len(ids) == 4


def test_a_deleted_face_gets_a_new_id_when_indexed_again(call: Call, image: Any) -> None:
    first = face_id(call, image(1), "n")
    call("DeleteFaces", CollectionId="c", FaceIds=[first])
    assert face_id(call, image(1), "n") != first


def test_an_image_without_faces_is_a_success_without_records(call: Call, image: Any) -> None:
    answer = index(call, image())
    assert (answer["FaceRecords"], answer["UnindexedFaces"]) == ([], [])


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ({"yaw": 70.0}, "EXTREME_POSE"),
        ({"brightness": 3.0}, "LOW_BRIGHTNESS"),
        ({"sharpness": 2.0}, "LOW_SHARPNESS"),
        ({"confidence": 60.0}, "LOW_CONFIDENCE"),
        ({"size": 0.05}, "SMALL_BOUNDING_BOX"),
    ],
)
@pytest.mark.parametrize("quality_filter", [None, "AUTO", "LOW", "MEDIUM", "HIGH"])
def test_a_flawed_face_is_not_indexed_and_says_why(
    call: Call, image: Any, flaw: dict[str, float], reason: str, quality_filter: str | None
) -> None:
    params = {"QualityFilter": quality_filter} if quality_filter else {}
    answer = index(call, image({"person": 1, **flaw}), **params)
    assert answer["FaceRecords"] == []
    assert [face["Reasons"] for face in answer["UnindexedFaces"]] == [[reason]]
    assert len(index(call, image({"person": 1, **flaw}), QualityFilter="NONE")["FaceRecords"]) == 1


def test_flawed_faces_do_not_count_towards_max_faces(call: Call, image: Any) -> None:
    answer = index(call, image({"person": 1, "yaw": 80.0}, 2, 3), MaxFaces=1)
    assert len(answer["FaceRecords"]) == 1
    assert [face["Reasons"] for face in answer["UnindexedFaces"]] == [["EXCEEDS_MAX_FACES"], ["EXTREME_POSE"]]


def test_a_full_collection_refuses_more(call: Call, image: Any, runtime: Any) -> None:
    runtime.quotas.set("rekognition", "FaceVectorsPerCollection", 1)
    index(call, image(1))
    with pytest.raises(AwsError) as refused:
        index(call, image(2))
    assert refused.value.code == "ServiceQuotaExceededException"
    assert call("DescribeCollection", CollectionId="c")["FaceCount"] == 1


def test_listing_pages_through_every_face_once(call: Call, image: Any) -> None:
    everyone = {face_id(call, image(person)) for person in range(7)}
    seen: list[str] = []
    params: dict[str, Any] = {}
    while True:
        page = call("ListFaces", CollectionId="c", MaxResults=3, **params)
        seen += [face["FaceId"] for face in page["Faces"]]
        if "NextToken" not in page:
            break
        params = {"NextToken": page["NextToken"]}
    assert sorted(seen) == sorted(everyone)
    assert page["FaceModelVersion"] == "7.0"


def test_a_token_of_another_listing_is_refused(call: Call, image: Any) -> None:
    ids = [face_id(call, image(person)) for person in range(3)]
    token = call("ListFaces", CollectionId="c", MaxResults=1)["NextToken"]
    with pytest.raises(AwsError) as refused:
        call("ListFaces", CollectionId="c", MaxResults=1, NextToken=token, FaceIds=ids)
    assert refused.value.code == "InvalidPaginationTokenException"


def test_listing_by_ids_passes_over_unknown_ones(call: Call, image: Any) -> None:
    ids = [face_id(call, image(person)) for person in range(3)]
    answer = call("ListFaces", CollectionId="c", FaceIds=[ids[1], "00000000-0000-0000-0000-000000000000"])
    assert [face["FaceId"] for face in answer["Faces"]] == [ids[1]]


def test_deleting_says_which_faces_stayed_and_why(call: Call, image: Any) -> None:
    mine, free = face_id(call, image(1)), face_id(call, image(2))
    call("CreateUser", CollectionId="c", UserId="u")
    call("AssociateFaces", CollectionId="c", UserId="u", FaceIds=[mine])
    answer = call("DeleteFaces", CollectionId="c", FaceIds=[mine, free, free, "absent"])
    assert answer == {
        "DeletedFaces": [free],
        "UnsuccessfulFaceDeletions": [
            {"FaceId": mine, "UserId": "u", "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]},
            {"FaceId": "absent", "Reasons": ["FACE_NOT_FOUND"]},
        ],
    }
    assert [face["FaceId"] for face in call("ListFaces", CollectionId="c")["Faces"]] == [mine]


class TestSearch:
    """Searches answer with similar faces, the most similar first."""

    def test_the_nearest_faces_come_first_and_others_not_at_all(self, call: Call, image: Any) -> None:
        near, nearer, _ = (face_id(call, image(person)) for person in (1.3, 1.15, 2))
        answer = call("SearchFacesByImage", CollectionId="c", Image=image(1.1))
        assert [match["Face"]["FaceId"] for match in answer["FaceMatches"]] == [nearer, near]
        similarities = [match["Similarity"] for match in answer["FaceMatches"]]
        assert similarities == sorted(similarities, reverse=True)
        assert answer["SearchedFaceConfidence"] == 99.9

    def test_only_the_largest_face_is_searched(self, call: Call, image: Any) -> None:
        face_id(call, image(2), "two")
        answer = call("SearchFacesByImage", CollectionId="c", Image=image(1, {"person": 2, "size": 0.2}))
        assert answer["FaceMatches"] == []

    def test_threshold_and_max_faces_narrow_the_answer(self, call: Call, image: Any) -> None:
        for person in (1, 1.1, 1.55):
            face_id(call, image(person))
        matches = [
            call("SearchFacesByImage", CollectionId="c", Image=image(1), **params)["FaceMatches"]
            for params in ({}, {"FaceMatchThreshold": 40.0}, {"MaxFaces": 1}, {"FaceMatchThreshold": 0.0})
        ]
        assert [len(found) for found in matches] == [2, 3, 1, 3]

    def test_no_face_in_the_image_is_an_error(self, call: Call, image: Any) -> None:
        with pytest.raises(AwsError) as refused:
            call("SearchFacesByImage", CollectionId="c", Image=image())
        assert refused.value.code == "InvalidParameterException"
        assert refused.value.message == "There are no faces in the image. Should be at least 1."

    def test_a_filter_that_no_face_passes_is_the_same_error(self, call: Call, image: Any) -> None:
        with pytest.raises(AwsError) as refused:
            call(
                "SearchFacesByImage",
                CollectionId="c",
                Image=image({"person": 1, "yaw": 70.0}),
                QualityFilter="AUTO",
            )
        assert refused.value.code == "InvalidParameterException"

    def test_a_face_does_not_find_itself(self, call: Call, image: Any) -> None:
        one, other = face_id(call, image(1)), face_id(call, image(1.1))
        answer = call("SearchFaces", CollectionId="c", FaceId=one, MaxFaces=1)
        assert answer["SearchedFaceId"] == one
        assert [match["Face"]["FaceId"] for match in answer["FaceMatches"]] == [other]

    def test_an_unknown_face_cannot_be_searched(self, call: Call) -> None:
        with pytest.raises(AwsError) as refused:
            call("SearchFaces", CollectionId="c", FaceId="00000000-0000-0000-0000-000000000000")
        assert refused.value.code == "InvalidParameterException"

    def test_changes_are_seen_by_the_next_search(self, call: Call, image: Any) -> None:
        def found() -> int:
            return len(call("SearchFacesByImage", CollectionId="c", Image=image(1))["FaceMatches"])

        assert found() == 0
        first = face_id(call, image(1))
        assert found() == 1
        face_id(call, image(1.1))
        assert found() == 2
        call("DeleteFaces", CollectionId="c", FaceIds=[first])
        assert found() == 1

    def test_the_fault_wrong_face_answers_with_someone_else(
        self, call: Call, image: Any, runtime: Any
    ) -> None:
        for name, person in (("one", 1), ("one", 1.1), ("two", 2)):
            face_id(call, image(person), name)
        runtime.faults.add({"name": "wrong_face"})
        for person in (1, 5):
            (match,) = call("SearchFacesByImage", CollectionId="c", Image=image(person))["FaceMatches"]
            assert match["Similarity"] > 99
            assert match["Face"]["ExternalImageId"] == "two"
        runtime.faults.remove()
        found = call("SearchFacesByImage", CollectionId="c", Image=image(1))["FaceMatches"]
        assert {match["Face"]["ExternalImageId"] for match in found} == {"one"}


class TestStateless:
    """DetectFaces and CompareFaces keep nothing."""

    def test_faces_are_described_with_what_was_measured(self, call: Call, image: Any) -> None:
        (plain,) = call("DetectFaces", Image=image(1))["FaceDetails"]
        (full,) = call("DetectFaces", Image=image(1), Attributes=["ALL"])["FaceDetails"]
        kinds = [{point["Type"] for point in face["Landmarks"]} for face in (plain, full)]
        assert kinds[0] == {"eyeLeft", "eyeRight", "nose"}
        assert kinds[1] > kinds[0]
        assert "Emotions" not in full

    def test_the_largest_source_face_is_compared_with_every_target(self, call: Call, image: Any) -> None:
        answer = call("CompareFaces", SourceImage=image(1, 3), TargetImage=image(2, 1.2, 1.1))
        assert [len(answer[kind]) for kind in ("FaceMatches", "UnmatchedFaces")] == [2, 1]
        first, second = (match["Similarity"] for match in answer["FaceMatches"])
        assert first > second >= 80

    @pytest.mark.parametrize(("source", "target"), [((), (1,)), ((1,), ())])
    def test_an_image_without_a_face_cannot_be_compared(
        self, call: Call, image: Any, source: tuple[int, ...], target: tuple[int, ...]
    ) -> None:
        with pytest.raises(AwsError) as refused:
            call("CompareFaces", SourceImage=image(*source), TargetImage=image(*target))
        assert refused.value.code == "InvalidParameterException"

    @pytest.mark.parametrize("given", [{}, {"Bytes": b"[]", "S3Object": {"Bucket": "bucket", "Name": "key"}}])
    def test_an_image_has_exactly_one_source(self, call: Call, given: dict[str, Any]) -> None:
        with pytest.raises(AwsError) as refused:
            call("DetectFaces", Image=given)
        assert refused.value.code == "InvalidParameterException"

    def test_bytes_that_are_no_image_are_an_invalid_format(self, call: Call) -> None:
        with pytest.raises(AwsError) as refused:
            call("DetectFaces", Image={"Bytes": b"%PDF-1.7"})
        assert refused.value.code == "InvalidImageFormatException"

    def test_an_unreachable_s3_is_an_error_of_the_service(self, call: Call) -> None:
        with pytest.raises(AwsError) as refused:
            call("DetectFaces", Image={"S3Object": {"Bucket": "bucket", "Name": "key"}})
        assert (refused.value.code, refused.value.status) == ("InternalServerError", 500)
