"""
# Roll offices out, wave by wave

Runs by hand. Brings the chosen offices' cameras up and proves that each works:

1. **plan**: read `config/`, check that every Region has its foundation, compare with what AWS has, and
   freeze the plan in the ledger. A dry run ends here.
2. Per wave of `config/rollout.yaml`, per office: **provision** streams, mappings and processors and tell
   the office's proxy, **start** the processors once media flows, and **verify** that fragments arrive, are
   analysed and become searchable. A wave starts when the one before it is verified.
3. **report**: give the offices back and say how every camera ended.

**Params.** `offices`: which ones; empty means all. `dry_run`: only plan.

**Running it again** changes nothing that is already right, and takes an interrupted run up where it was.
An office is leased by one run at a time. A bad manifest, a missing secret or a muted camera fails that
office with the reason; the other offices of its wave go on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, TaskGroup, TriggerRule, chain, dag, task_group

from gatehouse.office.config import load_rollout_settings
from gatehouse_provider.operators.office import (
    OfficeProvisionOperator,
    OfficeStartOperator,
    OfficeVerifyOperator,
)
from gatehouse_provider.operators.rollout import RolloutPlanOperator, RolloutReportOperator
from gatehouse_provider.settings import config_dir

WAVES = load_rollout_settings(config_dir()).waves
OFFICES = [office for wave in WAVES for office in wave.offices]
BY_OFFICE: dict[str, Any] = {
    "map_index_template": "{{ task.office }}",
    "max_active_tis_per_dagrun": 8,
}


@task_group(group_id="office")
def roll_out(office: str) -> None:
    """Provision, start and verify one office."""
    provision = OfficeProvisionOperator(
        task_id="provision",
        office=office,
        # A wave in which nothing was chosen is skipped, and must not hold up the next.
        trigger_rule=TriggerRule.NONE_FAILED,
        **BY_OFFICE,
    )
    start = OfficeStartOperator(task_id="start", office=office, provisioned=provision.output, **BY_OFFICE)
    OfficeVerifyOperator(task_id="verify", office=office, started=start.output, **BY_OFFICE)


@dag(
    schedule=None,
    doc_md=__doc__,
    tags=["gatehouse", "rollout"],
    max_active_runs=4,
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=5), "owner": "gatehouse"},
    params={
        "offices": Param(
            [],
            type=["null", "array"],
            items={"type": "string", "enum": OFFICES},
            examples=OFFICES,
            title="Offices",
            description="Which offices to roll out. Choose none for all of them.",
        ),
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Show the plan and change nothing."
        ),
    },
)
def office_rollout() -> None:
    """Plan, roll out wave by wave, report."""
    plan = RolloutPlanOperator(
        task_id="plan", offices="{{ params.offices or [] }}", plan_only="{{ params.dry_run }}"
    )
    waves = []
    for wave in WAVES:
        with TaskGroup(group_id=wave.name) as group:
            roll_out.expand(office=list(wave.offices))
        waves.append(group)
    chain(plan, *waves, RolloutReportOperator(task_id="report", trigger_rule=TriggerRule.ALL_DONE))


office_rollout()
