"""
# Keep offices as they were rolled out, and explain every camera's silence

Runs every 15 minutes. Per Region, from one sweep of List calls (only what is abnormal is described):

1. **Compare** manifests with AWS, both ways: missing, changed, and unknown resources with our tags. What
   `config/reconcile.yaml` calls noise is counted and not reported.
2. **Heal** what is safe: a processor that FAILED or STOPPED is started or made anew by its cause, mappings,
   proxy and worker documents are corrected. Never towards a configuration that no rollout carried out, while
   a rollout holds the office or somebody stopped everything, or beyond a camera's budget for a day. A rollout
   counts that was approved, wasn't rolled back, and of which every camera of the office passed its wave.
3. **Class** every camera as seen, nobody there, blind, mis-tuned or off, add this look to its day, and raise
   or clear its alarm: once, and again only when that changes.

The rest is reported with what to do about it.

**Params.** `dry_run`: show differences and what would be healed; change and remember nothing.

**Running it again** heals and counts nothing twice: a look counts once, and a heal from before it is tried.
A Region or office that can't be asked fails alone. Quarters of an hour in which this didn't run are unknown,
and make a camera's day blind rather than well.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, Param, dag

from gatehouse.office.config import load_regions
from gatehouse_provider.operators.reconcile import RegionReconcileOperator
from gatehouse_provider.settings import config_dir

REGIONS = sorted(load_regions(config_dir()).regions)


@dag(
    # No start date and no look back: what is over can't be healed any more.
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    doc_md=__doc__,
    tags=["gatehouse", "rollout"],
    max_active_runs=1,
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=5), "owner": "gatehouse"},
    params={
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Show what differs and change nothing."
        ),
    },
)
def office_reconcile() -> None:
    """Reconcile Region by Region, independent of each other."""
    RegionReconcileOperator.partial(
        task_id="reconcile", plan_only="{{ params.dry_run }}", map_index_template="{{ task.region }}"
    ).expand(region=REGIONS)


office_reconcile()
