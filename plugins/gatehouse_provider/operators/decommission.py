"""Carry out the approved end of an office, and account for it."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow.sdk.exceptions import AirflowFailException

from gatehouse.ledger import retired
from gatehouse.ledger.calls import before_of, calls_of, end_call, plan_calls, save_before
from gatehouse.ledger.evidence import record_analysis
from gatehouse.ledger.rollouts import load_plan, set_rollout_phase
from gatehouse.office import naming
from gatehouse.rollout.decommission import Terms, plan_decommission
from gatehouse.rollout.gate import Analysis
from gatehouse.rollout.plan import check_still_fits
from gatehouse.rollout.state import Resource
from gatehouse_provider.hooks.decommission import DecommissionHook
from gatehouse_provider.hooks.decommission_look import HoldingsHook
from gatehouse_provider.operators.base import final_errors, now
from gatehouse_provider.operators.report import RolloutReportOperator
from gatehouse_provider.operators.unit import UnitOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from gatehouse.rollout.action import Action
    from gatehouse.rollout.decommission import Decommission, Holdings
    from gatehouse.rollout.plan import OfficePlan
    from gatehouse_provider.operators.stored_plan import StoredPlan

SHOWN = 20  # steps that a failure names; the rest is counted


class OfficeDecommissionOperator(UnitOperator):
    """
    Remove what the approved plan says, in its order, while holding the office.

    Re-reads live state first and refuses to act if it moved since planning. Begun again after a pause or
    a crash it goes on with what is left; at the end it looks again, and fails if anything planned is there.

    :param office: name of the office. (templated)
    """

    def __init__(self, *, office: str, **kwargs: Any) -> None:
        super().__init__(unit={"office": office}, **kwargs)

    def perform(self, context: Context) -> dict[str, Any]:
        """Decommission, and return how many steps the plan had and what is kept."""
        rollout_id = context["run_id"]
        planned = self.plan(rollout_id).offices[self.office]
        terms = Terms.of(planned)
        self.lease(rollout_id)
        self.mind(context)
        place = HoldingsHook(self.reading.company, self.office, terms.region, rollout_id, self.aws_conn_id)
        holdings = self._look(place, terms, rollout_id)
        live = plan_decommission(holdings, terms)
        with final_errors():
            check_still_fits(planned, live.plan)
        self._remember(rollout_id, place, holdings, planned, live)
        self._act(context, DecommissionHook(place.office), live.plan.actions)
        self._close_collections(context, DecommissionHook(place.office), planned, live)
        left = plan_decommission(self._look(place, terms, rollout_id), terms)
        self._verify(rollout_id, planned, left)
        return {"steps": len(planned.actions), "kept": left.plan.kept}

    def _look(self, place: HoldingsHook, terms: Terms, rollout_id: str) -> Holdings:
        """Look again; when cameras last sent video was found out when planning, and can only be later."""
        with self.ledger.begin() as connection:
            held = retired.people_on_hold(connection, self.office)
            plan = load_plan(connection, rollout_id) or {}
        media = {camera: datetime.fromisoformat(at) for camera, at in plan["last_media"].items()}
        return place.look(terms, media, held)

    def _remember(
        self,
        rollout_id: str,
        place: HoldingsHook,
        holdings: Holdings,
        planned: OfficePlan,
        live: Decommission,
    ) -> None:
        """Keep what there is before the first change, and what will be called.

        A call of a killed try may have been made without being noted: what is gone was done.
        """
        rekognition = place.office.rekognition
        removed = (action.resource for action in live.plan.actions if action.kind == "remove_collection")
        faces = [
            Resource("collection", name, settings={"faces": rekognition.faces(name)}) for name in removed
        ]
        before = holdings.state | {resource.key: resource for resource in faces}
        calls = [(action.camera_id, action.kind, action.resource) for action in planned.actions]
        gone = _done_before(planned, live)
        with self.ledger.begin() as connection:
            save_before(connection, rollout_id, self.office, before, (), now())
            plan_calls(connection, rollout_id, self.office, calls, now())
            states = _states(calls_of(connection, rollout_id, self.office))
            for action in gone:
                if states[action.identity] != "done":
                    call = (action.camera_id, action.kind, action.resource)
                    end_call(connection, rollout_id, self.office, call, now())
            set_rollout_phase(connection, rollout_id, "Progressing", now())

    def _act(self, context: Context, hook: DecommissionHook, actions: Sequence[Action]) -> None:
        for kind, alike in groupby(actions, key=lambda action: action.kind):
            hook.wait_before(kind)
            for action in alike:
                with self.calling(context, action.kind, action.resource, action.camera_id):
                    if action.kind == "remove_collection":
                        self._doom(action.resource)
                    hook.carry_out(action)

    def _doom(self, collection: str) -> None:
        with self.ledger.begin() as connection:
            retired.doom_collection(connection, collection, now())

    def _close_collections(
        self, context: Context, hook: DecommissionHook, planned: OfficePlan, live: Decommission
    ) -> None:
        """Write receipts for everybody in a collection that is gone, also if a killed try deleted it."""
        rollout_id = context["run_id"]
        kept = {kept.resource for kept in live.kept if kept.kind == "collection"}
        for action in planned.actions:
            if action.kind != "remove_collection" or action.resource in kept:
                continue
            with self.ledger.begin() as connection:
                before = before_of(connection, rollout_id, self.office).get(("collection", action.resource))
                faces: Mapping[str, str] = before.settings.get("faces", {}) if before else {}
                retired.close_collection(
                    connection, self.office, action.resource, faces, rollout_id, _new_id, now()
                )
                people = retired.people_with_receipt(connection, rollout_id, action.resource)
                gone = retired.enrolled_nowhere(connection, people)
            with self.calling(context, "change_snapshot", naming.SNAPSHOT_KEY):
                hook.forget_people(gone)

    def _verify(self, rollout_id: str, planned: OfficePlan, left: Decommission) -> None:
        """Keep what the last look saw as evidence; fail if anything is there that was to go."""
        still = [f"{action.kind} {action.resource}" for action in left.plan.actions]
        kept = [f"{kept.kind} {kept.resource}: {kept.reason}" for kept in left.kept]
        reason = f"{len(still)} of {len(planned.actions)} planned steps are left to do"
        found = Analysis("Failed" if still else "Successful", "fail" if still else "pass", reason, {})
        with self.ledger.begin() as connection:
            record_analysis(connection, rollout_id, "after", now(), found, (), unit=self.office)
        for line in kept:
            self.log.info("Kept: %s", line)
        if still:
            msg = f"Office {self.office}: {reason}: {_short(still)}. See who makes it anew, and run it again"
            raise AirflowFailException(msg)


class DecommissionReportOperator(RolloutReportOperator):
    """
    Give the office back, say what of the plan was carried out, and keep the evidence.

    Fails unless every planned step was, whatever happened before.
    """

    complaint = "Not everything planned is gone"

    def unwell(self, rollout_id: str, plan: StoredPlan) -> list[str]:
        """List the planned steps that weren't carried out."""
        wrong = []
        for name, office in plan.offices.items():
            with self.ledger.begin() as connection:
                states = _states(calls_of(connection, rollout_id, name))
            undone = [
                f"{action.kind} {action.resource} ({states.get(action.identity, 'not begun')})"
                for action in office.actions
                if states.get(action.identity) != "done"
            ]
            if undone:
                wrong.append(f"office {name}: {len(undone)} of {len(office.actions)} steps: {_short(undone)}")
        return wrong

    def outcome(self, rollout_id: str) -> dict[str, Any]:
        """Return what was kept."""
        with self.ledger.begin() as connection:
            plan = load_plan(connection, rollout_id) or {}
        return {"kept": {name: office["kept"] for name, office in plan["offices"].items()}}


def _done_before(planned: OfficePlan, live: Decommission) -> list[Action]:
    """Return the planned actions that live state needs no more, unless it is kept by now."""
    left = {action.identity for action in live.plan.actions}
    kept = {(kept.kind, kept.resource) for kept in live.kept}
    return [
        action
        for action in planned.actions
        if action.identity not in left and (action.what.replace(" ", "_"), action.resource) not in kept
    ]


def _states(calls: Sequence[Any]) -> dict[tuple[str, str], str]:
    return {(call.action, call.resource): call.state for call in calls}


def _short(lines: Sequence[str]) -> str:
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return "; ".join(lines[:SHOWN]) + more


def _new_id() -> str:
    return uuid4().hex
