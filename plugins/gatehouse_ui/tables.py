"""Write the pages' tables as CSV, whole: every moment in UTC and by its office's clock."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gatehouse.ledger.control import control_events
from gatehouse.ledger.looks import each_sample
from gatehouse.ledger.overview import camera_rows, list_rollouts, rows_of
from gatehouse.ledger.probes import probes_of
from gatehouse.ledger.rollouts import load_plan
from gatehouse.ledger.tables import analysis, approval, camera_call, evidence_bundle
from gatehouse_ui.plan_view import plan_view

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from gatehouse_ui.surroundings import Surroundings

# A spreadsheet takes a cell that begins like this for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
LISTED = 1000
Row = dict[str, Any]


def _actions(connection: Connection, rollout_id: str) -> Iterator[Row]:
    plan = load_plan(connection, rollout_id)
    for office in plan_view(plan).offices if plan else ():
        for action in office.actions:
            yield {"office": office.name, **asdict(action)}


def _samples(connection: Connection, rollout_id: str) -> Iterator[Row]:
    for wave, sample in each_sample(connection, rollout_id):
        yield {"wave": wave, **asdict(sample)}


def _looks(connection: Connection, rollout_id: str) -> Iterator[Row]:
    for row in rows_of(connection, analysis, rollout_id, ["at", "wave", "unit"]):
        del row["samples"]
        yield row


TABLES: dict[str, Callable[[Connection, str], Iterable[Row]]] = {
    "actions": _actions,
    "cameras": camera_rows,
    "looks": _looks,
    "samples": _samples,
    "calls": lambda connection, run: rows_of(connection, camera_call, run, ["at", "camera_id", "action"]),
    "probes": lambda connection, run: (asdict(probe) for probe in probes_of(connection, run)),
    "events": control_events,
    "approvals": lambda connection, run: rows_of(connection, approval, run, ["decided_at"]),
    "evidence": lambda connection, run: rows_of(connection, evidence_bundle, run, ["at", "key"]),
}


def rollouts_table(connection: Connection, kinds: Collection[str]) -> Iterator[Row]:
    """Yield the latest rollouts of these kinds, one row each."""
    for line in list_rollouts(connection, LISTED, kinds=kinds):
        row = asdict(line)
        yield {**row, "offices": " ".join(line.offices), "cameras": _counts(line.cameras)}


def _counts(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{number} {phase}" for phase, number in counts.items())


def to_csv(rows: Iterable[Row], around: Surroundings) -> str:
    """Return rows as CSV with a header; nothing at all for no rows, since then no column is known."""
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        cells = dict(_cells(row, around))
        if writer is None:
            writer = csv.DictWriter(text, list(cells))
            writer.writeheader()
        writer.writerow(cells)
    return text.getvalue()


def _cells(row: Row, around: Surroundings) -> Iterator[tuple[str, str]]:
    zone = around.zone([row["office"]] if row.get("office") else str(row.get("offices", "")).split())
    for name, value in row.items():
        if value is None and (name == "at" or name.endswith(("_at", "until"))):
            yield from ((name, ""), (f"{name}_local", ""))
        elif isinstance(value, datetime):
            yield name, value.astimezone(UTC).isoformat()
            yield f"{name}_local", value.astimezone(zone or UTC).isoformat()
        else:
            yield name, harmless(value)


def harmless(value: Any) -> str:
    """Return a cell that a spreadsheet shows as it is; numbers are never formulas."""
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text
