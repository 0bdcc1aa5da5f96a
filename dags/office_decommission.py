"""
# Decommission an office, or some of its cameras

Runs by hand: the reverse of a rollout, with everything the office has accounted for.

1. **plan**: find what the office has, by its manifest or, without one, by its tags in every Region. Each
   thing is removed by one step or kept with the reason. The plan says how many faces go, and what would
   bring the office back; it is frozen in the ledger with its hash.
2. **approve**: wait for a person to approve that hash; no answer within a day is a no.
3. **decommission**: look again and refuse if anything moved. Then tell the proxy, end what analyses, wait
   until records under way are ingested, and only then remove mappings, record streams, ingest's entries,
   video streams, and last the faces, with a receipt for everybody. At the end, look whether it is gone.
4. **report**: give the office back, say what wasn't carried out, and keep the evidence in S3.

**Params.** `office`: which one. `cameras`: only these; empty means the whole office. `region`: only for an
office with resources in several. `delete_video`: don't wait for the end of retention. `delete_faces`: delete
a collection that holds faces. `delete_orphans`: also what carries the office's tag without being in its
manifest. `holds`: cameras whose video is under legal hold, or the office. `dry_run`: only plan.
`unattended`: don't ask for approval, which is recorded.

**Steering.** Pause, abort, freezes and stops are obeyed between two calls, as in a rollout, and given on the
same pages. What is removed doesn't come back by a roll-back: roll the office out again.

**Running it again** changes nothing that is already gone, and takes an interrupted run up where it was.
Video is kept until its retention is over and faces until somebody says so: run it again then. An office is
leased by one run at a time, and no other office is touched.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, TriggerRule, chain, dag

from gatehouse.office.config import load_regions, load_rollout_settings
from gatehouse_provider.operators.approval import PlanApprovalOperator
from gatehouse_provider.operators.decommission import DecommissionReportOperator, OfficeDecommissionOperator
from gatehouse_provider.operators.decommission_plan import DecommissionPlanOperator
from gatehouse_provider.settings import config_dir

OFFICES = [office for wave in load_rollout_settings(config_dir()).waves for office in wave.offices]
REGIONS = sorted(load_regions(config_dir()).regions)


def flag(title: str, description: str) -> Param:
    """Make a box to tick; nothing is deleted that wasn't ticked."""
    return Param(False, type="boolean", title=title, description=description)


@dag(
    schedule=None,
    doc_md=__doc__,
    tags=["gatehouse", "rollout"],
    max_active_runs=4,
    render_template_as_native_obj=True,
    # What can't succeed fails at once; the retries are for workers and schedulers that die under a task.
    default_args={"retries": 5, "retry_delay": timedelta(seconds=5), "owner": "gatehouse"},
    params={
        # Any name: an office that is in no manifest any more is decommissioned too.
        "office": Param(
            type="string",
            minLength=1,
            examples=OFFICES,
            title="Office",
            description="Which office to decommission.",
        ),
        "cameras": Param(
            [],
            type=["null", "array"],
            items={"type": "string"},
            title="Cameras",
            description="Only these cameras of it. Name none for the whole office.",
        ),
        "region": Param(
            "",
            enum=["", *REGIONS],
            title="Region",
            description="Only for an office that has resources in several Regions.",
        ),
        "delete_video": flag("Delete video", "Don't keep video until its retention is over."),
        "delete_faces": flag("Delete faces", "Delete the face collection even though it holds faces."),
        "delete_orphans": flag("Delete orphans", "Also what is tagged and in no manifest."),
        "holds": Param(
            [],
            type=["null", "array"],
            items={"type": "string"},
            title="Legal holds",
            description="Cameras whose video must stay, or the office's name for all of them.",
        ),
        "dry_run": flag("Dry run", "Show the plan and change nothing."),
        "unattended": flag("Unattended", "Don't wait for a person's approval."),
    },
)
def office_decommission() -> None:
    """Plan, have it approved, carry it out, report."""
    plan = DecommissionPlanOperator(
        task_id="plan",
        office="{{ params.office }}",
        region="{{ params.region }}",
        cameras="{{ params.cameras or [] }}",
        holds="{{ params.holds or [] }}",
        delete_video="{{ params.delete_video }}",
        delete_faces="{{ params.delete_faces }}",
        delete_orphans="{{ params.delete_orphans }}",
        plan_only="{{ params.dry_run }}",
    )
    approve = PlanApprovalOperator(task_id="approve", unattended="{{ params.unattended }}")
    decommission = OfficeDecommissionOperator(task_id="decommission", office="{{ params.office }}")
    report = DecommissionReportOperator(task_id="report", trigger_rule=TriggerRule.ALL_DONE)
    chain(plan, approve, decommission, report)


office_decommission()
