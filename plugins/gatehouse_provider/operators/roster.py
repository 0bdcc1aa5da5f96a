"""Sync the roster: plan, delete, index, publish."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.exceptions import PhotoRejectedError, RosterError
from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.ledger import people
from gatehouse.ledger.deletion import decide_deletions, people_of_lost_faces
from gatehouse.office import naming
from gatehouse.office.documents import snapshot_with_people
from gatehouse.roster.diff import FaceChanges, desired_enrolment, diff_faces
from gatehouse.roster.guard import guard_deletions
from gatehouse.roster.model import decode_roster, parse_roster
from gatehouse.roster.photo import PHOTO_ERRORS, check_face_count, check_indexed, check_photo, reject_for
from gatehouse_provider.hooks.base_aws import error_code
from gatehouse_provider.hooks.documents import DocumentHook
from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.operators.base import GatehouseOperator, final_errors, now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from gatehouse.ledger.deletion import Deletions
    from gatehouse.ledger.people import FaceTask
    from gatehouse.roster.diff import Enrolment, LedgerFace
    from gatehouse.roster.model import Roster
    from gatehouse_provider.hooks.rekognition import IndexedFace

ROSTER_KEY = "roster/roster.csv"
PHOTO_PREFIX = "photos/"
# Adaptive retries pace the calls; threads only hide their latency.
THREADS = 4


def new_id() -> str:
    """Return a random id that encodes nothing."""
    return uuid4().hex


class RosterOperator(GatehouseOperator):
    """Base of the steps of a roster sync."""

    def home(self) -> tuple[DocumentHook, str]:
        """Reach the bucket where roster and photos live."""
        regions = self.reading.company.regions
        hook = DocumentHook(aws_conn_id=self.aws_conn_id, region_name=regions.home)
        return hook, regions.regions[regions.home].bucket

    def rekognition(self, office: str) -> RekognitionHook:
        """Reach Rekognition in an office's Region."""
        region = self.reading.company.office(office).region
        return RekognitionHook(aws_conn_id=self.aws_conn_id, region_name=region)


