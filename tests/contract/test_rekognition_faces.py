"""Faces: detected, indexed, listed, searched, compared and deleted, from bytes and from S3."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ABSENT = "00000000-0000-4000-8000-000000000000"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" * 20


@pytest.fixture
def rekognition(aws: Callable[..., Any]) -> Any:
    """Return a Rekognition client."""
    return aws("rekognition")


@pytest.fixture
def collection(rekognition: Any, unique: Callable[[str], str]) -> Iterator[str]:
    """Return a collection that is gone after the test."""
    name = unique("faces")
    rekognition.create_collection(CollectionId=name)
    yield name
    rekognition.delete_collection(CollectionId=name)


@pytest.fixture
def bucket(aws: Callable[..., Any], unique: Callable[[str], str]) -> Iterator[Callable[[bytes, str], Any]]:
    """Return a function that puts bytes into a new bucket of a Region and names the object."""
    made: list[tuple[Any, str]] = []

    def put(data: bytes, region: str) -> dict[str, Any]:
        s3, name = aws("s3", region=region), unique("photos")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        made.append((s3, name))
        s3.put_object(Bucket=name, Key="photo.jpg", Body=data)
        return {"S3Object": {"Bucket": name, "Name": "photo.jpg"}}

    yield put
    for s3, name in made:
        s3.delete_object(Bucket=name, Key="photo.jpg")
        s3.delete_bucket(Bucket=name)


@pytest.fixture(scope="session")
def faceless() -> bytes:
    """Return a grey picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240), (128, 128, 128)).save(buffer, "JPEG")
    return buffer.getvalue()


