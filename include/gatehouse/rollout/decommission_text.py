"""Write the plan of a decommissioning so that nobody approves what they didn't mean."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from gatehouse.office import naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatehouse.rollout.action import Action
    from gatehouse.rollout.decommission import Decommission, Kept, Terms

SHOWN = 4  # names of a kind; the rest is counted


@dataclass(frozen=True, slots=True)
class Facts:
    """Say what a person has to know beside the plan itself.

    `faces` and `people` are what the collections hold that are deleted; `listed` names what of it a manifest
    still has, the office or cameras, and `live_cameras` counts those that sent video within the last minutes.
    """

    faces: int = 0
    people: int = 0
    listed: tuple[str, ...] = ()
    live_cameras: int = 0


def render_decommission(
    found: Decommission, terms: Terms, facts: Facts, *, digest: str, dry_run: bool
) -> str:
    """Return the whole plan as text: what is done in order, what is kept and why, and what to mind."""
    what = ", ".join(sorted(terms.cameras)) or "the whole office"
    title = "Dry run: nothing is changed" if dry_run else f"Decommissioning of {found.plan.office}"
    number = len(found.plan.actions)
    parts = [
        [
            f"{title} · {digest[:12]}",
            f"Office {found.plan.office} in {terms.region}, {what}: "
            f"{_count(number, 'step') if number else 'nothing to do'}, {len(found.kept)} kept",
        ],
        list(_steps(found.plan.actions)),
        list(_kept(found.kept)),
        list(_warnings(found, facts)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _steps(actions: Sequence[Action]) -> Iterator[str]:
    for at, (_, group) in enumerate(groupby(actions, key=lambda action: action.kind), 1):
        alike = list(group)
        what = f"{alike[0].verb} {alike[0].what}"
        yield f"{at:>3}. {what:<22}{len(alike):>4} × {_names(action.resource for action in alike)}"


def _kept(kept: Sequence[Kept]) -> Iterator[str]:
    if kept:
        yield "Kept:"
    by_reason = sorted(kept, key=lambda one: (one.kind, one.reason, one.resource))
    for (kind, reason), group in groupby(by_reason, key=lambda one: (one.kind, one.reason)):
        yield f"  {kind.replace('_', ' ')} {_names(one.resource for one in group)}: {reason}"


def _warnings(found: Decommission, facts: Facts) -> Iterator[str]:
    office, kinds = found.plan.office, {action.kind for action in found.plan.actions}
    if facts.faces:
        faces = f"{_count(facts.faces, 'face')} of {facts.people} people"
        yield f"! The collection holds {faces}; with it they are deleted for good, with a receipt each"
    if "remove_video_stream" in kinds:
        yield "! What the removed video streams hold is deleted with them, and can't be fetched again"
    if facts.live_cameras:
        yield f"! {_count(facts.live_cameras, 'camera')} sent video within the last minutes"
    if facts.listed:
        sync = ", and the next hr_face_sync makes its collection anew" if office in facts.listed else ""
        yield (
            f"! A manifest still lists {_names(facts.listed)}: office_rollout would bring it back{sync}. "
            "Take it out of config first"
        )
    if found.plan.actions:
        yield (
            f"? Not touched: secrets {naming.rtsp_secret('…')}, role {naming.frames_role(office)}, stored "
            "frames, detections and alerts; they end with their own retention, or with whoever made them"
        )


def _names(names: Iterable[str]) -> str:
    found = list(names)
    rest = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + rest


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
