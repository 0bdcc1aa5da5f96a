"""Remember probes: which interval of which stream is the clip, stored before it is ordered.

A probe goes planned → ordered → playing → played → passed, or failed from anywhere before that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gatehouse.exceptions import LedgerError
from gatehouse.ledger.calls import changed_at
from gatehouse.ledger.tables import probe
from gatehouse.rollout.probe_attempts import proved

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.sql import ColumnElement

ProbeState = Literal["planned", "ordered", "playing", "played", "passed", "failed"]
# The proxy is polled, so a state may be missed; none is gone back to.
ORDER: tuple[ProbeState, ...] = ("planned", "ordered", "playing", "played", "passed")
_NOTIFIED = "alert received at "


@dataclass(frozen=True, slots=True)
class Probe:
    """Hold one probe; its interval [start_ms, end_ms) is in producer time.

    `detail` tells when its alert was received, and in the end why it failed.
    """

    probe_id: str
    rollout_id: str
    camera_id: str
    stream_arn: str
    start_ms: int
    end_ms: int
    state: ProbeState = "planned"
    detail: str = ""

    @property
    def notified_ms(self) -> int:
        """Return when the probe topic's message arrived, by the wall clock; 0 if none did yet."""
        if not self.detail.startswith(_NOTIFIED):
            return 0
        return round(datetime.fromisoformat(self.detail.removeprefix(_NOTIFIED)).timestamp() * 1000)


def plan_probes(connection: Connection, probes: Sequence[Probe], at: datetime) -> None:
    """Store probes and their intervals; commit before anything is ordered.

    Storing one again changes nothing. Raises LedgerError where an interval is another one than stored, or
    overlaps another probe's on the same stream: its frames would belong to two. Only who holds the
    office's lease may plan, so no two plan for one stream at once.
    """
    if not probes:
        return
    rows = [{name: getattr(item, name) for name in Probe.__slots__} | {"updated_at": at} for item in probes]
    connection.execute(insert(probe).values(rows).on_conflict_do_nothing(index_elements=["probe_id"]))
    stored = _read(connection, probe.c.stream_arn.in_({item.stream_arn for item in probes}))
    for item in probes:
        mine = next(other for other in stored if other.probe_id == item.probe_id)
        if (mine.stream_arn, mine.start_ms, mine.end_ms) != (item.stream_arn, item.start_ms, item.end_ms):
            msg = (
                f"Probe {item.probe_id} is stored with another interval; nothing was ordered. Plan a new one"
            )
            raise LedgerError(msg)
        for other in stored:
            if other.probe_id != item.probe_id and _overlap(other, item):
                msg = (
                    f"Probe {item.probe_id} of camera {item.camera_id} overlaps probe {other.probe_id}; "
                    "nothing was ordered. Plan it after that one"
                )
                raise LedgerError(msg)


def _overlap(one: Probe, other: Probe) -> bool:
    same = one.stream_arn == other.stream_arn
    return same and one.start_ms < other.end_ms and other.start_ms < one.end_ms


def set_probe_state(
    connection: Connection, probe_id: str, state: ProbeState, at: datetime, detail: str = ""
) -> bool:
    """Record how far a probe is; False if it was further already, which stays.

    Without a detail, the one that is there stays.
    """
    earlier = ORDER[:-1] if state == "failed" else ORDER[: ORDER.index(state)]
    told = {"detail": detail} if detail else {}
    moved = connection.execute(
        probe.update()
        .where(probe.c.probe_id == probe_id, probe.c.state.in_(earlier))
        .values(state=state, updated_at=at, **told)
    )
    return bool(moved.rowcount)


def note_alerts(connection: Connection, received: Mapping[str, int], at: datetime) -> None:
    """Note when probes' alerts arrived, in milliseconds by probe, whoever's probes they are.

    A Region's queue is shared by all rollouts: who takes a message out of it notes it here first, where the
    one who waits for it looks. The first arrival stands; an ended or unknown probe takes none.
    """
    for probe_id, arrived_ms in sorted(received.items()):
        arrived = datetime.fromtimestamp(arrived_ms / 1000, UTC)
        connection.execute(
            probe.update()
            .where(probe.c.probe_id == probe_id, probe.c.state.in_(ORDER[:-1]), probe.c.detail == "")
            .values(detail=f"{_NOTIFIED}{arrived.isoformat(timespec='milliseconds')}", updated_at=at)
        )


def probes_of(connection: Connection, rollout_id: str) -> list[Probe]:
    """Return a rollout's probes, in order of camera and time."""
    return _read(connection, probe.c.rollout_id == rollout_id)


def unproved(connection: Connection, rollout_id: str) -> set[str]:
    """Return the cameras that a rollout changed, and of which no probe passed since."""
    changed = {
        camera_id: round(at.timestamp() * 1000)
        for camera_id, at in changed_at(connection, rollout_id).items()
    }
    return set(changed) - proved(changed, probes_of(connection, rollout_id))


def probes_on(connection: Connection, streams: Collection[str], since_ms: int) -> list[Probe]:
    """Return the probes on these streams that hadn't ended at a producer time, whatever became of them."""
    return _read(connection, probe.c.stream_arn.in_(streams), probe.c.end_ms > since_ms)


def _read(connection: Connection, *where: ColumnElement[bool]) -> list[Probe]:
    columns = [probe.c[name] for name in Probe.__slots__]
    statement = select(*columns).where(*where).order_by(probe.c.camera_id, probe.c.start_ms)
    return [Probe(*row) for row in connection.execute(statement)]
