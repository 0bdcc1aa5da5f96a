"""Compare manifests with what one sweep found, both ways and for both engines.

Which resources an office needs is the planner's knowledge (`rollout/plan.py`), so what differs is what a
rollout would do there; a plan that is empty differs in nothing. To this comes what no plan looks at:
whether processors, streams, documents, proxy and worker do what they are told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from gatehouse.reconcile.causes import KINDS
from gatehouse.reconcile.runtime import running_differences
from gatehouse.rollout.needs import mapping_differences
from gatehouse.rollout.plan import plan_office

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import date

    from gatehouse.reconcile.causes import Cause, DriftKind, Severity
    from gatehouse.reconcile.policy import Noise
    from gatehouse.reconcile.runtime import Scene
    from gatehouse.rollout.action import Action
    from gatehouse.rollout.plan import OfficePlan

_BY_ACTION: dict[str, Cause] = {
    "change_retention": "retention",
    "replace_processor": "processor_settings",
    "create_worker": "worker_settings",
    "change_worker": "worker_settings",
    "create_analysis": "analysis_missing",
    "replace_analysis": "analysis_settings",
    "switch_engine": "other_engine",
}


@dataclass(frozen=True, slots=True)
class Drift:
    """Tell one thing that isn't as the manifest says; `camera_id` is empty for what an office shares."""

    cause: Cause
    what: str
    name: str
    reason: str
    camera_id: str = ""

    @property
    def kind(self) -> DriftKind:
        """Tell whether it is missing, changed or unknown."""
        return KINDS[self.cause].kind

    @property
    def severity(self) -> Severity:
        """Tell how bad it is."""
        return KINDS[self.cause].severity

    @property
    def remedy(self) -> str:
        """Say what a person does about it."""
        return KINDS[self.cause].remedy

    @property
    def key(self) -> str:
        """Return what the list of known noise calls it."""
        return f"{self.what}/{self.name}"

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {**asdict(self), "kind": self.kind, "severity": self.severity, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class Found:
    """Hold an office's differences, worst first, and how many are known noise, by its reason."""

    drifts: tuple[Drift, ...]
    noise: dict[str, int]


def drift_of(scene: Scene, live: Collection[str]) -> tuple[Drift, ...]:
    """Return everything in which an office differs.

    `live` are the cameras that were rolled out: of one that wasn't, nothing is missing yet.
    """
    plan = plan_office(scene.desired, scene.observed)
    fresh = {camera_id for camera_id in scene.desired.cameras if camera_id not in live}
    found = [*_planned(scene, plan, fresh), *_unknown(plan)]
    found += [Drift(*one) for one in running_differences(scene, live)]
    return _worst_first(found)


def without_noise(drifts: Iterable[Drift], noise: Sequence[Noise], today: date) -> Found:
    """Take out what is known, and count it by its reason: nothing is left out in silence."""
    known = [entry for entry in noise if entry.until is None or today <= entry.until]
    news, quiet = [], Counter[str]()
    for drift in drifts:
        match = next((entry for entry in known if fnmatchcase(drift.key, entry.name)), None)
        if match:
            quiet[match.reason] += 1
        else:
            news.append(drift)
    return Found(tuple(news), dict(quiet))


def _planned(scene: Scene, plan: OfficePlan, fresh: Collection[str]) -> Iterator[Drift]:
    """Yield what a rollout would make or change; of a camera never rolled out, that once."""
    for camera_id in sorted({action.camera_id for action in plan.actions} & set(fresh)):
        yield Drift("not_rolled_out", "camera", camera_id, "it is in the manifest only", camera_id)
    started = len(fresh) < len(scene.desired.cameras)
    for action in plan.actions:
        # An office of which no camera was rolled out has nothing that could be missing.
        if action.camera_id in fresh or not (action.camera_id or started):
            continue
        what = action.what.replace(" ", "_")
        yield Drift(_cause(scene, action), what, action.resource, action.reason, action.camera_id)


def _cause(scene: Scene, action: Action) -> Cause:
    if action.kind == "change_mapping":
        observed = scene.observed
        mapping = observed.camera(action.camera_id).mapping if action.camera_id else observed.mapping
        wrong = mapping_differences(scene.desired, mapping) if mapping else []
        return "mapping_disabled" if "enabled" in wrong else "mapping_settings"
    if action.verb == "remove":
        return "left_over"
    return _BY_ACTION.get(action.kind, "missing")


def _unknown(plan: OfficePlan) -> Iterator[Drift]:
    for orphan in plan.orphans:
        reason = "it carries the office's tag and is in no manifest"
        yield Drift("orphan", orphan.what, orphan.name, reason, orphan.camera_id)


def _worst_first(found: Iterable[Drift]) -> tuple[Drift, ...]:
    order = {"critical": 0, "warning": 1, "note": 2}
    return tuple(
        sorted(set(found), key=lambda drift: (order[drift.severity], drift.camera_id, drift.key, drift.cause))
    )
