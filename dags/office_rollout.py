"""
# Roll offices out, wave by wave

Runs by hand. Brings the chosen offices' cameras up and proves that each works:

1. **plan**: read `config/`, check that every Region has its foundation, compare with what AWS has, spread
   the cameras over the waves of `config/rollout.yaml`, and freeze all that in the ledger.
2. **preflight**: judge whether all of it can work: rights, roles, quotas, secrets, cameras, and prove the
   right to stream by a start and stop of its own. A dry run says "not proved", and ends here.
3. **approve**: wait for a person to approve the plan's hash; no answer within a day is a no.
4. Per wave, per unit (some cameras of one office): **provision** streams, mappings and processors and tell
   the office's proxy, **start** what analyses them once media flows, and **verify** that fragments arrive
   and are analysed, whoever is in view. Then **probe**: each changed camera's own stream plays a clip, whose
   enrolled face must be matched, and whose other face must reach the probe topic as an alert. With probes
   switched off, verify waits instead until somebody who walks past becomes searchable. Then the whole wave
   **bakes** under its health gate. A wave begins when the one before it has passed; the last one,
   `requeued`, takes offices that couldn't be reached.
5. **rollback**: if somebody asked for it, or a wave failed and the run shall undo that, bring every office
   back to exactly what it was before.
6. **report**: give the offices back, say how every camera ended, and keep the evidence in S3.

**Params.** `offices`: which ones; empty means all. `dry_run`: only plan. `unattended`: don't ask for
approval, which is recorded. `rollback_on_failure`: undo everything if a wave doesn't pass.

**Steering.** Commands are given on the rollout's page (Rollouts in Airflow's navigation) and obeyed before
every change: a paused, frozen or stopped rollout waits where it is and goes on when it may; an aborted one
ends, one to be rolled back is. To roll back a run that has ended, give the command and clear its task
`rollback`, as the page offers. A wave paused by its gate passes once there is evidence, or when somebody
promotes it, and fails when its time is up.

**Running it again** changes nothing that is already right, and takes an interrupted run up where it was.
An office is leased by one run at a time. A bad manifest, a missing secret or a muted camera fails that
office with the reason; the other offices of its wave go on. A camera that a probe proved isn't probed again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, TaskGroup, TriggerRule, chain, dag, task_group

from gatehouse.office.config import load_rollout_settings
from gatehouse.office.policy_checks import REQUEUED
from gatehouse_provider.operators.approval import PlanApprovalOperator
from gatehouse_provider.operators.gate import WaveBakeOperator
from gatehouse_provider.operators.preflight import RolloutPreflightOperator
from gatehouse_provider.operators.probe import OfficeProbeOperator
from gatehouse_provider.operators.provision import OfficeProvisionOperator
from gatehouse_provider.operators.report import RolloutReportOperator
from gatehouse_provider.operators.rollback import RolloutRollbackOperator
from gatehouse_provider.operators.rollout import RolloutPlanOperator
from gatehouse_provider.operators.start import OfficeStartOperator
from gatehouse_provider.operators.verify import OfficeVerifyOperator
from gatehouse_provider.operators.wave import WaveBeginOperator
from gatehouse_provider.settings import config_dir

SETTINGS = load_rollout_settings(config_dir())
WAVES = [wave.name for wave in SETTINGS.waves]
OFFICES = [office for wave in SETTINGS.waves for office in wave.offices]
BY_UNIT: dict[str, Any] = {
    "map_index_template": "{{ task.unit.label }}",
    "max_active_tis_per_dagrun": 8,
}


@task_group(group_id="office")
def roll_out(unit: dict[str, Any]) -> None:
    """Provision, start, verify and probe one unit: some cameras of one office."""
    provision = OfficeProvisionOperator(task_id="provision", unit=unit, **BY_UNIT)
    start = OfficeStartOperator(task_id="start", unit=unit, provisioned=provision.output, **BY_UNIT)
    verify = OfficeVerifyOperator(task_id="verify", unit=unit, started=start.output, **BY_UNIT)
    # The verified cameras of a unit are probed whatever became of its others.
    probe = OfficeProbeOperator(task_id="probe", unit=unit, trigger_rule=TriggerRule.NONE_SKIPPED, **BY_UNIT)
    chain(verify, probe)


def roll_out_wave(name: str) -> TaskGroup:
    """Begin a wave, roll its units out side by side, and bake it."""
    with TaskGroup(group_id=name) as group:
        # A wave in which nothing was chosen is skipped, and must not hold up the next.
        begin = WaveBeginOperator(task_id="begin", wave=name, trigger_rule=TriggerRule.NONE_FAILED)
        units = roll_out.expand(unit=begin.output)
        bake = WaveBakeOperator(
            task_id="bake", wave=name, units=begin.output, trigger_rule=TriggerRule.ALL_DONE
        )
        chain(units, bake)
    return group


@dag(
    schedule=None,
    doc_md=__doc__,
    tags=["gatehouse", "rollout"],
    max_active_runs=4,
    render_template_as_native_obj=True,
    # What can't succeed fails at once; the retries are for workers and schedulers that die under a task.
    default_args={"retries": 5, "retry_delay": timedelta(seconds=5), "owner": "gatehouse"},
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
        "unattended": Param(
            False, type="boolean", title="Unattended", description="Don't wait for a person's approval."
        ),
        "rollback_on_failure": Param(
            False,
            type="boolean",
            title="Roll back on failure",
            description="Undo everything if a wave doesn't pass. Else the rollout stops where it is.",
        ),
    },
)
def office_rollout() -> None:
    """Plan, judge, have it approved, roll out wave by wave, report."""
    plan = RolloutPlanOperator(
        task_id="plan", offices="{{ params.offices or [] }}", plan_only="{{ params.dry_run }}", waves=WAVES
    )
    preflight = RolloutPreflightOperator(task_id="preflight")
    approve = PlanApprovalOperator(task_id="approve", unattended="{{ params.unattended }}")
    waves = [roll_out_wave(name) for name in [*WAVES, REQUEUED]]
    rollback = RolloutRollbackOperator(
        task_id="rollback",
        on_failure="{{ params.rollback_on_failure }}",
        trigger_rule=TriggerRule.ALL_DONE,
    )
    report = RolloutReportOperator(task_id="report", trigger_rule=TriggerRule.ALL_DONE)
    chain(plan, preflight, approve, *waves, rollback, report)


office_rollout()
