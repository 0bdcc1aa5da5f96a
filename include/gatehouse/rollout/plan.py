"""Plan what brings an office from what it has to what it shall have.

Planning is pure and repeatable: where everything is right, the plan is empty. The order of actions is
the order of dependence (collection, then per camera video stream, record stream, mapping, processor).
Nothing is ever deleted but a processor that is replaced at once, because a face-search processor
can't be updated (aws.md §0.4).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gatehouse.exceptions import PlanError
from gatehouse.office import naming

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gatehouse.rollout.resources import DesiredOffice, EventMapping, ObservedCamera, ObservedOffice

ActionKind = Literal[
    "create_collection",
    "create_video_stream",
    "change_retention",
    "create_record_stream",
    "create_mapping",
    "change_mapping",
    "create_processor",
    "replace_processor",
]


@dataclass(frozen=True, slots=True)
class Action:
    """Change one resource; `camera_id` is empty for what the whole office shares."""

    kind: ActionKind
    resource: str
    reason: str
    camera_id: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """Return what makes two actions the same, whatever the wording of their reasons."""
        return self.kind, self.resource


@dataclass(frozen=True, slots=True)
class OfficePlan:
    """Hold an office's ordered actions, how much is already right, and what is refused or stray."""

    office: str
    actions: tuple[Action, ...]
    kept: int
    refused: dict[str, str] = field(default_factory=dict)
    strays: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OfficePlan:
        """Restore a plan from plain data."""
        actions = tuple(Action(**action) for action in data["actions"])
        return cls(data["office"], actions, data["kept"], dict(data["refused"]), tuple(data["strays"]))


def plan_office(
    desired: DesiredOffice, observed: ObservedOffice, refused: Mapping[str, str] | None = None
) -> OfficePlan:
    """Plan one office; cameras in `refused` (id → reason) are left exactly as they are."""
    refused = dict(refused or {})
    actions: list[Action] = []
    kept = 0
    if observed.collection_exists:
        kept += 1
    else:
        actions.append(Action("create_collection", desired.collection, "the office has no face collection"))
    for camera_id in desired.cameras:
        if camera_id not in refused:
            changes = list(_plan_camera(desired, camera_id, observed.camera(camera_id)))
            actions += changes
            kept += (4 if desired.engine == "stream_processor" else 3) - len(changes)
    return OfficePlan(desired.office, tuple(actions), kept, refused, observed.strays)


def _plan_camera(desired: DesiredOffice, camera_id: str, found: ObservedCamera) -> Iterator[Action]:
    video, records = naming.video_stream(camera_id), naming.record_stream(camera_id)
    if found.video is None:
        yield Action("create_video_stream", video, "it doesn't exist", camera_id)
    elif found.video.retention_hours != desired.retention_hours:
        reason = f"keeps {found.video.retention_hours} h instead of {desired.retention_hours} h"
        yield Action("change_retention", video, reason, camera_id)
    if found.records is None:
        yield Action("create_record_stream", records, "it doesn't exist", camera_id)
    if found.mapping is None:
        yield Action("create_mapping", records, "no mapping leads from it to the ingest function", camera_id)
    elif wrong := mapping_differences(desired, found.mapping):
        yield Action("change_mapping", records, f"{', '.join(wrong)} differ", camera_id)
    if desired.engine == "stream_processor":
        yield from _plan_processor(desired, camera_id, found)


def _plan_processor(desired: DesiredOffice, camera_id: str, found: ObservedCamera) -> Iterator[Action]:
    name = naming.stream_processor(camera_id)
    if found.processor is None:
        yield Action("create_processor", name, "it doesn't exist", camera_id)
    elif wrong := _processor_differences(desired, camera_id, found):
        yield Action("replace_processor", name, f"{', '.join(wrong)} differ", camera_id)


def _processor_differences(desired: DesiredOffice, camera_id: str, found: ObservedCamera) -> list[str]:
    processor = found.processor
    if processor is None:
        return []
    pairs = {
        "video stream": (processor.video_arn, found.video.arn if found.video else None),
        "record stream": (processor.record_arn, desired.record_stream_arn(camera_id)),
        "collection": (processor.collection, desired.collection),
        "threshold": (processor.threshold, desired.threshold),
        "role": (processor.role_arn, desired.role_arn),
    }
    return [name for name, (is_, shall_be) in pairs.items() if is_ != shall_be]


def mapping_differences(desired: DesiredOffice, mapping: EventMapping) -> list[str]:
    """Name the settings of a mapping that aren't as the configuration wants them."""
    shall_be = {
        "enabled": True,
        "bisects": True,
        "reports_item_failures": True,
        "failure_destination": desired.failure_destination,
        **desired.mapping.model_dump(),
    }
    return [name for name, value in shall_be.items() if getattr(mapping, name) != value]


def plan_hash(plans: Mapping[str, OfficePlan]) -> str:
    """Return the digest under which a plan is approved and recorded."""
    data = {office: plan.to_json() for office, plan in plans.items()}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def check_still_fits(planned: OfficePlan, live: OfficePlan) -> None:
    """Refuse to act if live state moved since planning.

    Fewer actions than planned are fine: an interrupted run did them already.
    """
    allowed = {action.identity for action in planned.actions}
    moved = [action for action in live.actions if action.identity not in allowed]
    if moved:
        found = "; ".join(f"{action.kind} {action.resource} ({action.reason})" for action in moved)
        msg = (
            f"Office {planned.office} moved since it was planned: {found}. Nothing was changed there. "
            "See who else changes it, and run the rollout again"
        )
        raise PlanError(msg)
