"""Remember how cameras look and what their days were worth.

Health and day move on together with the looks that they are made of: the same look again changes
nothing, and an older one neither.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from gatehouse.ledger.tables import camera_day, camera_health
from gatehouse.reconcile.alarms import Health
from gatehouse.reconcile.camera_day import KEY, TOTALS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date

    from sqlalchemy import Connection

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
VERDICT = ["expected", "verdict", "cause", "reason"]


def health_of(connection: Connection, cameras: Mapping[str, str]) -> dict[str, Health]:
    """Return what is remembered of cameras (camera id → office); of a new one, that nothing was said.

    The rows are locked until the transaction ends, so that two runs don't both raise an alarm.
    """
    columns = [camera_health.c[name] for name in Health.__slots__]
    rows = connection.execute(
        select(*columns)
        .where(camera_health.c.camera_id.in_(cameras))
        .order_by(camera_health.c.camera_id)
        .with_for_update()
    )
    known = {row.camera_id: Health(*row) for row in rows}
    return {
        camera_id: known.get(camera_id, Health(camera_id, office)) for camera_id, office in cameras.items()
    }


def save_health(connection: Connection, states: Iterable[Health]) -> None:
    """Keep how cameras look; what a later look said stays."""
    rows = [asdict(state) for state in sorted(states, key=lambda state: state.camera_id)]
    if not rows:
        return
    statement = insert(camera_health).values(rows)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["camera_id"],
            set_={name: statement.excluded[name] for name in Health.__slots__ if name != "camera_id"},
            where=camera_health.c.looked_at.is_(None)
            | (camera_health.c.looked_at <= statement.excluded.looked_at),
        )
    )


def alarmed(connection: Connection) -> list[Health]:
    """Return the cameras of which an alarm stands, in order of office and id."""
    columns = [camera_health.c[name] for name in Health.__slots__]
    rows = connection.execute(
        select(*columns)
        .where(camera_health.c.alarmed != "well")
        .order_by(camera_health.c.office, camera_health.c.camera_id)
    )
    return [Health(*row) for row in rows]


def add_looks(
    connection: Connection, office: str, totals: pd.DataFrame, since: datetime, until: datetime
) -> int:
    """Add looks at [since, until) to the days of an office's cameras; return how many weren't added before.

    `totals` is what `camera_day.tally` makes of them.
    """
    days = _days(connection, [(str(camera), day) for camera, day in totals.index])
    fresh = [key for key in totals.index if key not in days.index or days.loc[key, "looked_until"] <= since]
    if not fresh:
        return 0
    both = totals.loc[fresh, TOTALS].add(days[TOTALS].reindex(fresh).fillna(0.0))
    rows = [
        {"camera_id": camera, "day": day, "office": office, "looked_until": until, "totals": dict(row)}
        for (camera, day), row in zip(both.index, both.to_dict("records"), strict=True)
    ]
    statement = insert(camera_day).values(sorted(rows, key=lambda row: (row["camera_id"], row["day"])))
    added = connection.execute(
        statement.on_conflict_do_update(
            index_elements=KEY,
            set_={name: statement.excluded[name] for name in ("office", "totals", "looked_until")},
            where=camera_day.c.looked_until <= since,
        ).returning(camera_day.c.camera_id)
    )
    return len(added.all())


def save_days(connection: Connection, classed: pd.DataFrame) -> None:
    """Keep what `camera_day.classify` made of days; of one that nobody looked at, that too."""
    rows = [
        {
            "camera_id": camera_id,
            "day": day,
            "office": row["office"],
            "totals": {name: row[name] for name in TOTALS},
            "looked_until": NEVER,
            **{name: row[name] for name in VERDICT},
        }
        for (camera_id, day), row in zip(classed.index, classed.to_dict("records"), strict=True)
    ]
    if rows:
        statement = insert(camera_day).values(sorted(rows, key=lambda row: (row["camera_id"], row["day"])))
        verdict = {name: statement.excluded[name] for name in VERDICT}
        connection.execute(statement.on_conflict_do_update(index_elements=KEY, set_=verdict))


def days_between(connection: Connection, cameras: Collection[str], first: date, last: date) -> pd.DataFrame:
    """Return the days of cameras from first to last, both included: key, office, totals and verdict."""
    where = camera_day.c.camera_id.in_(list(cameras)) & camera_day.c.day.between(first, last)
    return _frame(connection.execute(select(camera_day).where(where)).mappings())


def _days(connection: Connection, keys: Collection[tuple[str, date]]) -> pd.DataFrame:
    """Return some days under their key, locked until the transaction ends."""
    where = tuple_(camera_day.c.camera_id, camera_day.c.day).in_(list(keys))
    rows = connection.execute(select(camera_day).where(where).order_by(*KEY).with_for_update())
    return _frame(rows.mappings()).set_index(KEY)


def _frame(rows: Iterable[Mapping[Any, Any]]) -> pd.DataFrame:
    flat = [{**{name: row[name] for name in row if name != "totals"}, **row["totals"]} for row in rows]
    return pd.DataFrame(flat, columns=[*KEY, "office", "looked_until", *VERDICT, *TOTALS])
