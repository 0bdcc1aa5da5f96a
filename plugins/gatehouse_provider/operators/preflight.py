"""Judge whether a frozen plan can work, before anything of it is carried out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from gatehouse.capacity.headroom import short
from gatehouse.capacity.prices import load_prices
from gatehouse.capacity.quotas import load_quotas
from gatehouse.ledger.people import enrolled_kinds
from gatehouse.ledger.rollouts import keep_findings
from gatehouse.rollout.forecast import Forecast, forecast
from gatehouse.rollout.preflight import PreflightSeen, Seen, judge, refuse_blocked, render_findings, verdict
from gatehouse.rollout.resources import desired_office
from gatehouse_provider.hooks.preflight import PreflightHook, opensearch_answers
from gatehouse_provider.hooks.steering import SteeringHook
from gatehouse_provider.operators.base import GatehouseOperator, final_errors
from gatehouse_provider.operators.stored_plan import stored_plan
from gatehouse_provider.settings import config_dir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context
    from sqlalchemy import Connection

    from gatehouse.office.config import Company
    from gatehouse.rollout.plan import OfficePlan
    from gatehouse.rollout.preflight import RegionSeen
    from gatehouse.rollout.waves import FrozenWave
    from gatehouse_provider.operators.stored_plan import StoredPlan


class RolloutPreflightOperator(GatehouseOperator):
    """
    Judge the whole plan: rights, roles, quotas, secrets, cameras, and what ingest needs.

    The right to stream and the role's trust are proved by a stream processor of its own, started and
    removed again in every Region where the plan starts any. A dry run says "not proved", and so does a Region
    that is stopped, paused or frozen now: there nothing is made. Fails where a finding forbids the rollout,
    with the remedy, and where the rollout was called off.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Observe every Region of the plan side by side, judge, and tell."""
        with self.ledger.begin() as connection:
            plan = stored_plan(connection, context["run_id"])
            company = self.reading.company
            people = enrolled_faces(connection, plan.offices)
        regions = sorted({company.office(name).region for name in plan.offices})
        hooks = region_hooks(company, regions, self.aws_conn_id)
        headroom = foresee(company, plan.offices, plan.waves, people, hooks).headroom
        # A plan for which there is no room isn't worth a stream processor: nothing at all is written.
        prove = not plan.dry_run and not short(headroom)
        held = self._held(context["run_id"], plan) if prove else {}
        with ThreadPoolExecutor(max_workers=max(1, len(regions))) as pool:
            seen = pool.map(
                lambda region: self._observe(
                    hooks[region], context["run_id"], plan, prove=prove, held=held.get(region, "")
                ),
                regions,
            )
            looked = PreflightSeen(
                tuple(seen),
                headroom,
                hooks[regions[0]].ai_opt_out() if regions else PreflightSeen(()).ai_opt_out,
                opensearch_answers(),
            )
        findings = judge(looked)
        self.log.info("%s", render_findings(findings))
        told = [finding.to_json() for finding in findings]
        with final_errors(), self.ledger.begin() as connection:
            keep_findings(connection, context["run_id"], told)
        with final_errors():
            refuse_blocked(findings)
        result = verdict(findings)
        return {"advisory": result.advisory, "findings": told}

    def _held(self, run_id: str, plan: StoredPlan) -> dict[str, str]:
        """Say of each Region in which none of the plan's offices may be changed now, why."""
        with final_errors():
            steps = SteeringHook(run_id, list(plan.offices), self.ledger_conn_id).steps()
        reasons: dict[str, list[str]] = {}
        for name, step in steps.items():
            if step.do in {"stop", "roll_back"}:
                msg = f"Preflight made nothing: {step.reason}"
                raise AirflowFailException(msg)
            waits = step.reason if step.do == "wait" else ""
            reasons.setdefault(self.reading.company.office(name).region, []).append(waits)
        return {region: told[0] for region, told in reasons.items() if all(told)}

    def _observe(
        self, hook: PreflightHook, run_id: str, plan: StoredPlan, *, prove: bool, held: str
    ) -> RegionSeen:
        company = self.reading.company
        offices = [company.office(name) for name in plan.offices]
        mine = [office for office in offices if office.region == hook.region]
        starts = any(plan.offices[office.office].starts for office in mine)
        seen = hook.observe(mine, run_id, dry_run=not prove or not starts or bool(held))
        if held:
            not_now = Seen("not_proved", held)
            seen = replace(seen, streaming_right=not_now, role_trust=not_now)
        # Where nothing is started, nothing rests on the right to start it.
        return seen if starts else replace(seen, engines=seen.engines - {"stream_processor"})


def region_hooks(
    company: Company, regions: Sequence[str], aws_conn_id: str | None
) -> dict[str, PreflightHook]:
    """Return a hook per Region."""
    account, names = company.regions.account, company.regions.regions
    return {region: PreflightHook(region, account, names[region], aws_conn_id) for region in regions}


def enrolled_faces(connection: Connection, offices: Mapping[str, OfficePlan]) -> dict[str, int]:
    """Count the people whom each office's cameras know."""
    return {name: len(enrolled_kinds(connection, [name])) for name in offices}


def foresee(
    company: Company,
    plans: Mapping[str, OfficePlan],
    waves: Sequence[FrozenWave],
    people: Mapping[str, int],
    hooks: Mapping[str, PreflightHook],
) -> Forecast:
    """Forecast a plan from the Regions' own quotas and what is in use there."""
    quotas, prices = load_quotas(config_dir()), load_prices(config_dir())
    for hook in hooks.values():
        quotas = hook.quotas(quotas)
    in_use = {region: hook.in_use() for region, hook in hooks.items()}
    desired = {name: desired_office(company, name) for name in plans}
    return forecast(plans, desired, waves, quotas, prices, people=people, in_use=in_use)
