"""A roster is synced once, bad photos are set aside, and leavers lose their faces with a receipt."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import EndpointConnectionError
from PIL import Image
from sqlalchemy import select

from gatehouse.exceptions import RosterError
from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.ledger.deletion import Deletions
from gatehouse.ledger.people import FaceTask
from gatehouse.ledger.tables import photo, receipt
from gatehouse.roster.model import COLUMNS
from gatehouse_provider.operators.roster import (
    RosterDeleteFacesOperator,
    RosterIndexFacesOperator,
    RosterPlanOperator,
    RosterPublishOperator,
    _read_photo,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

PICTURES = Path(__file__).parents[4] / "sample/gatehouse_sample/people/pictures/employee"
BUCKET = "gatehouse-123456789012-eu-central-1"
FACES = [(sorted(folder.glob("photo-*.jpg"))[0]).read_bytes() for folder in sorted(PICTURES.iterdir())[:3]]


class Messages:
    """Stand for the task instance: keep what is pushed."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def jpeg(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG")
    return data.getvalue()


def two_faces() -> bytes:
    left, right = (Image.open(io.BytesIO(data)) for data in FACES[:2])
    both = Image.new("RGB", (left.width + right.width, max(left.height, right.height)))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return jpeg(both)


def row(number: int, *, offices: str = "berlin", consent: str = "2025-01-01T00:00:00Z") -> str:
    return f"E{number},active,{offices},2020-01-01,,day,photos/E{number}/1.jpg,{consent},v1,,employee"


@pytest.fixture
def roster(foundation: Callable[..., Any], ledger: Connection) -> Callable[..., None]:
    """Return what uploads a roster and its photos; collections of earlier tests are removed."""
    rekognition, s3 = foundation("rekognition"), foundation("s3")
    for name in rekognition.list_collections()["CollectionIds"]:
        rekognition.delete_collection(CollectionId=name)
    for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="photos/").get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])

    def upload(*rows: str, photos: dict[int, bytes] | None = None) -> None:
        text = "\n".join([",".join(COLUMNS), *rows]) + "\n"
        s3.put_object(Bucket=BUCKET, Key="roster/roster.csv", Body=text.encode())
        for number, data in (photos or {}).items():
            s3.put_object(Bucket=BUCKET, Key=f"photos/E{number}/1.jpg", Body=data)

    return upload


def sync(run: str = "run-1", **arguments: Any) -> list[str]:
    """Run the DAG's tasks in order, and return the offices that had something to do."""
    messages = Messages()
    context: Any = {"run_id": run, "ti": messages}
    offices = RosterPlanOperator(task_id="plan", **arguments).execute(context)
    for office in offices:
        RosterDeleteFacesOperator(task_id="delete", office=office).execute(context)
        RosterIndexFacesOperator(task_id="index", office=office).execute(context)
    RosterPublishOperator(task_id="publish", stopped=messages.pushed["stopped"]).execute(context)
    return offices


def enrolled(aws: Callable[..., Any]) -> set[str]:
    answer = aws("rekognition").list_faces(CollectionId="gatehouse-berlin-g1")
    return {face["ExternalImageId"] for face in answer["Faces"]}


def test_people_with_consent_are_enrolled_once_and_published(
    roster: Callable[..., None], foundation: Callable[..., Any]
) -> None:
    roster(row(1), row(2), row(3, consent=""), photos={1: FACES[0], 2: FACES[1], 3: FACES[2]})
    assert sync() == ["berlin"]
    people = enrolled(foundation)
    assert len(people) == 2
    assert not any(person_id.startswith("E") for person_id in people)
    body = foundation("s3").get_object(Bucket=BUCKET, Key="snapshot/ingest.json")["Body"].read()
    snapshot = IngestSnapshot.model_validate_json(body)
    assert set(snapshot.people) == people
    assert sync("run-2") == []
    assert foundation("s3").get_object(Bucket=BUCKET, Key="snapshot/ingest.json")["Body"].read() == body


def test_a_leaver_is_deleted_with_a_receipt(
    roster: Callable[..., None], foundation: Callable[..., Any], ledger: Connection
) -> None:
    roster(row(1), row(2), photos={1: FACES[0], 2: FACES[1]})
    sync()
    before = enrolled(foundation)
    roster(row(1), row(2).replace("active", "left"))
    sync("run-2")
    after = enrolled(foundation)
    assert len(after) == 1
    (written,) = ledger.execute(select(receipt)).all()
    assert {written.person_id} == before - after
    assert (written.deed, written.run_id) == ("faces deleted", "run-2")


