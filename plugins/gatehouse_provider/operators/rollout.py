"""Plan a rollout before it acts, and account for it afterwards."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.exceptions import PlanError
from gatehouse.ledger.leases import release_leases
from gatehouse.ledger.rollouts import camera_phases, load_plan, record_plan, set_rollout_phase
from gatehouse.office.source import nearest
from gatehouse.rollout.plan import OfficePlan, plan_hash, plan_office
from gatehouse.rollout.resources import desired_office
from gatehouse_provider.hooks.foundation import FoundationHook
from gatehouse_provider.hooks.office import OfficeHook
from gatehouse_provider.operators.base import GatehouseOperator, final_errors, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from gatehouse.office.config import Company


class RolloutPlanOperator(GatehouseOperator):
    """
    Plan a rollout from configuration and live state, and freeze the plan in the ledger.

    Nothing in AWS is changed. An office that can't be planned (a bad manifest, a Region without its
    foundation or that can't be asked) is refused with its reason, and the others are planned all the same.

    :param offices: names of the offices to roll out; empty for all. (templated)
    :param plan_only: whether the plan shall only be shown. (templated)
    """

    template_fields: Sequence[str] = ("offices", "plan_only")

    def __init__(self, *, offices: Sequence[str] = (), plan_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.offices = offices
        self.plan_only = plan_only

    def execute(self, context: Context) -> dict[str, Any]:
        """Plan, show and freeze."""
        rollout_id = context["run_id"]
        with final_errors():
            company = self.reading.company
            refused = {office: self.reading.problems_of(office) for office in self.reading.refused}
            chosen = self._choose(company, refused)
            refused = {office: reason for office, reason in refused.items() if office in chosen}
            refused |= self._without_foundation(company, [name for name in chosen if name not in refused])
            fit = [name for name in chosen if name not in refused]
            plans, unanswered = self._plan_each(company, fit, rollout_id)
            refused |= unanswered
        digest = plan_hash(plans, refused)
        plan = {
            "offices": {name: office.to_json() for name, office in plans.items()},
            "refused": refused,
            "dry_run": bool(self.plan_only),
        }
        waves = [(wave.name, wave.offices) for wave in company.rollout.waves]
        with self.ledger.begin() as connection:
            record_plan(connection, rollout_id, plan, digest, waves, dry_run=bool(self.plan_only), at=now())
        self._show(plans, refused)
        return {"plan_hash": digest, "refused": refused, "offices": _summaries(plans)}

    def _choose(self, company: Company, refused: dict[str, str]) -> list[str]:
        known = {*company.offices, *refused}
        unknown = [name for name in self.offices if name not in known]
        if unknown:
            msg = f"No office '{unknown[0]}'; nothing was changed. {nearest(unknown[0], known)}"
            raise PlanError(msg)
        return sorted(set(self.offices) or known)

    def _without_foundation(self, company: Company, offices: Sequence[str]) -> dict[str, str]:
        refused: dict[str, str] = {}
        regions = {company.offices[name].region for name in offices}
        for region in sorted(regions):
            if reason := self._why_unfit(company, region):
                refused |= {name: reason for name in offices if company.offices[name].region == region}
        return refused

    def _why_unfit(self, company: Company, region: str) -> str:
        hook = FoundationHook(region, company.regions.account, self.aws_conn_id)
        try:
            missing = hook.missing(company.regions.regions[region])
        except (BotoCoreError, ClientError) as error:
            return _unanswered(region, error)
        if not missing:
            return ""
        return (
            f"Region {region} lacks {', '.join(missing)}; nothing was changed there. "
            "Run the foundation step (locally: make up) and roll out again"
        )

    def _plan_each(
        self, company: Company, offices: Sequence[str], rollout_id: str
    ) -> tuple[dict[str, OfficePlan], dict[str, str]]:
        """Return the plans, and why an office's Region couldn't tell what it has."""
        plans: dict[str, OfficePlan] = {}
        refused: dict[str, str] = {}
        for name in offices:
            try:
                plans[name] = self._plan(company, name, rollout_id)
            except (BotoCoreError, ClientError) as error:
                refused[name] = _unanswered(company.offices[name].region, error)
        return plans, refused

    def _plan(self, company: Company, name: str, rollout_id: str) -> OfficePlan:
        office, desired = company.offices[name], desired_office(company, name)
        hook = FoundationHook(office.region, company.regions.account, self.aws_conn_id)
        gone = hook.missing_secrets(camera.rtsp_secret for camera in office.cameras)
        refused = {
            camera.id: f"{company.places[camera.id]}: secret {camera.rtsp_secret} isn't in Secrets Manager "
            f"of {office.region}. Create it, or correct rtsp_secret"
            for camera in office.cameras
            if camera.rtsp_secret in gone
        }
        known = {camera.id for other in company.offices.values() for camera in other.cameras}
        observed = OfficeHook(desired, rollout_id, self.aws_conn_id, known).observe()
        return plan_office(desired, observed, refused)

    def _show(self, plans: dict[str, OfficePlan], refused: dict[str, str]) -> None:
        for name, plan in plans.items():
            self.log.info("Office %s: %d actions, %d resources right", name, len(plan.actions), plan.right)
            for action in plan.actions:
                self.log.info("  %s %s: %s", action.kind, action.resource, action.reason)
            for orphan in plan.orphans:
                self.log.warning(
                    "  %s carries this office's tag but is in no manifest; left alone", orphan.name
                )
            for camera_id, reason in plan.refused.items():
                self.log.error("  %s is refused: %s", camera_id, reason)
        for name, reason in refused.items():
            self.log.error("Office %s is refused: %s", name, reason)


def _unanswered(region: str, error: Exception) -> str:
    return (
        f"Region {region} can't be asked what it has: {type(error).__name__}: {error}; nothing was changed "
        "there. Roll out again when it answers"
    )


def _summaries(plans: dict[str, OfficePlan]) -> dict[str, Any]:
    return {
        name: {
            "actions": dict(Counter(action.kind for action in plan.actions)),
            "kept": plan.right,
            "refused": plan.refused,
            "orphans": [orphan.name for orphan in plan.orphans],
        }
        for name, plan in plans.items()
    }


class RolloutReportOperator(GatehouseOperator):
    """
    Give the run's offices back and say how every planned camera ended; run it whatever happened before.

    Fails unless every camera of the plan is verified, so that the run's own state is honest.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Release the leases, record the rollout's end and report."""
        rollout_id = context["run_id"]
        with self.ledger.begin() as connection:
            freed = release_leases(connection, rollout_id)
            plan = load_plan(connection, rollout_id)
            phases = camera_phases(connection, rollout_id)
        if plan is None:
            msg = "This run has no plan; nothing was changed. See the log of task plan"
            raise AirflowFailException(msg)
        if plan["dry_run"]:
            return {"dry_run": True}
        wrong = _unverified(plan, phases)
        with self.ledger.begin() as connection:
            set_rollout_phase(connection, rollout_id, "Degraded" if wrong else "Healthy", now(), ended=True)
        self.log.info("Released %s", ", ".join(freed) or "no office")
        if wrong:
            raise AirflowFailException("Not everything is verified:\n" + "\n".join(wrong))
        return {"verified": sorted(phases)}


def _unverified(plan: dict[str, Any], phases: dict[str, tuple[str, str, str]]) -> list[str]:
    """List, for every planned camera that isn't verified, how it ended and why."""
    wrong = [f"office {name}: {reason}" for name, reason in plan["refused"].items()]
    for name, office in plan["offices"].items():
        wrong += [f"{camera_id} ({name}) was refused: {why}" for camera_id, why in office["refused"].items()]
        if not any(where == name for where, _, _ in phases.values()):
            wrong.append(f"office {name} was not reached: its wave didn't start, or see its provision task")
    wrong += [
        f"{camera_id} ({office}) is {phase}: {detail}" if detail else f"{camera_id} ({office}) is {phase}"
        for camera_id, (office, phase, detail) in phases.items()
        if phase != "verified"
    ]
    return wrong
