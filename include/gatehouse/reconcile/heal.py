"""Decide what reconciling may heal by itself, and say why it leaves the rest to people.

Safe is what brings back a state that was approved and rolled out: nothing is healed towards a
configuration that no rollout carried out yet, while a rollout holds the office, or beyond a camera's
budget. A heal is written down before it is tried, so one that a crash cut short counts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from gatehouse.reconcile.causes import failure_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gatehouse.reconcile.causes import Cause, Failure
    from gatehouse.reconcile.drift import Drift
    from gatehouse.reconcile.policy import Heal as Limits
    from gatehouse.rollout.resources import ObservedOffice

HealKind = Literal[
    "publish_snapshot",
    "publish_edge",
    "correct_mapping",
    "publish_frames",
    "recreate_processor",
    "start_processor",
]
DAY = timedelta(days=1)
# What is fed comes before what feeds it, and what analyses comes last.
_ORDER: tuple[HealKind, ...] = (
    "publish_snapshot",
    "correct_mapping",
    "publish_edge",
    "publish_frames",
    "recreate_processor",
    "start_processor",
)
_SIMPLE: dict[Cause, HealKind] = {
    "not_ingested": "publish_snapshot",
    "edge_entry_missing": "publish_edge",
    "edge_entry": "publish_edge",
    "mapping_disabled": "correct_mapping",
    "mapping_settings": "correct_mapping",
    "worker_settings": "publish_frames",
    "analysis_missing": "publish_frames",
    "analysis_settings": "publish_frames",
    "processor_stuck": "recreate_processor",
}
# What the manifests of the Region's other offices move too; it is in the worker's document only.
_SHARED = frozenset({"rates"})
# Why starting a processor again can't help, whatever else is tried (aws.md §2.7).
_HOPELESS: dict[Failure, str] = {
    "role": "AWS can't assume its role; starting it again changes nothing. Correct the role's trust",
    "video_access": "its role may not read the video stream; starting it again changes nothing",
    "data_access": "its role may not write the record stream; starting it again changes nothing",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Say whether an office may be healed: `busy` names who holds it, `pending` what awaits a rollout."""

    busy: str = ""
    pending: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """Remember a heal that was tried; `subject` is the camera, or what the office shares."""

    subject: str
    kind: HealKind
    at: datetime


@dataclass(frozen=True, slots=True)
class Mend:
    """Heal one difference."""

    kind: HealKind
    drift: Drift

    @property
    def subject(self) -> str:
        """Return whose budget it counts against: the camera's, or that of what the office shares."""
        return self.drift.camera_id or self.drift.name


@dataclass(frozen=True, slots=True)
class Left:
    """Leave one difference to people, and say why."""

    drift: Drift
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**self.drift.to_json(), "why": self.why}


