"""Plan the end of an office, or of some of its cameras, before it acts."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from gatehouse.ledger import retired
from gatehouse.ledger.rollouts import record_plan
from gatehouse.rollout.decommission import Terms, plan_decommission
from gatehouse.rollout.decommission_place import check_cameras, choose_region, regions_to_search
from gatehouse.rollout.decommission_text import Facts, render_decommission
from gatehouse.rollout.plan import plan_hash
from gatehouse_provider.hooks.decommission_look import RECENTLY, HoldingsHook
from gatehouse_provider.operators.base import GatehouseOperator, final_errors, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.decommission import Decommission, Holdings

KIND = "decommissioning"


class DecommissionPlanOperator(GatehouseOperator):
    """
    Plan an office's end from live state, and freeze the plan in the ledger.

    Nothing in AWS is changed. An office without a manifest is found by its tags, in any Region.

    :param office: name of the office. (templated)
    :param region: where to decommission it; empty for the only Region where it has anything. (templated)
    :param cameras: which of its cameras; empty for the whole office. (templated)
    :param holds: cameras whose video is under legal hold, or the office itself. (templated)
    :param delete_video: whether video goes before its retention is over. (templated)
    :param delete_faces: whether a collection with faces goes. (templated)
    :param delete_orphans: whether what is tagged, and in no manifest, goes. (templated)
    :param plan_only: whether the plan shall only be shown. (templated)
    """

    template_fields: Sequence[str] = (
        "office",
        "region",
        "cameras",
        "holds",
        "delete_video",
        "delete_faces",
        "delete_orphans",
        "plan_only",
    )

    def __init__(
        self,
        *,
        office: str,
        region: str = "",
        cameras: Sequence[str] = (),
        holds: Sequence[str] = (),
        delete_video: Any = False,
        delete_faces: Any = False,
        delete_orphans: Any = False,
        plan_only: Any = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.office = office
        self.region = region
        self.cameras = cameras
        self.holds = holds
        self.delete_video = delete_video
        self.delete_faces = delete_faces
        self.delete_orphans = delete_orphans
        self.plan_only = plan_only

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, plan, show and freeze."""
        rollout_id, terms = context["run_id"], self._terms()
        with self.ledger.begin() as connection:
            held = retired.people_on_hold(connection, self.office)
        with final_errors():
            hook, holdings = self._find(rollout_id, terms, held)
            check_cameras(terms.cameras, hook.office.desired.cameras, holdings)
            terms = replace(terms, region=hook.region)
            found = plan_decommission(holdings, terms)
            digest = plan_hash({self.office: found.plan})
        facts = _facts(hook, found, holdings, terms)
        dry_run = bool(self.plan_only)
        text = render_decommission(found, terms, facts, digest=digest, dry_run=dry_run)
        self.log.info("%s", text)
        plan = {
            "kind": KIND,
            "offices": {self.office: found.plan.to_json()},
            "refused": {},
            "dry_run": dry_run,
            "waves": [],
            "forecast": {"text": text},
            "kept": [asdict(kept) for kept in found.kept],
            "last_media": {camera: at.isoformat() for camera, at in holdings.last_media.items()},
        }
        with self.ledger.begin() as connection:
            record_plan(connection, rollout_id, plan, digest, [], dry_run=dry_run, at=now())
        return {"plan_hash": digest, "steps": len(found.plan.actions), "kept": found.plan.kept}

    def _terms(self) -> Terms:
        return Terms(
            at=now(),
            cameras=frozenset(self.cameras),
            holds=frozenset(self.holds),
            delete_video=bool(self.delete_video),
            delete_faces=bool(self.delete_faces),
            delete_orphans=bool(self.delete_orphans),
        )

    def _find(self, rollout_id: str, terms: Terms, held: int) -> tuple[HoldingsHook, Holdings]:
        """Look wherever the office may have anything, and return the one place where it has."""
        company = self.reading.company
        hooks = {
            region: HoldingsHook(company, self.office, region, rollout_id, self.aws_conn_id)
            for region in regions_to_search(company, self.office, self.region)
        }
        seen = {region: hook.look(terms, held=held) for region, hook in hooks.items()}
        there = {region: bool(found.state or found.orphans) for region, found in seen.items()}
        region = choose_region(company, self.office, there)
        return hooks[region], seen[region]


def _facts(hook: HoldingsHook, found: Decommission, holdings: Holdings, terms: Terms) -> Facts:
    going = [action.resource for action in found.plan.actions if action.kind == "remove_collection"]
    faces = {face: who for name in going for face, who in hook.office.rekognition.faces(name).items()}
    cameras = tuple(sorted(terms.cameras & set(hook.office.desired.cameras)))
    listed = cameras if terms.cameras else (hook.name,)
    return Facts(
        faces=len(faces),
        people=len(set(faces.values())),
        listed=listed if hook.listed else (),
        live_cameras=sum(terms.at - at < RECENTLY for at in holdings.last_media.values()),
    )
