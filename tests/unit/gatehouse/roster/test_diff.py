"""Syncing twice is syncing once, and what can't be read today is left alone."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.roster.diff import (
    DesiredFace,
    Enrolment,
    FaceChanges,
    LedgerFace,
    desired_enrolment,
    diff_faces,
    orphans,
)
from gatehouse.roster.guard import guard_deletions
from gatehouse.roster.model import RejectedRow, Roster, RosterEntry

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OFFICES = ("berlin", "tokyo")
any_face = st.builds(
    DesiredFace,
    office=st.sampled_from(OFFICES),
    employee_id=st.sampled_from(["E1", "E2", "E3"]),
    photo_key=st.sampled_from(["1.jpg", "2.jpg"]),
    etag=st.sampled_from(["a", "b"]),
)


def enrol(*faces: DesiredFace) -> Enrolment:
    return Enrolment(frozenset(faces), {}, frozenset(), frozenset(), absence_proves_nothing=False)


def face_id(face: DesiredFace) -> str:
    return "/".join([face.office, face.employee_id, face.photo_key, face.etag])


def observed(ledger: list[LedgerFace]) -> dict[str, set[str]]:
    return {
        office: {entry.face_id for entry in ledger if entry.face.office == office and entry.face_id}
        for office in OFFICES
    }


def sync(changes: FaceChanges, ledger: list[LedgerFace], bad: frozenset[str]) -> list[LedgerFace]:
    """Model what ledger and AWS hold after the changes; photos with a content in `bad` are rejected."""
    rest = [entry for entry in ledger if entry.face not in {*changes.index, *changes.delete}]
    indexed = [
        LedgerFace(face, "quarantined") if face.etag in bad else LedgerFace(face, "indexed", face_id(face))
        for face in changes.index
    ]
    return [*rest, *indexed, *(LedgerFace(face, "deleted") for face in changes.delete)]


@given(st.frozensets(any_face), st.frozensets(any_face), st.frozensets(st.sampled_from("ab")))
def test_syncing_what_was_just_synced_changes_nothing(
    before: frozenset[DesiredFace], now: frozenset[DesiredFace], bad: frozenset[str]
) -> None:
    ledger: list[LedgerFace] = []
    for wanted in (before, now):
        enrolment = enrol(*wanted)
        listed = {face.employee_id for face in wanted}
        ledger = sync(diff_faces(enrolment, listed, ledger, observed(ledger)), ledger, bad)
        assert not diff_faces(enrolment, listed, ledger, observed(ledger))
        live = {entry.face for entry in ledger if entry.state == "indexed"}
        assert live == {face for face in wanted if face.etag not in bad}


@given(st.frozensets(any_face), st.frozensets(any_face), st.data())
def test_an_interrupted_sync_is_finished_by_the_next(
    before: frozenset[DesiredFace], now: frozenset[DesiredFace], data: st.DataObject
) -> None:
    ledger = sync(FaceChanges(tuple(before), ()), [], frozenset())
    changes = diff_faces(enrol(*now), (), ledger, observed(ledger))
    some = FaceChanges(
        tuple(data.draw(st.lists(st.sampled_from(changes.index), unique=True)) if changes.index else ()),
        tuple(data.draw(st.lists(st.sampled_from(changes.delete), unique=True)) if changes.delete else ()),
    )
    ledger = sync(some, ledger, frozenset())
    ledger = sync(diff_faces(enrol(*now), (), ledger, observed(ledger)), ledger, frozenset())
    assert {entry.face for entry in ledger if entry.state == "indexed"} == now


FACE = DesiredFace("berlin", "E1", "1.jpg", "a")


def test_a_face_that_aws_lost_is_indexed_again() -> None:
    changes = diff_faces(enrol(FACE), {"E1"}, [LedgerFace(FACE, "indexed", "f1")], {"berlin": set()})
    assert changes.index == (FACE,)


def test_a_changed_photo_is_a_new_face_and_the_old_one_goes() -> None:
    new = DesiredFace("berlin", "E1", "1.jpg", "b")
    changes = diff_faces(enrol(new), {"E1"}, [LedgerFace(FACE, "indexed", "f1")], {"berlin": {"f1"}})
    assert (changes.index, changes.delete) == ((new,), (FACE,))


def test_nobody_whose_row_or_photo_is_unreadable_loses_a_face() -> None:
    ledger = [LedgerFace(FACE, "indexed", "f1")]
    for enrolment in (
        Enrolment(frozenset(), {}, frozenset({"E1"}), frozenset(), absence_proves_nothing=False),
        Enrolment(frozenset(), {}, frozenset(), frozenset({("E1", "1.jpg")}), absence_proves_nothing=False),
        Enrolment(frozenset(), {}, frozenset(), frozenset(), absence_proves_nothing=True),
    ):
        assert not diff_faces(enrolment, (), ledger, {"berlin": {"f1"}})


def entry(employee_id: str, **changes: object) -> RosterEntry:
    facts: dict[str, object] = {
        "employee_id": employee_id,
        "status": "active",
        "offices": "berlin;atlantis",
        "start_date": "2020-01-01",
        "end_date": "",
        "permission_profile": "",
        "photo_keys": "1.jpg",
        "consent_given_at": "2025-01-01T00:00:00Z",
        "consent_text_version": "v1",
        "consent_withdrawn_at": "",
        "kind": "employee",
    }
    return RosterEntry.model_validate(facts | changes)


def test_enrolment_needs_consent_a_known_office_and_a_photo() -> None:
    roster = Roster(
        (entry("E1"), entry("E2", consent_given_at=""), entry("E3", photo_keys="gone.jpg")),
        (RejectedRow(5, "broken", "E4"),),
    )
    enrolment = desired_enrolment(roster, {"1.jpg": "a"}, OFFICES, NOON)
    assert enrolment.faces == {FACE}
    assert enrolment.reasons == {"no consent": 1, "photo is not in the bucket": 1}
    assert enrolment.unknown_people == {"E4"}
    assert enrolment.unknown_photos == {("E3", "gone.jpg")}


def test_a_face_left_by_a_run_that_died_is_found_by_its_person() -> None:
    assert orphans({"f1": "p1", "f2": "p1", "f3": "p2"}, {"f1"}, {"p1"}) == ("f2",)


def company(size: int) -> list[LedgerFace]:
    return [
        LedgerFace(DesiredFace("berlin", f"E{number}", "1.jpg", "a"), "indexed", f"f{number}")
        for number in range(size)
    ]


def test_losing_too_many_people_stops_that_offices_deletions_only() -> None:
    tokyo = DesiredFace("tokyo", "E0", "1.jpg", "a")
    ledger = [*company(10), LedgerFace(tokyo, "indexed", "t0")]
    changes = FaceChanges((), tuple(sorted([tokyo, *(item.face for item in ledger[:4])])))
    # Two of the four also leave nothing behind elsewhere; the company as a whole would lose 4 of 10.
    guarded = guard_deletions(changes, (), ledger, allow_many=False)
    assert "4 of 10 enrolled people" in guarded.stopped["berlin"]
    assert guard_deletions(changes, (), ledger, allow_many=True).allowed == changes.delete


def test_a_few_leavers_pass_the_guard() -> None:
    ledger = company(6)
    changes = FaceChanges((), tuple(item.face for item in ledger[:3]))
    assert guard_deletions(changes, (), ledger, allow_many=False).stopped == {}


def test_one_offices_stop_does_not_stop_another() -> None:
    others = [LedgerFace(DesiredFace("tokyo", f"T{n}", "1.jpg", "a"), "indexed", f"t{n}") for n in range(30)]
    ledger = [*company(5), *others]
    gone = [item.face for item in ledger[:4]] + [others[0].face]
    guarded = guard_deletions(FaceChanges((), tuple(gone)), (), ledger, allow_many=False)
    assert set(guarded.stopped) == {"berlin"}
    assert guarded.allowed == (others[0].face,)


def test_new_photos_for_everyone_lose_nobody() -> None:
    ledger = company(10)
    new = [DesiredFace("berlin", item.face.employee_id, "1.jpg", "b") for item in ledger]
    changes = FaceChanges(tuple(new), tuple(item.face for item in ledger))
    assert guard_deletions(changes, new, ledger, allow_many=False).stopped == {}
