"""Plan what brings an office from what it has to what it shall have.

Planning is pure and repeatable: where everything is right, the plan is empty. Actions are in the order of
dependence: what the office shares, then what each camera needs, then the hand-over between engines, and
last the removal of what the former engine needed. What carries the office's tag without being in its
manifest is an orphan: it is shown, and left alone.

A face-search processor can't be updated (aws.md §0.4), so one that differs is replaced.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from gatehouse.exceptions import PlanError
from gatehouse.rollout.action import Action, Keep
from gatehouse.rollout.needs import (
    analysis_name,
    camera_leftovers,
    camera_needs,
    camera_switch,
    office_leftovers,
    office_needs,
)
from gatehouse.rollout.resources import Orphan

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gatehouse.office.policy import Judgement, Prove
    from gatehouse.rollout.resources import DesiredOffice, ObservedOffice
    from gatehouse.rollout.waves import FrozenWave

RUNS = frozenset({"RUNNING", "STARTING"})
# An interrupted replacement may have deleted without having created yet.
FINISHES = {"create_processor": "replace_processor", "create_analysis": "replace_analysis"}


@dataclass(frozen=True, slots=True)
class OfficePlan:
    """Hold an office's ordered actions, how much is already right, and what is refused or an orphan.

    `basis` is what the configuration wanted when this was planned; `starts` counts the processors that
    will run and don't yet.
    """

    office: str
    actions: tuple[Action, ...]
    kept: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    orphans: tuple[Orphan, ...] = ()
    basis: dict[str, str] = field(default_factory=dict)
    starts: int = 0

    @property
    def right(self) -> int:
        """Count what is as it shall be."""
        return sum(self.kept.values())

    def verbs(self) -> dict[str, int]:
        """Count the actions by what they do."""
        return dict(Counter(action.verb for action in self.actions))

    def part(self, cameras: Collection[str], *, last: bool) -> tuple[Action, ...]:
        """Return the actions for some cameras; what the office shares is removed with the `last` of them."""
        return tuple(
            action
            for action in self.actions
            if (action.camera_id in cameras if action.camera_id else action.verb != "remove" or last)
        )

    def leaves_alone(self, cameras: Collection[str]) -> bool:
        """Tell whether everything of these cameras is as it shall be, and runs."""
        return not self.starts and not self.part(cameras, last=False)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OfficePlan:
        """Restore a plan from plain data."""
        return cls(
            office=data["office"],
            actions=tuple(Action(**action) for action in data["actions"]),
            kept=dict(data["kept"]),
            refused=dict(data["refused"]),
            orphans=tuple(Orphan(**orphan) for orphan in data["orphans"]),
            basis=dict(data["basis"]),
            starts=data["starts"],
        )


def plan_office(
    desired: DesiredOffice, observed: ObservedOffice, refused: Mapping[str, str] | None = None
) -> OfficePlan:
    """Plan one office; cameras in `refused` (id → reason) are left exactly as they are."""
    refused = dict(refused or {})
    cameras = [camera_id for camera_id in desired.cameras if camera_id not in refused]
    steps = list(office_needs(desired, observed))
    for camera_id in cameras:
        steps += camera_needs(desired, camera_id, observed)
    actions = [step for step in steps if isinstance(step, Action)]
    for camera_id in cameras:
        actions += camera_switch(desired, camera_id, observed.camera(camera_id))
    leftovers = [action for camera_id in cameras for action in camera_leftovers(desired, camera_id, observed)]
    gone = {action.camera_id for action in leftovers if action.kind == "remove_analysis"}
    leftovers += office_leftovers(desired, observed, gone)
    return OfficePlan(
        office=desired.office,
        actions=(*actions, *leftovers),
        kept=dict(Counter(step.what for step in steps if isinstance(step, Keep))),
        refused=refused,
        orphans=(*observed.orphans, *_orphaned_analyses(desired, observed)),
        basis=_basis(desired),
        starts=_starts(desired, observed, cameras),
    )


def _orphaned_analyses(desired: DesiredOffice, observed: ObservedOffice) -> Iterator[Orphan]:
    for camera_id in sorted(observed.analysed - set(desired.cameras)):
        yield Orphan("analysis", analysis_name(desired.office, camera_id), camera_id)


def _starts(desired: DesiredOffice, observed: ObservedOffice, cameras: Sequence[str]) -> int:
    if desired.engine != "stream_processor":
        return 0
    processors = (observed.camera(camera_id).processor for camera_id in cameras)
    return sum(processor is None or processor.status not in RUNS for processor in processors)


def _basis(desired: DesiredOffice) -> dict[str, str]:
    values = {each.name: getattr(desired, each.name) for each in fields(desired)}
    values |= {"mapping": desired.mapping.model_dump(), "rates": desired.rates.model_dump()}
    return {name: _brief(value) for name, value in values.items()}


def _brief(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 60 else hashlib.sha256(text.encode()).hexdigest()[:16]


def plan_hash(
    plans: Mapping[str, OfficePlan],
    refused: Mapping[str, str] | None = None,
    waves: Sequence[FrozenWave] = (),
    prove: Prove = "whole_path",
    judgement: Judgement | None = None,
) -> str:
    """Return the digest under which a plan is approved: of everything that acting depends on, and no more.

    Orphans and what is right already aren't acted on, and a forecast is no instruction. How far cameras are
    to be proved, and by what they are judged, belongs to it: nobody may approve proof and get none.
    """
    acted_on = ("office", "actions", "refused", "basis")
    data = {
        "offices": {name: {key: plan.to_json()[key] for key in acted_on} for name, plan in plans.items()},
        "refused": dict(refused or {}),
        "waves": [wave.to_json() for wave in waves],
        "prove": prove,
        "judgement": judgement.model_dump(mode="json") if judgement else None,
    }
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def check_still_fits(planned: OfficePlan, live: OfficePlan) -> None:
    """Refuse to act if configuration or live state moved since planning, and name what did.

    Fewer actions than planned are fine: an interrupted run did them already.
    """
    moved = [
        f"the configuration's {name} ({planned.basis.get(name, 'nothing')} → {value})"
        for name, value in live.basis.items()
        if planned.basis.get(name) != value
    ]
    allowed = {action.identity: action.found for action in planned.actions}
    moved += [_describe(action, allowed) for action in live.actions if not _fits(action, allowed)]
    if moved:
        msg = (
            f"Office {planned.office} moved since it was planned: {'; '.join(moved)}. Nothing was changed "
            "there. See who else changes it, and run the rollout again"
        )
        raise PlanError(msg)


def _fits(action: Action, allowed: Mapping[tuple[str, str], str]) -> bool:
    if action.identity in allowed:
        return allowed[action.identity] == action.found
    return (FINISHES.get(action.kind, ""), action.resource) in allowed


def _describe(action: Action, allowed: Mapping[tuple[str, str], str]) -> str:
    text = f"{action.kind} {action.resource} ({action.reason})"
    if action.identity in allowed:
        return f"{text}, found {action.found} instead of {allowed[action.identity]}"
    return text
