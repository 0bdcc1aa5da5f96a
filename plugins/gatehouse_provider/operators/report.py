"""Account for a rollout: give its offices back, say how it ended, and keep the evidence."""

from __future__ import annotations

import hashlib
from importlib import metadata
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from gatehouse import __version__
from gatehouse.alerts.operations import rollout_degraded
from gatehouse.exceptions import GatehouseError
from gatehouse.ledger.evidence import bundles_of, record_bundle, rollout_record
from gatehouse.ledger.leases import release_leases
from gatehouse.ledger.operations import add_messages
from gatehouse.ledger.rollouts import camera_phases, load_rollout, set_rollout_phase
from gatehouse.rollout.evidence import make_bundle
from gatehouse_provider.hooks.bundles import BundleHook
from gatehouse_provider.hooks.operations import OperationsHook, page_of
from gatehouse_provider.operators.base import GatehouseOperator, final_errors, now
from gatehouse_provider.operators.stored_plan import PREPARED, stored_plan
from gatehouse_provider.settings import config_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.phases import Phase
    from gatehouse_provider.operators.stored_plan import StoredPlan


class RolloutReportOperator(GatehouseOperator):
    """
    Give the run's offices back and say how every planned camera ended; run it whatever happened before.

    Keeps the evidence bundle in the home Region's bucket, and tells operators of an end that isn't well,
    once. Fails unless every camera of the plan is
    healthy, so that the run's own state is honest. Where the plan proves nothing, prepared is what they
    shall be, and the rollout doesn't become Healthy.
    """

    complaint = "Not everything is healthy"

    def execute(self, context: Context) -> dict[str, Any]:
        """Release the leases, record the rollout's end, keep the evidence and report."""
        rollout_id = context["run_id"]
        with self.ledger.begin() as connection:
            freed = release_leases(connection, rollout_id)
            plan = stored_plan(connection, rollout_id)
        if plan.dry_run:
            return {"dry_run": True}
        wrong = self.unwell(rollout_id, plan)
        self._end(rollout_id, plan, wrong, page_of(context))
        key = ""
        try:
            key = self._keep_evidence(rollout_id)
        except GatehouseError as error:
            # How the cameras ended is told all the same.
            wrong.append(str(error))
        self.log.info("Released %s; the evidence is %s", ", ".join(freed) or "no office", key or "not kept")
        if wrong:
            OperationsHook(self.reading.company.regions, self.ledger, self.aws_conn_id).tell()
            raise AirflowFailException(f"{self.complaint}:\n" + "\n".join(wrong))
        if not plan.proves_path:
            self.log.warning("The cameras are %s", PREPARED)
        return {**self.outcome(rollout_id), "evidence": key}

    def unwell(self, rollout_id: str, plan: StoredPlan) -> list[str]:
        """List what didn't end as planned, and why."""
        with self.ledger.begin() as connection:
            return _unwell(plan, camera_phases(connection, rollout_id))

    def outcome(self, rollout_id: str) -> dict[str, Any]:
        """Return how a run ended that went well."""
        with self.ledger.begin() as connection:
            ended = sorted(camera_phases(connection, rollout_id))
            proves = stored_plan(connection, rollout_id).proves_path
        return {"healthy": ended} if proves else {"healthy": [], "prepared_not_proved": ended}

    def _end(self, rollout_id: str, plan: StoredPlan, wrong: Sequence[str], url: str) -> None:
        """Record how the rollout ended, and for operators that it didn't end well."""
        with final_errors(), self.ledger.begin() as connection:
            found = load_rollout(connection, rollout_id)
            best: Phase = "Healthy" if plan.proves_path else "Progressing"
            phase: Phase = "Degraded" if wrong else best
            detail = found.detail if found and found.phase == phase else ""
            if not wrong and not plan.proves_path:
                detail = f"its cameras are {PREPARED}"
            set_rollout_phase(connection, rollout_id, phase, now(), detail=detail, ended=True)
            ended = load_rollout(connection, rollout_id)
            if wrong and ended and ended.ended_at:
                lines = [line for line in (detail, *wrong) if line]
                message = rollout_degraded(rollout_id, plan.kind, lines, ended.ended_at, url)
                add_messages(connection, [message])

    def _keep_evidence(self, rollout_id: str) -> str:
        """Write the bundle unless it is kept already, and return the key of the last one."""
        regions = self.reading.company.regions
        bucket = regions.regions[regions.home].bucket
        with self.ledger.begin() as connection:
            listed = bundles_of(connection, rollout_id)
            bundle = make_bundle(rollout_record(connection, rollout_id, _versions()), listed)
        if bundle is None:
            return max(listed)
        hook = BundleHook(aws_conn_id=self.aws_conn_id, region_name=regions.home)
        version = hook.write(bucket, bundle)
        with self.ledger.begin() as connection:
            record_bundle(connection, rollout_id, bucket, bundle, version, now())
        return bundle.key


def _versions() -> dict[str, str]:
    """Say what ran: Gatehouse, Airflow, its amazon provider, and a digest of the configuration."""
    digest = hashlib.sha256()
    for path in sorted(config_dir().rglob("*.yaml")):
        digest.update(path.relative_to(config_dir()).as_posix().encode() + b"\0" + path.read_bytes())
    return {
        "gatehouse": __version__,
        "airflow": metadata.version("apache-airflow"),
        "configuration": digest.hexdigest(),
        "amazon_provider": metadata.version("apache-airflow-providers-amazon"),
    }


def _unwell(plan: StoredPlan, phases: dict[str, tuple[str, str, str]]) -> list[str]:
    """List, for every planned camera that isn't as it shall be, how it ended and why."""
    well = "healthy" if plan.proves_path else "prepared"
    wrong = [f"office {name}: {reason}" for name, reason in plan.refused.items()]
    for name, office in plan.offices.items():
        wrong += [f"{camera_id} ({name}) was refused: {why}" for camera_id, why in office.refused.items()]
    for unit in (unit for wave in plan.waves for unit in wave.units):
        if not any(camera_id in phases for camera_id in unit.cameras):
            wrong.append(f"office {unit.office} was not reached: its wave didn't begin, or see its provision")
    wrong += [
        f"{camera_id} ({office}) is {phase}: {detail}" if detail else f"{camera_id} ({office}) is {phase}"
        for camera_id, (office, phase, detail) in phases.items()
        if phase != well
    ]
    return wrong
