"""What was indexed a moment ago is never deleted as left over."""

from __future__ import annotations

from gatehouse.ledger.deletion import decide_deletions
from gatehouse.ledger.people import FaceTask
from gatehouse.roster.diff import DesiredFace, FaceState, LedgerFace


def task(key: str, face_id: str | None = None, *, person: str = "p1", etag: str = "") -> FaceTask:
    return FaceTask(f"photo-{key}", person, key, face_id, etag or key)


def row(key: str, state: FaceState, face_id: str | None = None) -> LedgerFace:
    return LedgerFace(DesiredFace("berlin", "E1", key, key), state, face_id)


def test_an_orphan_of_somebody_with_nothing_to_index_is_deleted() -> None:
    decided = decide_deletions([task("a")], {"f7": "p1", "f8": "p2"}, [row("a", "doomed")], [])
    assert decided.face_ids == ["f7"]
    assert decided.orphans == {"f7": "p1"}
    assert not decided.waiting


def test_an_unknown_face_of_somebody_being_indexed_waits_with_all_they_have() -> None:
    doomed = [task("a"), task("b", "f2"), task("c", "f3", person="p2")]
    decided = decide_deletions(doomed, {"f7": "p1"}, [row("a", "doomed")], [task("d")])
    assert decided.waiting == {"p1"}
    assert decided.face_ids == ["f3"]
    assert decided.orphans == {}


def test_somebody_being_indexed_without_an_unknown_face_doesnt_wait() -> None:
    known = [row("a", "doomed"), row("d", "indexed", "f9")]
    decided = decide_deletions([task("a")], {"f9": "p1"}, known, [task("e")])
    assert decided.delete == (task("a"),)
    assert decided.face_ids == []


def test_a_face_whose_picture_is_being_indexed_under_another_key_waits() -> None:
    decided = decide_deletions([task("a", "f1", etag="x")], {}, [], [task("b", etag="x")])
    assert decided.waiting == {"p1"}
    assert decided.face_ids == []


def test_a_face_that_another_photo_holds_stays() -> None:
    known = [row("a", "doomed", "f1"), row("b", "indexed", "f1")]
    decided = decide_deletions([task("a", "f1")], {}, known, [])
    assert (decided.face_ids, decided.moved) == ([], (task("a", "f1"),))
