"""Plan a rollout before it acts."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.exceptions import PlanError
from gatehouse.ledger.rollouts import record_plan
from gatehouse.office.policy_checks import REQUEUED
from gatehouse.office.source import nearest
from gatehouse.rollout.plan import OfficePlan, plan_hash, plan_office
from gatehouse.rollout.plan_text import render_plan
from gatehouse.rollout.resources import desired_office
from gatehouse.rollout.waves import freeze
from gatehouse_provider.hooks.foundation import FoundationHook
from gatehouse_provider.hooks.office import OfficeHook
from gatehouse_provider.operators.base import GatehouseOperator, final_errors, now
from gatehouse_provider.operators.preflight import enrolled_faces, foresee, region_hooks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from gatehouse.office.config import Company
    from gatehouse.rollout.waves import FrozenWave

LOOKS_AT_ONCE = 8


class RolloutPlanOperator(GatehouseOperator):
    """
    Plan a rollout from configuration and live state, and freeze the plan in the ledger.

    Nothing in AWS is changed. An office that can't be planned (a bad manifest, a Region without its
    foundation or that can't be asked) is refused with its reason, and the others are planned all the same.

    :param offices: names of the offices to roll out; empty for all. (templated)
    :param plan_only: whether the plan shall only be shown. (templated)
    :param waves: the waves that the DAG's graph has; none for those of the configuration.
    """

    template_fields: Sequence[str] = ("offices", "plan_only")

    def __init__(
        self,
        *,
        offices: Sequence[str] = (),
        plan_only: bool = False,
        waves: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.offices = offices
        self.waves = waves
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
            waves = self._freeze(company, plans)
            judgement = company.rollout.judgement
            digest = plan_hash(plans, refused, waves, company.rollout.prove, judgement)
            foreseen = self._show(company, plans, waves, digest, refused)
        plan = {
            "offices": {name: office.to_json() for name, office in plans.items()},
            "refused": refused,
            "dry_run": bool(self.plan_only),
            "waves": [wave.to_json() for wave in waves],
            "forecast": foreseen,
            "prove": company.rollout.prove,
            "judgement": judgement.model_dump(mode="json"),
        }
        rows = [*((wave.name, wave.offices) for wave in waves), (REQUEUED, ())]
        with self.ledger.begin() as connection:
            record_plan(connection, rollout_id, plan, digest, rows, dry_run=bool(self.plan_only), at=now())
        return {"plan_hash": digest, "refused": refused, "offices": _summaries(plans)}

    def _freeze(self, company: Company, plans: dict[str, OfficePlan]) -> tuple[FrozenWave, ...]:
        """Spread the cameras that will be rolled out over waves and units."""
        policy = company.rollout
        names = [wave.name for wave in policy.waves]
        if self.waves and list(self.waves) != names:
            msg = (
                f"rollout.yaml has the waves {', '.join(names)}, the DAG's graph {', '.join(self.waves)}; "
                "nothing was changed. Wait until Airflow has parsed the DAG again"
            )
            raise PlanError(msg)
        cameras = {
            name: [camera.id for camera in company.offices[name].cameras if camera.id not in plan.refused]
            for name, plan in plans.items()
        }
        return freeze(
            policy.waves,
            cameras,
            bake_seconds=policy.gate.bake_seconds,
            unit_cameras=policy.unit_cameras,
            slots=len(self.waves or names),
        )

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
            names, home = company.regions.regions[region], region == company.regions.home
            missing = hook.missing(names, home=home)
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
        """Look at all offices side by side; return plans, and why a Region couldn't tell what it has."""

        def look(name: str) -> OfficePlan | str:
            try:
                return self._plan(company, name, rollout_id)
            except (BotoCoreError, ClientError) as error:
                return _unanswered(company.offices[name].region, error)

        with ThreadPoolExecutor(max_workers=LOOKS_AT_ONCE) as pool:
            found = dict(zip(offices, pool.map(look, offices), strict=True))
        refused = {name: plan for name, plan in found.items() if isinstance(plan, str)}
        return {name: plan for name, plan in found.items() if isinstance(plan, OfficePlan)}, refused

    def _plan(self, company: Company, name: str, rollout_id: str) -> OfficePlan:
        office, desired = company.offices[name], desired_office(company, name, self.quotas)
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

    def _show(
        self,
        company: Company,
        plans: dict[str, OfficePlan],
        waves: Sequence[FrozenWave],
        digest: str,
        refused: dict[str, str],
    ) -> dict[str, Any]:
        """Log the plan with what it takes and costs, and return that in short."""
        with self.ledger.begin() as connection:
            people = enrolled_faces(connection, plans)
        regions = sorted({company.offices[name].region for name in plans})
        hooks = region_hooks(company, regions, self.aws_conn_id)
        foreseen = foresee(company, plans, waves, people, hooks)
        text = render_plan(
            plans,
            foreseen,
            digest=digest,
            refused=refused,
            dry_run=bool(self.plan_only),
            proves_path=company.rollout.proves_path,
            probes=company.rollout.probe.enabled,
        )
        self.log.info("%s", text)
        return {
            "text": text,
            "seconds": round(foreseen.seconds),
            "usd_a_month": round(foreseen.cost.usd),
            "usd_a_month_now": round(foreseen.usd_now),
            "people": foreseen.people,
            "offices": [asdict(office) for office in foreseen.offices],
            "waves": [{"name": wave.name, "seconds": round(wave.seconds)} for wave in foreseen.waves],
        }


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
