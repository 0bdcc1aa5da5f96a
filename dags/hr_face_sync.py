"""
# Sync the roster with the face collections

Runs nightly. Reads `roster/roster.csv` from the home Region's bucket and makes every office's collection
hold exactly the people who are expected there and consented:

1. **plan**: check the roster, compare it with the ledger and with AWS, guard the deletions.
2. Per office with something to do: **delete** and **index**, independent of each other.
3. **publish** who is who to every Region's ingest snapshot, and fail if anything was left undone.

**Params.** `dry_run`: only plan. `allow_mass_delete`: lift the guards for this run.

**Running it again** changes nothing. A bad row leaves its person as they are; a bad photo is quarantined
until its content changes; an empty or truncated roster deletes nobody; an office that would lose too many
of its people keeps them all, and the run says so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, TriggerRule, dag

from gatehouse_provider.operators.roster import (
    RosterDeleteFacesOperator,
    RosterIndexFacesOperator,
    RosterPlanOperator,
    RosterPublishOperator,
)

BY_OFFICE: dict[str, Any] = {
    "map_index_template": "{{ task.office }}",
    "max_active_tis_per_dagrun": 8,
}
DRY_RUN = "{{ params.dry_run }}"


@dag(
    # No start date and no look back: switching the DAG on doesn't run the night that is over.
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    doc_md=__doc__,
    tags=["gatehouse", "roster"],
    max_active_runs=1,
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=5), "owner": "gatehouse"},
    params={
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Show the changes and make none."
        ),
        "allow_mass_delete": Param(
            False,
            type="boolean",
            title="Allow mass delete",
            description="Lift the guards: only for a roster that really lost this many people.",
        ),
    },
)
def hr_face_sync() -> None:
    """Plan, delete and index by office, publish."""
    plan = RosterPlanOperator(
        task_id="plan", plan_only=DRY_RUN, allow_mass_delete="{{ params.allow_mass_delete }}"
    )
    delete = RosterDeleteFacesOperator.partial(task_id="delete", **BY_OFFICE).expand(office=plan.output)
    index = RosterIndexFacesOperator.partial(task_id="index", **BY_OFFICE).expand(office=plan.output)
    publish = RosterPublishOperator(
        task_id="publish",
        stopped=plan.output["stopped"],
        plan_only=DRY_RUN,
        trigger_rule=TriggerRule.ALL_DONE,
    )
    [delete, index] >> publish


hr_face_sync()
