"""Look at a baking wave: sample, judge, remember, and say what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from gatehouse.alerts.operations import rollout_paused
from gatehouse.ledger.calls import changed_at
from gatehouse.ledger.control import control_events, steering
from gatehouse.ledger.evidence import record_analysis, samples_of
from gatehouse.ledger.operations import add_messages
from gatehouse.ledger.rollouts import camera_phases, judgement_of, set_wave_phase, waves_of
from gatehouse.ledger.unreached import given_up_in
from gatehouse.rollout.control import after_gate
from gatehouse.rollout.gate import Bake, judge_wave
from gatehouse.rollout.held import held_spans, in_seconds
from gatehouse.rollout.waves import StageClock
from gatehouse_provider.hooks.operations import OperationsHook, run_page
from gatehouse_provider.hooks.samples import SampleHook
from gatehouse_provider.hooks.steering import SteeringHook
from gatehouse_provider.settings import AWS_CONNECTION, LEDGER_CONNECTION, OPENSEARCH_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

    from gatehouse.alerts.operations import Pause
    from gatehouse.ledger.control import Steering
    from gatehouse.office.policy import Judgement
    from gatehouse.rollout.control import Do
    from gatehouse.rollout.freeze import Span
    from gatehouse.rollout.gate import Analysis
    from gatehouse.rollout.phases import AnalysisResult, Phase
    from gatehouse.rollout.sample import CameraSample


@dataclass(frozen=True, slots=True)
class Look:
    """Hold what one look decided; `bad` are the cameras (id → reason) that failed.

    `unseen` are those whose wave a person promoted before they were seen healthy.
    """

    do: Do
    reason: str
    bad: dict[str, str]
    unseen: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the look as plain data."""
        return {"do": self.do, "reason": self.reason, "bad": self.bad, "unseen": self.unseen}


@dataclass(frozen=True, slots=True)
class _Known:
    """Hold what the ledger knows before a look."""

    wanted: Steering
    wave: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    steps: Mapping[str, tuple[str, str, str]]
    changed: Mapping[str, datetime]