def test_a_kept_orphan_leaves_its_person_undone_and_without_a_receipt(ledger: Connection) -> None:
    operator = RosterDeleteFacesOperator(task_id="delete", office="berlin")
    lost = FaceTask("photo-1", "person-1", "photos/E1/1.jpg", None)

    class Stubborn:
        """Stand for a collection that keeps a face."""

        def delete_faces(self, collection: str, face_ids: list[str]) -> dict[str, str]:
            del collection
            return dict.fromkeys(face_ids, "ASSOCIATED_TO_AN_EXISTING_USER")

    deletions = Deletions((lost,), (), {"face-7": "person-1"}, frozenset())
    assert operator._delete(Stubborn(), deletions, "run-1") == 0  # type: ignore[arg-type]
    assert ledger.execute(select(receipt)).all() == []


def test_bad_photos_are_quarantined_with_their_reason_and_the_rest_goes_on(
    roster: Callable[..., None], foundation: Callable[..., Any], ledger: Connection
) -> None:
    bad = {
        2: (jpeg(Image.new("RGB", (320, 320), "gray")), "shows no face"),
        3: (two_faces(), "shows 2 faces"),
        4: (jpeg(Image.open(io.BytesIO(FACES[0])).resize((30, 30))), "at least 80 × 80 pixels"),
        5: (FACES[1][: len(FACES[1]) // 3], "can't be decoded"),
        6: (b"%PDF-1.7\n" + bytes(400), "is a PDF"),
    }
    photos = {1: FACES[0]} | {number: data for number, (data, _) in bad.items()}
    roster(*(row(number) for number in photos), photos=photos)
    sync()
    assert len(enrolled(foundation)) == 1
    found = {entry.s3_key: entry.reason for entry in ledger.execute(select(photo)).all() if entry.reason}
    assert set(found) == {f"photos/E{number}/1.jpg" for number in bad}
    for number, (_, reason) in bad.items():
        assert reason in found[f"photos/E{number}/1.jpg"]
    assert sync("run-2") == []


def test_an_empty_roster_deletes_nobody(roster: Callable[..., None], foundation: Callable[..., Any]) -> None:
    roster(row(1), photos={1: FACES[0]})
    sync()
    roster()
    with pytest.raises(AirflowFailException, match="an empty file deletes nobody"):
        sync("run-2")
    assert len(enrolled(foundation)) == 1


def test_a_wrongly_encoded_roster_changes_nobody(
    roster: Callable[..., None], foundation: Callable[..., Any]
) -> None:
    roster(row(1), photos={1: FACES[0]})
    sync()
    body = "\n".join([",".join(COLUMNS), row(2).replace("day", "Fr\u00fchschicht")]).encode("latin-1")
    foundation("s3").put_object(Bucket=BUCKET, Key="roster/roster.csv", Body=body)
    with pytest.raises(AirflowFailException, match="The roster isn't UTF-8: byte"):
        sync("run-2")
    assert len(enrolled(foundation)) == 1


def test_a_dry_run_changes_nothing(roster: Callable[..., None], foundation: Callable[..., Any]) -> None:
    roster(row(1), photos={1: FACES[0]})
    assert sync(plan_only=True) == []
    assert foundation("rekognition").list_collections()["CollectionIds"] == []


def test_a_person_of_two_offices_is_enrolled_in_both_regions(
    roster: Callable[..., None], foundation: Callable[..., Any]
) -> None:
    roster(row(1, offices="berlin;portland"), photos={1: FACES[0]})
    assert sync() == ["berlin", "portland"]
    there = foundation("rekognition", "us-west-2").list_faces(CollectionId="gatehouse-portland-g1")
    assert {face["ExternalImageId"] for face in there["Faces"]} == enrolled(foundation)


def test_a_photo_that_cant_be_fetched_is_named_by_its_id_alone() -> None:
    class Away:
        """Stand for a bucket that can't be reached."""

        @property
        def client(self) -> Away:
            return self

        def get_object(self, **place: str) -> None:
            raise EndpointConnectionError(endpoint_url=f"https://{place['Bucket']}/{place['Key']}")

    task = FaceTask("photo-1", "person-1", "photos/E4711/1.jpg", None)
    with pytest.raises(RosterError, match="photo-1") as caught:
        _read_photo(Away(), "bucket", task)  # type: ignore[arg-type]
    assert "E4711" not in str(caught.value)
    assert caught.value.__suppress_context__