def code(call: Callable[..., Any], **params: Any) -> str:
    """Return the error code with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**params)
    return str(refused.value.response["Error"]["Code"])


def index(rekognition: Any, collection: str, photo: bytes, name: str, **params: Any) -> Any:
    """Index a photo under a name."""
    image = {"Bytes": photo}
    return rekognition.index_faces(CollectionId=collection, Image=image, ExternalImageId=name, **params)


def face_id(rekognition: Any, collection: str, photo: bytes, name: str) -> str:
    """Index a photo of one face and return its FaceId."""
    (record,) = index(rekognition, collection, photo, name, MaxFaces=1)["FaceRecords"]
    return str(record["Face"]["FaceId"])


def names(answer: Any) -> list[str]:
    """Return the names of the faces that matched, the most similar first."""
    return [match["Face"]["ExternalImageId"] for match in answer["FaceMatches"]]


@pytest.mark.asserts("rekognition", "DetectFaces")
def test_a_face_is_detected_where_it_is(rekognition: Any, portraits: list[list[bytes]]) -> None:
    (face,) = rekognition.detect_faces(Image={"Bytes": portraits[0][0]})["FaceDetails"]
    assert 0.1 < face["BoundingBox"]["Width"] < 0.95
    assert face["Confidence"] > 90
    assert {point["Type"] for point in face["Landmarks"]} >= {"eyeLeft", "eyeRight", "nose"}
    assert face["Pose"].keys() == {"Roll", "Yaw", "Pitch"}
    assert code(rekognition.detect_faces, Image={"Bytes": PDF}) == "InvalidImageFormatException"


@pytest.mark.asserts("rekognition", "IndexFaces")
def test_the_same_photo_and_name_are_stored_once(
    rekognition: Any, collection: str, portraits: list[list[bytes]]
) -> None:
    first, again = (face_id(rekognition, collection, portraits[0][0], "one") for _ in range(2))
    assert first == again
    assert rekognition.describe_collection(CollectionId=collection)["FaceCount"] == 1
    absent = {"CollectionId": "absent", "Image": {"Bytes": portraits[0][0]}}
    assert code(rekognition.index_faces, **absent) == "ResourceNotFoundException"


def test_what_is_no_image_is_refused(rekognition: Any, collection: str) -> None:
    image = {"Bytes": PDF}
    refused = code(rekognition.index_faces, CollectionId=collection, Image=image)
    assert refused == "InvalidImageFormatException"


@pytest.mark.asserts("rekognition", "ListFaces")
def test_faces_are_listed_in_pages(rekognition: Any, collection: str, portraits: list[list[bytes]]) -> None:
    ids = {face_id(rekognition, collection, own[0], str(n)) for n, own in enumerate(portraits)}
    pages = rekognition.get_paginator("list_faces").paginate(
        CollectionId=collection, PaginationConfig={"PageSize": 2}
    )
    listed = [face["FaceId"] for page in pages for face in page["Faces"]]
    assert sorted(listed) == sorted(ids)
    one = rekognition.list_faces(CollectionId=collection, FaceIds=listed[:1])["Faces"]
    assert [face["FaceId"] for face in one] == listed[:1]
    bad = code(rekognition.list_faces, CollectionId=collection, NextToken="bad")
    assert bad == "InvalidPaginationTokenException"


@pytest.mark.asserts("rekognition", "DeleteFaces")
def test_deleted_faces_are_gone_and_unknown_ones_are_named(
    rekognition: Any, collection: str, portraits: list[list[bytes]]
) -> None:
    known = face_id(rekognition, collection, portraits[0][0], "one")
    answer = rekognition.delete_faces(CollectionId=collection, FaceIds=[known, ABSENT])
    assert answer["DeletedFaces"] == [known]
    assert answer["UnsuccessfulFaceDeletions"] == [{"FaceId": ABSENT, "Reasons": ["FACE_NOT_FOUND"]}]
    assert rekognition.list_faces(CollectionId=collection)["Faces"] == []
    refused = code(rekognition.delete_faces, CollectionId="absent", FaceIds=[known])
    assert refused == "ResourceNotFoundException"


@pytest.mark.asserts("rekognition", "SearchFaces")
def test_a_face_finds_the_same_person_and_not_itself(
    rekognition: Any, collection: str, portraits: list[list[bytes]]
) -> None:
    searched = face_id(rekognition, collection, portraits[0][0], "one")
    face_id(rekognition, collection, portraits[0][1], "one-again")
    face_id(rekognition, collection, portraits[1][0], "two")
    answer = rekognition.search_faces(CollectionId=collection, FaceId=searched, FaceMatchThreshold=50)
    assert answer["SearchedFaceId"] == searched
    assert names(answer)[0] == "one-again"
    assert "one" not in names(answer)
    unknown = code(rekognition.search_faces, CollectionId=collection, FaceId=ABSENT)
    assert unknown == "InvalidParameterException"


@pytest.mark.asserts("rekognition", "SearchFacesByImage")
def test_a_photo_finds_its_person_first(
    rekognition: Any, collection: str, portraits: list[list[bytes]], faceless: bytes
) -> None:
    for n, own in enumerate(portraits):
        face_id(rekognition, collection, own[0], str(n))
    image = {"Bytes": portraits[1][1]}
    answer = rekognition.search_faces_by_image(
        CollectionId=collection, Image=image, FaceMatchThreshold=50, MaxFaces=1
    )
    assert names(answer) == ["1"]
    assert answer["SearchedFaceBoundingBox"]["Width"] > 0.1
    with pytest.raises(rekognition.exceptions.InvalidParameterException, match="no faces in the image"):
        rekognition.search_faces_by_image(CollectionId=collection, Image={"Bytes": faceless})


@pytest.mark.asserts("rekognition", "CompareFaces")
def test_two_photos_of_one_person_are_more_alike_than_of_two(
    rekognition: Any, portraits: list[list[bytes]], faceless: bytes
) -> None:
    source = {"Bytes": portraits[0][0]}
    similar, other = (
        rekognition.compare_faces(SourceImage=source, TargetImage={"Bytes": target}, SimilarityThreshold=0)
        for target in (portraits[0][1], portraits[1][0])
    )
    assert similar["FaceMatches"][0]["Similarity"] > other["FaceMatches"][0]["Similarity"]
    assert similar["SourceImageFace"]["Confidence"] > 90
    refused = code(rekognition.compare_faces, SourceImage=source, TargetImage={"Bytes": faceless})
    assert refused == "InvalidParameterException"


def test_an_image_in_s3_is_read_in_its_own_region_only(
    rekognition: Any, portraits: list[list[bytes]], bucket: Callable[[bytes, str], Any]
) -> None:
    here = bucket(portraits[0][0], rekognition.meta.region_name)
    assert len(rekognition.detect_faces(Image=here)["FaceDetails"]) == 1
    elsewhere = bucket(portraits[0][0], "eu-central-1")
    assert code(rekognition.detect_faces, Image=elsewhere) == "InvalidS3ObjectException"
    missing = {"S3Object": {**here["S3Object"], "Name": "absent.jpg"}}
    assert code(rekognition.detect_faces, Image=missing) == "InvalidS3ObjectException"


def test_the_fault_wrong_face_answers_with_someone_else(
    rekognition: Any, collection: str, portraits: list[list[bytes]], control: Any
) -> None:
    for n, own in enumerate(portraits):
        face_id(rekognition, collection, own[0], str(n))
    control.post("/faults", json={"name": "wrong_face"}).raise_for_status()
    answer = rekognition.search_faces_by_image(CollectionId=collection, Image={"Bytes": portraits[1][1]})
    assert names(answer)
    assert "1" not in names(answer)