class WaveGateHook(BaseHook):
    """Judge one wave of a rollout while it bakes; every look is kept as an analysis.

    :param cameras: the cameras that the wave took on; those it gave up are in the ledger, and unleased.
    """

    def __init__(
        self,
        rollout_id: str,
        wave: str,
        cameras: Sequence[str],
        aws_conn_id: str | None = AWS_CONNECTION,
        opensearch_conn_id: str = OPENSEARCH_CONNECTION,
        ledger_conn_id: str = LEDGER_CONNECTION,
    ) -> None:
        super().__init__()
        self.rollout_id, self.wave, self.cameras = rollout_id, wave, frozenset(cameras)
        self._place = {"aws_conn_id": aws_conn_id, "opensearch_conn_id": opensearch_conn_id}
        self.ledger_conn_id = ledger_conn_id
        self._earlier: list[CameraSample] | None = None

    @cached_property
    def steering(self) -> SteeringHook:
        """Reach the ledger, the configuration and the leases of the wave's offices."""
        offices = read_offices(self.cameras, SteeringHook(self.rollout_id, [], self.ledger_conn_id))
        return SteeringHook(self.rollout_id, offices, self.ledger_conn_id)

    @cached_property
    def judgement(self) -> Judgement:
        """Read by what the cameras are judged, as the plan froze it."""
        with self.steering.ledger.begin() as connection:
            return judgement_of(connection, self.rollout_id)

    @cached_property
    def samplers(self) -> dict[str, SampleHook]:
        """Build a sampler per office, for its cameras in this wave."""
        company = self.steering.company
        samplers = {}
        for name in self.steering.offices:
            office = company.office(name)
            samplers[name] = SampleHook(
                name,
                office.region,
                company.regions.regions[office.region].bucket,
                [camera.id for camera in office.cameras if camera.id in self.cameras],
                office.engine,
                window=timedelta(seconds=self.judgement.gate.window_seconds),
                **self._place,
            )
        return samplers

    @cached_property
    def operations(self) -> OperationsHook:
        """Reach the topic on which operators are told."""
        regions, ledger = self.steering.company.regions, self.steering.ledger
        return OperationsHook(regions, ledger, self._place["aws_conn_id"])

    def connect(self) -> None:
        """Resolve the connections now, in the caller's thread."""
        self.steering.connect()
        self.operations.connect()
        for sampler in self.samplers.values():
            sampler.connect()

    def look(self) -> Look:
        """Look once: sample what changed, judge, keep it, and decide; operators are told of a pause, once."""
        self.steering.renew()
        with self.steering.ledger.begin() as connection:
            known = self._known(connection)
        lost = {camera: why for camera, (_, step, why) in known.steps.items() if step == "failed"}
        changed = {camera: at for camera, at in known.changed.items() if camera not in lost}
        at = datetime.now(UTC)
        fresh = self._sample(changed, at)
        assert self._earlier is not None  # noqa: S101 - _known filled it
        self._earlier += fresh
        if not changed and not lost:
            return Look(
                after_gate("pass", promoted=False, desired=known.wanted.desired), "nothing changed", {}
            )
        analysis = self._judge(changed, lost, known, at)
        with self.steering.ledger.begin() as connection:
            record_analysis(connection, self.rollout_id, self.wave, at, analysis, fresh)
            do = after_gate(
                analysis.decision,
                promoted=self.wave in known.wanted.promoted,
                desired=known.wanted.desired,
            )
            paused = do == "wait" and self._note(connection, analysis, known, at)
        if paused:
            self.operations.tell()
        return _decided(do, analysis)

    def _known(self, connection: Connection) -> _Known:
        wave = next(each for each in waves_of(connection, self.rollout_id) if each["name"] == self.wave)
        if self._earlier is None:
            self._earlier = [
                sample
                for sample in samples_of(connection, self.rollout_id, self.wave)
                # What an earlier bake of the wave saw was judged then.
                if sample.at >= wave["baking_since"]
            ]
        steps = camera_phases(connection, self.rollout_id)
        mine = self.cameras | given_up_in(connection, self.rollout_id, self.wave)
        changed = changed_at(connection, self.rollout_id)
        return _Known(
            wanted=steering(connection, self.rollout_id),
            wave=wave,
            events=control_events(connection, self.rollout_id),
            steps={camera: steps[camera] for camera in sorted(mine) if camera in steps},
            changed={camera: changed[camera] for camera in sorted(self.cameras) if camera in changed},
        )

    def _sample(self, changed: Mapping[str, datetime], at: datetime) -> list[CameraSample]:
        samples: list[CameraSample] = []
        for sampler in self.samplers.values():
            mine = [changed[camera] for camera in sampler.cameras if camera in changed]
            if mine and max(mine) < at:
                samples += [one for one in sampler.sample(max(mine), at) if one.camera_id in changed]
        return samples

    def _judge(
        self, changed: Mapping[str, datetime], lost: Mapping[str, str], known: _Known, at: datetime
    ) -> Analysis:
        policy = self.judgement
        clock = StageClock(known.wave["baking_since"].timestamp(), in_seconds(self._held(known, at)))
        bake = Bake(
            changed_at=changed,
            until=known.wave["bake_until"],
            now=at,
            overdue=clock.overdue(at.timestamp(), policy.gate.stage_timeout_seconds),
        )
        return judge_wave(self._earlier or [], bake, policy.gate, policy.tolerance, lost)

    def _held(self, known: _Known, at: datetime) -> list[Span]:
        """Return when the bake was held; the calendar is today's, as it is for every call."""
        company = self.steering.company
        clocks = {name: company.office(name).time_zone for name in self.steering.offices}
        return held_spans(known.events, company.rollout.freeze, clocks, known.wave["baking_since"], at)

    def _note(self, connection: Connection, analysis: Analysis, known: _Known, at: datetime) -> bool:
        """Record how the wave waits, and return whether it is paused: for evidence, or by somebody."""
        held = known.wanted.desired == "pause"
        paused = held or analysis.decision in {"pause", "pass"}
        phase: Phase = "Paused" if paused else "Progressing"
        set_wave_phase(connection, self.rollout_id, self.wave, phase, at, detail=analysis.reason)
        if paused:
            pause: Pause = "held" if held else "gate"
            reason = "somebody paused it. Resume, promote, abort or roll back" if held else analysis.reason
            page = run_page("office_rollout", self.rollout_id)
            since, where = known.wave["baking_since"], f"wave {self.wave}"
            message = rollout_paused(self.rollout_id, where, pause, reason, since, at, page)
            add_messages(connection, [message])
        return paused


def read_offices(cameras: frozenset[str], steering: SteeringHook) -> list[str]:
    """Name the offices that have any of these cameras."""
    offices = steering.company.offices
    return sorted(name for name in offices if any(camera.id in cameras for camera in offices[name].cameras))


def _decided(do: Do, analysis: Analysis) -> Look:
    """Tell what a look decided; what only a person's promotion let pass says so."""
    bad = _reasons(analysis, {"Failed"})
    if do != "go" or analysis.decision == "pass":
        return Look(do, analysis.reason, bad)
    # Who it was is in the ledger's commands; these words go to logs and messages.
    unseen = {
        camera_id: f"a person promoted its wave before it was seen healthy: {reason}"
        for camera_id, reason in _reasons(analysis, {"Inconclusive", "Error"}).items()
    }
    return Look(do, f"a person promoted it: {analysis.reason}", bad, unseen)


def _reasons(analysis: Analysis, results: Collection[AnalysisResult]) -> dict[str, str]:
    found = analysis.cameras.items()
    return {camera_id: judged.reason for camera_id, judged in found if judged.result in results}
