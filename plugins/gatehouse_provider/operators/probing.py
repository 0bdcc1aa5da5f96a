"""Keep an office's probes in the ledger: every step of theirs, and what it means for their cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.ledger.calls import changed_at
from gatehouse.ledger.probes import Probe, plan_probes, probes_of, probes_on, set_probe_state
from gatehouse.ledger.rollouts import camera_phases, set_camera_phase
from gatehouse.rollout.probe import choose_interval
from gatehouse.rollout.probe_attempts import camera_after, standing
from gatehouse_provider.operators.base import final_errors, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gatehouse.rollout.phases import CameraStep
    from gatehouse.rollout.probe import Verdict
    from gatehouse.rollout.probe_attempts import Standing
    from gatehouse_provider.hooks.ledger import LedgerHook


@dataclass(frozen=True, slots=True)
class Probing:
    """Read and write the probes of one office in one rollout."""

    ledger: LedgerHook
    rollout_id: str
    office: str

    def standing(self, cameras: Iterable[str]) -> Standing:
        """Tell how far the probes of these cameras are, and which are due."""
        steps = {camera_id: step for camera_id, (step, _) in self.steps(cameras).items()}
        with self.ledger.begin() as connection:
            changed = changed_at(connection, self.rollout_id)
            stored = probes_of(connection, self.rollout_id)
        changed_ms = {camera_id: round(at.timestamp() * 1000) for camera_id, at in changed.items()}
        return standing(self.rollout_id, steps, changed_ms, stored)

    def steps(self, cameras: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return step and detail of these cameras, in their order."""
        with self.ledger.begin() as connection:
            found = camera_phases(connection, self.rollout_id)
        untouched = (self.office, "planned", "nothing was done")
        return {camera_id: found.get(camera_id, untouched)[1:] for camera_id in cameras}

    def stored(self, ids: Iterable[str]) -> list[Probe]:
        """Return these probes, in order of camera and time."""
        wanted = set(ids)
        with self.ledger.begin() as connection:
            return [probe for probe in probes_of(connection, self.rollout_id) if probe.probe_id in wanted]

    def plan(
        self, found: Standing, arns: Mapping[str, str], length_ms: int, allowance_ms: int
    ) -> list[Probe]:
        """Store the due attempts of the cameras that have a stream (id → ARN), all of one interval."""
        at = now()
        at_ms = round(at.timestamp() * 1000)
        with final_errors(), self.ledger.begin() as connection:
            for probe_id in found.outdated:
                reason = "the camera was changed after it was planned"
                set_probe_state(connection, probe_id, "failed", at, reason)
            others = probes_on(connection, set(arns.values()), at_ms)
            after_ms = max((probe.end_ms for probe in others), default=0)
            interval = choose_interval(at_ms, length_ms, allowance_ms, after_ms=after_ms)
            planned = [
                Probe(
                    found.due[camera_id], self.rollout_id, camera_id, arn, interval.start_ms, interval.end_ms
                )
                for camera_id, arn in sorted(arns.items())
            ]
            plan_probes(connection, planned, at)
            rows: list[tuple[str, CameraStep, str]] = [(each.camera_id, "probing", "") for each in planned]
            set_camera_phase(connection, self.rollout_id, self.office, rows, at)
        return planned

    def note_ordered(self, probes: Iterable[Probe]) -> None:
        """Note that the office's proxy has been told of probes."""
        with self.ledger.begin() as connection:
            for probe in probes:
                set_probe_state(connection, probe.probe_id, "ordered", now())

    def settle(self, verdicts: Mapping[str, Verdict]) -> None:
        """Record verdicts (probe id → verdict) and what they mean for the cameras, all or nothing.

        A probe that was ended before keeps its end, and its camera its step.
        """
        at = now()
        rows: list[tuple[str, CameraStep, str]] = []
        cameras = {probe.probe_id: probe.camera_id for probe in self.stored(verdicts)}
        with self.ledger.begin() as connection:
            for probe_id, camera_id in cameras.items():
                verdict = verdicts[probe_id]
                passed = verdict.result == "Successful"
                detail = "" if passed else f"{verdict.result} at {verdict.step}: {verdict.reason}"
                if set_probe_state(connection, probe_id, "passed" if passed else "failed", at, detail):
                    rows.append((camera_id, *camera_after(probe_id, verdict)))
            set_camera_phase(connection, self.rollout_id, self.office, rows, at)

    def refuse(self, reasons: Mapping[str, str]) -> None:
        """Fail cameras (id → reason) that can't be probed: unproved they don't go live."""
        rows: Sequence[tuple[str, CameraStep, str]] = [
            (camera_id, "failed", f"it can't be probed: {reason}") for camera_id, reason in reasons.items()
        ]
        with self.ledger.begin() as connection:
            set_camera_phase(connection, self.rollout_id, self.office, rows, now())

    def tried(self, cameras: Iterable[str]) -> frozenset[str]:
        """Name the probes of these cameras by this rollout, ended ones among them."""
        mine = set(cameras)
        with self.ledger.begin() as connection:
            stored = probes_of(connection, self.rollout_id)
        return frozenset(probe.probe_id for probe in stored if probe.camera_id in mine)

    def call_off(self, ids: Iterable[str], reason: str) -> None:
        """End probes that nobody waits for any more, which says nothing of their cameras; an end stays."""
        at = now()
        with self.ledger.begin() as connection:
            for probe_id in sorted(ids):
                set_probe_state(connection, probe_id, "failed", at, f"called off: {reason}")
