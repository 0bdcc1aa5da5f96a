"""Bad rows are set aside by line; a source that can't be trusted changes nobody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gatehouse.exceptions import RosterError
from gatehouse.roster.model import COLUMNS, decode_roster, parse_roster

HEADER = ",".join(COLUMNS)
ADA = "E1,active,berlin;tokyo,2020-01-01,,all-day,E1/1.jpg;E1/2.jpg,2025-01-01T00:00:00Z,v1,,employee"
BOB = ADA.replace("E1", "E2")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def roster(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def test_a_row_becomes_an_entry() -> None:
    (entry,) = parse_roster(roster(ADA)).entries
    assert entry.offices == ("berlin", "tokyo")
    assert entry.photo_keys == ("E1/1.jpg", "E1/2.jpg")
    assert entry.why_not_enrolled(NOON) == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_roster_in_utf_8_is_read_with_or_without_a_mark(encoding: str) -> None:
    text = roster(ADA.replace("E1", "É1"))
    assert decode_roster(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("body", "offset"),
    [(b"E1,Z\xfcrich", 4), (b"\xef\xbb\xbfE1,Z\xfcrich", 7), ("E1".encode("utf-16"), 0)],
)
def test_another_encoding_is_refused_with_its_place_and_remedy(body: bytes, offset: int) -> None:
    with pytest.raises(RosterError, match=f"byte {offset} .* nobody was changed. Save it as UTF-8") as caught:
        decode_roster(body)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("2025-01-01T00:00:00Z", "", "no consent"),
        (",v1,,", ",v1,2026-11-01T00:00:00Z,", "consent withdrawn"),
        (",active,", ",left,", "left"),
        ("2020-01-01,,", "2020-01-01,2026-11-22,", "left"),
        ("2020-01-01", "2027-01-01", "not started yet"),
    ],
)
def test_some_people_are_not_enrolled(old: str, new: str, reason: str) -> None:
    (entry,) = parse_roster(roster(ADA.replace(old, new))).entries
    assert entry.why_not_enrolled(NOON) == reason


@pytest.mark.parametrize(
    "row",
    [
        BOB.replace("2020-01-01", "yesterday"),
        BOB.replace("employee", "boss"),
        BOB.replace("active", "busy"),
        "E2,active,berlin",
        BOB + ",one,too,many",
    ],
)
def test_a_bad_row_is_set_aside_and_the_rest_goes_on(row: str) -> None:
    read = parse_roster(roster(ADA, row))
    assert [entry.employee_id for entry in read.entries] == ["E1"]
    (rejected,) = read.rejected
    assert rejected.employee_id == "E2"
    assert str(rejected).startswith("roster line 3: ")
    assert "E2" not in str(rejected)


def test_a_person_in_two_rows_is_set_aside() -> None:
    read = parse_roster(roster(ADA, BOB, BOB))
    assert [row.line for row in read.rejected] == [3, 4]


def test_a_row_without_an_id_makes_absence_prove_nothing() -> None:
    assert parse_roster(roster(ADA, BOB.replace("E2,", ",", 1))).unnamed_rows


@pytest.mark.parametrize("text", ["", HEADER + "\n", roster("E1,active"), "employee_id,status\nE1,active\n"])
def test_an_empty_or_truncated_roster_changes_nobody(text: str) -> None:
    with pytest.raises(RosterError, match="nobody was changed"):
        parse_roster(text)
