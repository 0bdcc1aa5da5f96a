"""Read a roster: one CSV row a person, `;` between several values.

A bad row is set aside with its line and reason, and the rest goes on. Messages name the line, never
the person: they end up in logs.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from gatehouse.exceptions import RosterError
from gatehouse.ingest.snapshot import Kind

COLUMNS = (
    "employee_id",
    "status",
    "offices",
    "start_date",
    "end_date",
    "permission_profile",
    "photo_keys",
    "consent_given_at",
    "consent_text_version",
    "consent_withdrawn_at",
    "kind",
)


def _split(value: Any) -> Any:
    return (
        tuple(part.strip() for part in value.split(";") if part.strip()) if isinstance(value, str) else value
    )


def _or_none(value: Any) -> Any:
    return None if value == "" else value


Several = Annotated[tuple[str, ...], BeforeValidator(_split)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
MaybeDate = Annotated[date | None, BeforeValidator(_or_none)]
MaybeMoment = Annotated[AwareDatetime | None, BeforeValidator(_or_none)]


class RosterEntry(BaseModel):
    """Describe one person as the HR system does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    employee_id: Text
    status: Literal["active", "on_leave", "left"]
    offices: Several
    start_date: date
    end_date: MaybeDate
    permission_profile: str
    photo_keys: Several
    consent_given_at: MaybeMoment
    consent_text_version: str
    consent_withdrawn_at: MaybeMoment
    kind: Kind

    def why_not_enrolled(self, at: datetime) -> str:
        """Return why nobody may be enrolled by this row at a moment; empty if they may."""
        if self.consent_given_at is None or self.consent_given_at > at:
            return "no consent"
        if self.consent_withdrawn_at is not None and self.consent_withdrawn_at <= at:
            return "consent withdrawn"
        if self.status == "left" or (self.end_date is not None and self.end_date < at.date()):
            return "left"
        return "not started yet" if self.start_date > at.date() else ""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """Set one row aside; `employee_id` is empty if even that can't be trusted."""

    line: int
    reason: str
    employee_id: str = ""

    def __str__(self) -> str:
        return f"roster line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Roster:
    """Hold the rows that can be used and those that can't."""

    entries: tuple[RosterEntry, ...]
    rejected: tuple[RejectedRow, ...]

    @property
    def unnamed_rows(self) -> bool:
        """Tell whether some row's person is unknown: then absence from the roster proves nothing."""
        return any(not row.employee_id for row in self.rejected)


def decode_roster(body: bytes) -> str:
    """Decode a roster file, with or without a byte order mark; raises RosterError if it isn't UTF-8.

    A guessed letter would be another employee id or photo key.
    """
    mark = len(codecs.BOM_UTF8) if body.startswith(codecs.BOM_UTF8) else 0
    try:
        return body[mark:].decode()
    except UnicodeDecodeError as error:
        msg = (
            f"The roster isn't UTF-8: byte {mark + error.start} (0x{body[mark + error.start]:02x}) can't be "
            "decoded; nobody was changed. Save it as UTF-8 and upload it again"
        )
        # `from None`: the decoder's error carries the whole file.
        raise RosterError(msg) from None


def parse_roster(text: str) -> Roster:
    """Parse a roster; raises RosterError if it can't be trusted as a whole (columns, no usable row)."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        msg = f"The roster has no column {', '.join(missing)}; nobody was changed. Export it again"
        raise RosterError(msg)
    rows: list[tuple[int, RosterEntry]] = []
    rejected: list[RejectedRow] = []
    for row in reader:
        read = _read_row(reader.line_num, row)
        if isinstance(read, RejectedRow):
            rejected.append(read)
        else:
            rows.append((reader.line_num, read))
    counts = Counter(entry.employee_id for _, entry in rows)
    twice = [(line, entry.employee_id) for line, entry in rows if counts[entry.employee_id] > 1]
    rejected += [RejectedRow(line, "employee_id is in several rows. Keep one", name) for line, name in twice]
    entries = tuple(entry for _, entry in rows if counts[entry.employee_id] == 1)
    if not entries:
        msg = (
            "The roster has no usable row; nobody was changed. Export it again: an empty file deletes nobody"
        )
        raise RosterError(msg)
    return Roster(entries, tuple(sorted(rejected, key=lambda row: row.line)))


def _read_row(line: int, row: dict[str | Any, Any]) -> RosterEntry | RejectedRow:
    name = (row.get("employee_id") or "").strip()
    if None in row or None in row.values():
        return RejectedRow(
            line, f"has not {len(COLUMNS)} fields. Is the file cut off or a quote missing?", name
        )
    try:
        return RosterEntry.model_validate({column: row[column] for column in COLUMNS})
    except ValidationError as error:
        # The value isn't repeated: it may be personal.
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        return RejectedRow(line, wrong, name)