@dataclass(frozen=True, slots=True)
class Healing:
    """Hold what is healed now, in order, and what is left; together they are every difference once."""

    mends: tuple[Mend, ...]
    left: tuple[Left, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        mends = [{"kind": mend.kind, **asdict(mend.drift)} for mend in self.mends]
        return {"mends": mends, "left": [left.to_json() for left in self.left]}


def pending_of(approved: Mapping[str, str] | None, basis: Mapping[str, str]) -> tuple[str, ...]:
    """Name what the configuration changed since the last rollout, by the bases of its plan and of one now."""
    if approved is None:
        return ("whole content",)
    return tuple(name for name, value in basis.items() if approved.get(name) != value)


def plan_heals(
    drifts: Sequence[Drift],
    observed: ObservedOffice,
    history: Iterable[Past],
    standing: Standing,
    limits: Limits,
    now: datetime,
    silent: Collection[str] = (),
) -> Healing:
    """Decide on every difference; `silent` are cameras of which no media comes.

    All that is safe for a camera is healed in one go, which counts once against its budget.
    """
    spent = _attempts(history, now)
    mends: list[Mend] = []
    left: list[Left] = []
    taken: set[str] = set()
    for drift in drifts:
        kind, why = _cure(drift, observed, spent, silent)
        subject = drift.camera_id or drift.name
        why = why or _not_now(kind, standing) or _spent(spent.get(subject, ()), limits, now)
        if not why and subject not in taken and len(taken) >= limits.per_office_per_run:
            why = f"{len(taken)} are healed in this run, which is the most. The next run goes on"
        if kind is None or why:
            left.append(Left(drift, why))
        else:
            taken.add(subject)
            mends.append(Mend(kind, drift))
    return Healing(tuple(sorted(mends, key=lambda mend: _ORDER.index(mend.kind))), tuple(left))


def _attempts(history: Iterable[Past], now: datetime) -> dict[str, list[Past]]:
    """Return the last day's heals by subject, in order of time."""
    found: dict[str, list[Past]] = {}
    for past in sorted(history, key=lambda past: past.at):
        if now - DAY < past.at <= now:
            found.setdefault(past.subject, []).append(past)
    return found


def _cure(
    drift: Drift, observed: ObservedOffice, spent: Mapping[str, Sequence[Past]], silent: Collection[str]
) -> tuple[HealKind | None, str]:
    """Return what heals a difference, or why nothing does."""
    if drift.cause == "processor_failed":
        return _cure_failed(drift, observed, spent)
    if drift.cause == "processor_stopped":
        processor = observed.camera(drift.camera_id).processor
        if processor is not None and processor.status == "STOPPING":
            return None, "it is still stopping. The next run starts it"
        if drift.camera_id in silent:
            return None, "no media comes from its camera, which a processor needs first (aws.md §2.6)"
        return "start_processor", ""
    kind = _SIMPLE.get(drift.cause)
    return kind, "" if kind else f"No heal is known to be safe. {drift.remedy}"


def _cure_failed(
    drift: Drift, observed: ObservedOffice, spent: Mapping[str, Sequence[Past]]
) -> tuple[HealKind | None, str]:
    """Return what AWS advises for a processor's message, where its cause is gone by now."""
    failure = failure_of(drift.reason)
    if failure in _HOPELESS:
        return None, _HOPELESS[failure]
    camera = observed.camera(drift.camera_id)
    if failure == "collection":
        gone = (
            ""
            if observed.collection_exists
            else "its collection is gone. Run office_rollout and hr_face_sync"
        )
        return "recreate_processor", gone
    if failure == "video_gone":
        there = camera.video is not None and camera.video.status == "ACTIVE"
        return "recreate_processor", "" if there else "its video stream is gone. Run office_rollout"
    if failure == "records_gone":
        there = camera.records is not None and camera.records.status == "ACTIVE"
        return "start_processor", "" if there else "its record stream is gone. Run office_rollout"
    # AWS names nothing to put right: try the gentle cure, and the other one if it didn't last.
    tried = any(past.kind == "start_processor" for past in spent.get(drift.camera_id, ()))
    return ("recreate_processor" if tried else "start_processor"), ""


def _not_now(kind: HealKind | None, standing: Standing) -> str:
    """Say why an office isn't touched: starting a processor alone changes no setting of it."""
    if standing.busy:
        return f"{standing.busy} holds the office. It, or the next run, sees to it"
    pending = [name for name in standing.pending if kind == "publish_frames" or name not in _SHARED]
    if pending and kind != "start_processor":
        return (
            f"the configuration's {', '.join(pending)} changed since the last rollout, and isn't "
            "approved. Run office_rollout"
        )
    return ""


def _spent(tries: Sequence[Past], limits: Limits, now: datetime) -> str:
    """Say why a camera isn't healed again: its day's budget is used up, or the last heal is too fresh."""
    runs = sorted({past.at for past in tries})
    if len(runs) >= limits.per_camera_per_day:
        return f"healed {len(runs)} times within a day, and it didn't last. Look for the cause"
    if not runs:
        return ""
    next_at = runs[-1] + timedelta(minutes=limits.backoff_minutes) * 2 ** (len(runs) - 1)
    return f"healed at {runs[-1]:%H:%M} UTC; tried again from {next_at:%H:%M} on" if now < next_at else ""
