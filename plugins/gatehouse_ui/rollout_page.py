"""Gather everything one rollout's page shows, in one transaction of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse.ledger.control import control_events, steering
from gatehouse.ledger.looks import last_samples, looks_of
from gatehouse.ledger.overview import camera_rows, count_of, rows_of
from gatehouse.ledger.probes import probes_of
from gatehouse.ledger.rollouts import judgement_of, load_plan, load_rollout, waves_of
from gatehouse.ledger.tables import analysis, approval, camera_call, evidence_bundle
from gatehouse.rollout.phases import PHASES, phase_of
from gatehouse_ui.charts import charts, sample_rows
from gatehouse_ui.commands import Standing, wave_under_way
from gatehouse_ui.lanes import lanes
from gatehouse_ui.plan_view import plan_view

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gatehouse.ledger.control import Steering
    from gatehouse.ledger.probes import Probe
    from gatehouse.ledger.rollouts import RolloutRow
    from gatehouse_ui.charts import SampleRow, WaveChart
    from gatehouse_ui.lanes import Lane
    from gatehouse_ui.plan_view import PlanView

# How much of a long list a page shows; the whole of it is in the CSV.
SHOWN_CAMERAS = 200
SHOWN_CALLS = 60
SHOWN_LOOKS = 120
# What needs somebody comes first.
URGENCY = {
    phase: place for place, phase in enumerate(("Degraded", "Paused", "Progressing", "Pending", "Healthy"))
}


@dataclass(frozen=True, slots=True)
class RolloutPage:
    """Hold one rollout as its page shows it; lists are cut, and the counts are of the whole."""

    rollout: RolloutRow
    standing: Standing
    wanted: Steering
    plan: PlanView
    lanes: tuple[Lane, ...]
    offices: tuple[str, ...]
    cameras: list[dict[str, Any]]
    camera_count: int
    charts: tuple[WaveChart, ...]
    samples: list[SampleRow]
    look_count: int
    calls: list[dict[str, Any]]
    call_count: int
    probes: list[Probe]
    events: list[dict[str, Any]]
    approvals: list[dict[str, Any]]
    bundles: list[dict[str, Any]]

    @property
    def approval(self) -> dict[str, Any] | None:
        """Return what was decided on the plan as it is now."""
        digest = self.rollout.plan_hash
        return next((row for row in self.approvals if row["plan_hash"] == digest), None)

    @property
    def waits_for_rollback_task(self) -> bool:
        """Tell whether a roll-back was asked for after the run's end: then its task must be cleared."""
        asked = [event["at"] for event in self.events if event["command"] == "rollback"]
        ended = self.rollout.ended_at
        return bool(asked) and ended is not None and max(asked) > ended

    def event(self, event_id: str) -> dict[str, Any] | None:
        """Return the event that a press made."""
        return next((event for event in self.events if event["event_id"] == event_id), None)


def gather(connection: Connection, rollout_id: str, now: datetime) -> RolloutPage | None:
    """Read a rollout; None if there is none of this id."""
    found, plan = load_rollout(connection, rollout_id), load_plan(connection, rollout_id)
    if found is None or plan is None:
        return None
    waves, cameras = waves_of(connection, rollout_id), camera_rows(connection, rollout_id)
    wanted = steering(connection, rollout_id)
    steps = {row["camera_id"]: row["phase"] for row in cameras}
    samples = last_samples(connection, rollout_id)
    # What was approved counts, whatever the configuration says by now.
    gate = judgement_of(connection, rollout_id).gate
    return RolloutPage(
        rollout=found,
        standing=Standing(found, wave_under_way(waves), wanted.promoted, plan.get("kind", "")),
        wanted=wanted,
        plan=plan_view(plan),
        lanes=lanes(waves, plan, steps, now),
        offices=tuple(
            dict.fromkeys(
                [
                    *(name for row in waves for name in row["offices"]),
                    *plan.get("offices", {}),
                    *plan.get("refused", {}),
                ]
            )
        ),
        cameras=_urgent(cameras),
        camera_count=len(cameras),
        charts=charts(looks_of(connection, rollout_id, SHOWN_LOOKS), gate),
        samples=sample_rows(samples, gate)[:SHOWN_CAMERAS],
        look_count=count_of(connection, analysis, rollout_id),
        calls=rows_of(connection, camera_call, rollout_id, ["at", "camera_id"], newest=SHOWN_CALLS),
        call_count=count_of(connection, camera_call, rollout_id),
        probes=probes_of(connection, rollout_id),
        events=control_events(connection, rollout_id),
        approvals=rows_of(connection, approval, rollout_id, ["decided_at"]),
        bundles=rows_of(connection, evidence_bundle, rollout_id, ["at", "key"]),
    )


def _urgent(cameras: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the cameras that somebody should look at first, each with its phase beside its step."""
    rows = [{**row, "step": row["phase"], "phase": phase_of(row["phase"])} for row in cameras]
    rows.sort(key=lambda row: (URGENCY[row["phase"]], row["office"], row["camera_id"]))
    return rows[:SHOWN_CAMERAS]


def phase_counts(page: RolloutPage) -> dict[str, int]:
    """Count the planned cameras by phase, over all waves."""
    counts = dict.fromkeys(PHASES, 0)
    for lane in page.lanes:
        for segment in lane.bar:
            counts[segment.phase] += segment.count
    return {phase: count for phase, count in counts.items() if count}