class RosterPlanOperator(RosterOperator):
    """
    Compare the roster with the ledger and AWS, guard the deletions, and write down what to do.

    Returns the offices with something to do. What was stopped by a guard is pushed as XCom `stopped`
    (`{office: reason}`), and fails the run in its last step: the other offices go on.

    :param plan_only: whether the plan shall only be shown. (templated)
    :param allow_mass_delete: whether the guards on deletions are lifted for this run. (templated)
    """

    template_fields: Sequence[str] = ("plan_only", "allow_mass_delete")

    def __init__(self, *, plan_only: bool = False, allow_mass_delete: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_only = plan_only
        self.allow_mass_delete = allow_mass_delete

    def execute(self, context: Context) -> list[str]:
        """Plan, and return the offices with something to do."""
        with final_errors():
            offices = sorted(self.reading.company.offices)
            roster = parse_roster(self._read_roster())
            enrolment = desired_enrolment(roster, self._etags(), offices, now())
        with self.ledger.begin() as connection:
            known = people.ledger_faces(connection, offices)
        listed = {entry.employee_id for entry in roster.entries}
        observed = {office: set(self._collection(office)) for office in offices}
        changes = diff_faces(enrolment, listed, known, observed)
        guarded = guard_deletions(changes, enrolment.faces, known, allow_many=bool(self.allow_mass_delete))
        self._show(roster, enrolment, changes, guarded.stopped)
        context["ti"].xcom_push(key="stopped", value=guarded.stopped)
        if self.plan_only:
            return []
        allowed = FaceChanges(changes.index, guarded.allowed)
        return self._write(roster, allowed, known, offices)

    def _read_roster(self) -> str:
        hook, bucket = self.home()
        body: bytes = hook.client.get_object(Bucket=bucket, Key=ROSTER_KEY)["Body"].read()
        return decode_roster(body)

    def _etags(self) -> dict[str, str]:
        hook, bucket = self.home()
        paginator = hook.client.get_paginator("list_objects_v2")
        answers = paginator.paginate(Bucket=bucket, Prefix=PHOTO_PREFIX)
        return {item["Key"]: item["ETag"].strip('"') for page in answers for item in page.get("Contents", ())}

    def _collection(self, office: str) -> dict[str, str]:
        return self.rekognition(office).faces(naming.collection_id(office))

    def _write(
        self, roster: Roster, changes: FaceChanges, known: list[LedgerFace], offices: list[str]
    ) -> list[str]:
        at = now()
        with self.ledger.begin() as connection:
            people.record_people(connection, roster.entries, new_id, at)
            people.plan_index(connection, changes.index, new_id, at)
            people.plan_delete(connection, changes.delete, at)
            return sorted({office for office, _ in people.unfinished(connection, offices)})

    def _show(
        self, roster: Roster, enrolment: Enrolment, changes: FaceChanges, stopped: Mapping[str, str]
    ) -> None:
        self.log.info("%d people, %d rows set aside", len(roster.entries), len(roster.rejected))
        for row in roster.rejected:
            self.log.warning("%s. Correct it in the HR system; this person is left as they are", row)
        for reason, count in enrolment.reasons.items():
            self.log.info("Not enrolled, %s: %d", reason, count)
        for office in sorted({face.office for face in (*changes.index, *changes.delete)}):
            mine = changes.of(office)
            self.log.info("Office %s: index %d, delete %d", office, len(mine.index), len(mine.delete))
        for reason in stopped.values():
            self.log.error("%s", reason)


class RosterFacesOperator(RosterOperator):
    """
    Base of the steps of one office.

    :param office: name of the office. (templated)
    """

    template_fields: Sequence[str] = ("office",)

    def __init__(self, *, office: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.office = office


class RosterDeleteFacesOperator(RosterFacesOperator):
    """
    Delete the doomed faces of an office from its collection, with a receipt for each person.

    Where somebody's photos must be indexed first to tell what is left over, fails after all the others.
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Delete, and record only what AWS confirmed."""
        with self.ledger.begin() as connection:
            doomed = people.faces_to_delete(connection, self.office)
        if not doomed:
            return {"deleted": 0}
        rekognition = self.rekognition(self.office)
        deletions = self._decide(rekognition, doomed)
        deleted = self._delete(rekognition, deletions, context["run_id"])
        if deletions.waiting:
            msg = (
                f"Office {self.office}: {len(deletions.waiting)} people's photos must be indexed before "
                "it is known which of their faces are left over; these were kept. Run it again"
            )
            raise RosterError(msg)
        return {"deleted": deleted}

    def _decide(self, rekognition: RekognitionHook, doomed: list[FaceTask]) -> Deletions:
        # AWS first, the ledger after it; see decide_deletions.
        lost = people_of_lost_faces(doomed)
        stored = rekognition.faces(naming.collection_id(self.office)) if lost else {}
        with self.ledger.begin() as connection:
            known = people.ledger_faces(connection, [self.office])
            planned = people.faces_to_index(connection, self.office)
        return decide_deletions(doomed, stored, known, planned)

    def _delete(self, rekognition: RekognitionHook, deletions: Deletions, run_id: str) -> int:
        """Delete and return how many photos are done with; a person with a kept orphan isn't."""
        face_ids, at = deletions.face_ids, now()
        collection = naming.collection_id(self.office)
        kept = rekognition.delete_faces(collection, face_ids) if face_ids else {}
        stuck = {who for face_id, who in deletions.orphans.items() if face_id in kept}
        done = [task for task in deletions.delete if task.face_id not in kept and task.person_id not in stuck]
        gone = {face_id: who for face_id, who in deletions.orphans.items() if who not in stuck}
        with self.ledger.begin() as connection:
            people.forget(connection, self.office, deletions.moved, at)
            people.mark_deleted(connection, self.office, done, run_id, new_id, at, gone)
        for face_id, reason in kept.items():
            self.log.error("Office %s: face %s is still there: %s", self.office, face_id, reason)
        return len(done) + len(deletions.moved)


class RosterIndexFacesOperator(RosterFacesOperator):
    """
    Index the planned faces of an office into its collection.

    A photo that can't be enrolled is quarantined with its reason, and the rest goes on.
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Index in parallel; each result is written as soon as it is there."""
        with self.ledger.begin() as connection:
            tasks = people.faces_to_index(connection, self.office)
        collection = naming.collection_id(self.office)
        rekognition, photos = self.rekognition(self.office), self.home()
        rekognition.create_collection(collection, {naming.TAG_OFFICE: self.office})
        photos[0].get_conn()
        quarantined = 0
        failures: list[BaseException] = []
        with ThreadPoolExecutor(THREADS) as pool:
            running = {pool.submit(_enrol, rekognition, photos, collection, task): task for task in tasks}
            for future in as_completed(running):
                error = future.exception()
                if error is None:
                    self._indexed(running[future], *future.result())
                elif isinstance(error, PhotoRejectedError):
                    quarantined += 1
                    self._quarantined(running[future], error)
                else:
                    failures.append(error)
        if failures:
            raise failures[0]
        self.log.info("Office %s: %d photos, %d quarantined", self.office, len(tasks), quarantined)
        return {"indexed": len(tasks) - quarantined, "quarantined": quarantined}

    def _quarantined(self, task: FaceTask, error: PhotoRejectedError) -> None:
        self.log.warning("Office %s: photo %s is quarantined: %s", self.office, task.photo_id, error)
        with self.ledger.begin() as connection:
            people.quarantine(connection, self.office, task, str(error), now())

    def _indexed(self, task: FaceTask, face: IndexedFace, sha256: str) -> None:
        with self.ledger.begin() as connection:
            people.mark_indexed(
                connection,
                self.office,
                task,
                face_id=face.face_id or "",
                model_version=face.model_version,
                sha256=sha256,
                at=now(),
            )


def _enrol(
    rekognition: RekognitionHook, photos: tuple[DocumentHook, str], collection: str, task: FaceTask
) -> tuple[IndexedFace, str]:
    """Check and index one photo. It is sent as bytes: a reference works only within one Region."""
    image = _read_photo(*photos, task)
    check_photo(image)
    try:
        check_face_count(rekognition.count_faces(image))
        face = rekognition.index_face(collection, image, task.person_id)
    except ClientError as error:
        code = error_code(error)
        if code in PHOTO_ERRORS:
            reject_for(code)
        raise
    check_indexed(1 if face.face_id else 0, face.unindexed_reasons)
    return face, hashlib.sha256(image).hexdigest()


def _read_photo(hook: DocumentHook, bucket: str, task: FaceTask) -> bytes:
    """Return a photo's bytes; the error names the photo by id, because its key tells whose it is."""
    try:
        image: bytes = hook.client.get_object(Bucket=bucket, Key=task.s3_key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        why = error_code(error) if isinstance(error, ClientError) else type(error).__name__
        msg = f"Photo {task.photo_id} can't be read ({why}); it was not enrolled. Run the sync again"
        # `from None`: botocore's message holds the address, and with it the key.
        raise RosterError(msg) from None
    return image


class RosterPublishOperator(RosterOperator):
    """
    Publish who is who to every Region's ingest snapshot; run it whatever happened before.

    Fails if something was left undone or stopped by a guard, so that the run's own state is honest.

    :param stopped: what the plan's guards stopped, `{office: reason}`. (templated)
    :param plan_only: whether this is a dry run, which publishes nothing. (templated)
    """

    template_fields: Sequence[str] = ("stopped", "plan_only")

    def __init__(self, *, stopped: Any, plan_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stopped = stopped
        self.plan_only = plan_only

    def execute(self, context: Context) -> dict[str, int]:
        """Publish, then complain."""
        if self.plan_only:
            return {}
        offices = self.reading.company.offices
        published = {}
        for region in sorted({office.region for office in offices.values()}):
            published[region] = self._publish(region)
        with self.ledger.begin() as connection:
            undone = people.unfinished(connection, list(offices))
        wrong = [
            f"office {office}: {count} faces are still {state}; see its task and run again"
            for (office, state), count in undone.items()
        ]
        wrong += list((self.stopped or {}).values())
        if wrong:
            raise AirflowFailException("The roster isn't fully synced:\n" + "\n".join(wrong))
        return published

    def _publish(self, region: str) -> int:
        company = self.reading.company
        offices = [office.office for office in company.offices.values() if office.region == region]
        with self.ledger.begin() as connection:
            kinds = people.enrolled_kinds(connection, offices)

        def change(stored: IngestSnapshot | None) -> IngestSnapshot:
            # A refused manifest's office may be in this Region: nobody of it may be forgotten meanwhile.
            unknown = stored.people if stored and self.reading.refused else {}
            everyone = {person_id: person.kind for person_id, person in unknown.items()} | kinds
            return snapshot_with_people(stored, region, everyone, company.rules)

        hook = DocumentHook(aws_conn_id=self.aws_conn_id, region_name=region)
        bucket = company.regions.regions[region].bucket
        snapshot = hook.change(bucket, naming.SNAPSHOT_KEY, IngestSnapshot, change)
        self.log.info("%s: snapshot %d knows %d people", region, snapshot.version, len(snapshot.people))
        return len(snapshot.people)
