"""Plan the end of an office, or of some of its cameras: the reverse of a rollout, all accounted for.

Deleting is the dangerous direction. What isn't known to be dispensable is kept, and everything the office
has is in the plan once: removed by one action, or kept with the reason. The actions are a plan as a
rollout's is (`plan.OfficePlan`), so they are hashed, approved and checked against live state alike.

The proxy is told first, so that cameras stop sending; then what analyses ends; records under way are drained
before anything that they need goes, and streams and faces go last.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from gatehouse.rollout.action import Action, ActionKind
from gatehouse.rollout.plan import OfficePlan

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from gatehouse.rollout.resources import Orphan
    from gatehouse.rollout.state import Resource, State

_ENTRIES = {"edge_document": "cameras", "frames_document": "cameras", "snapshot": "streams"}
_REMOVES: dict[str, ActionKind] = {
    "processor": "remove_processor",
    "analysis": "remove_analysis",
    "edge_document": "remove_edge_document",
    "mapping": "remove_mapping",
    "record_stream": "remove_record_stream",
    "snapshot": "remove_snapshot",
    "video_stream": "remove_video_stream",
    "collection": "remove_collection",
}
_ORDER: tuple[ActionKind, ...] = (
    "remove_edge_document",
    "stop_processor",
    "remove_processor",
    "remove_analysis",
    "drain_record_stream",
    "remove_mapping",
    "remove_record_stream",
    "remove_snapshot",
    "remove_video_stream",
    "remove_collection",
)
_STOPPED = "a retired camera isn't analysed, carried or ingested"
_GOES_ON = "the office goes on with its other cameras"


@dataclass(frozen=True, slots=True)
class Terms:
    """Say what shall go from a Region; without `cameras`, the whole office.

    `holds` are cameras whose video is under legal hold, or the office itself. Nothing here overrides one.
    """

    at: datetime
    cameras: frozenset[str] = frozenset()
    holds: frozenset[str] = frozenset()
    delete_video: bool = False
    delete_faces: bool = False
    delete_orphans: bool = False
    region: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the terms as plain data."""
        return {
            **asdict(self),
            "at": self.at.isoformat(),
            "cameras": sorted(self.cameras),
            "holds": sorted(self.holds),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Terms:
        """Restore the terms from plain data."""
        named = {name: frozenset(data[name]) for name in ("cameras", "holds")}
        return cls(**{**data, **named, "at": datetime.fromisoformat(data["at"])})

    @classmethod
    def of(cls, plan: OfficePlan) -> Terms:
        """Return the terms on which a plan was made: they are its basis."""
        return cls.from_json({name: json.loads(value) for name, value in plan.basis.items()})


@dataclass(frozen=True, slots=True)
class Holdings:
    """Hold everything an office was found to have.

    `last_media` tells by camera when its last fragment came, `faces` how many its collection holds: what
    couldn't be asked is absent or None. `held` counts people of this office under legal hold.
    """

    office: str
    state: State
    orphans: tuple[Orphan, ...] = ()
    last_media: Mapping[str, datetime] = field(default_factory=dict)
    faces: int | None = None
    held: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """Name one thing that is removed or kept as one: a resource, or a camera's entry in a document."""

    kind: str
    name: str
    camera_id: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """Keep one thing, and say why."""

    kind: str
    resource: str
    reason: str
    camera_id: str = ""


@dataclass(frozen=True, slots=True)
class Decommission:
    """Hold what is done, in order, and what is kept."""

    plan: OfficePlan
    kept: tuple[Kept, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"plan": self.plan.to_json(), "kept": [asdict(kept) for kept in self.kept]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Decommission:
        """Restore it from plain data."""
        return cls(OfficePlan.from_json(data["plan"]), tuple(Kept(**kept) for kept in data["kept"]))


def plan_decommission(holdings: Holdings, terms: Terms) -> Decommission:
    """Plan the way out; planning again on the same terms after acting gives no action."""
    actions: list[Action] = []
    kept: list[Kept] = []
    stuck = _undrainable(holdings.state)
    for item in sorted(items_of(holdings), key=lambda item: (item.kind, item.name)):
        reason = _why_kept(item, holdings, terms, stuck)
        if reason:
            kept.append(Kept(item.kind, item.name, reason, item.camera_id))
        else:
            actions += _removal(item, holdings)
    actions += _drains(holdings, actions)
    ordered = sorted(actions, key=lambda action: _ORDER.index(action.kind))
    plan = OfficePlan(
        office=holdings.office,
        actions=tuple(ordered),
        kept=dict(Counter(one.kind for one in kept)),
        basis={name: json.dumps(value) for name, value in terms.to_json().items()},
    )
    return Decommission(plan, tuple(kept))


def items_of(holdings: Holdings) -> Iterator[Item]:
    """Yield everything an office has, once; of a document its entries, and what is left without them."""
    named = set()
    for resource in holdings.state.values():
        for item in _items(resource):
            named.add((item.kind, item.name))
            yield item
    for orphan in holdings.orphans:
        if (orphan.what, orphan.name) not in named:
            yield Item(orphan.what, orphan.name, orphan.camera_id, {"orphan": True})


def _items(resource: Resource) -> Iterator[Item]:
    entries = _ENTRIES.get(resource.kind)
    if entries is None:
        yield Item(resource.kind, resource.name, resource.camera_id, resource.settings)
        return
    kind = "analysis" if resource.kind == "frames_document" else resource.kind
    content = resource.settings.get(entries, ())
    if entries == "streams":
        for arn, stream in content.items():
            yield Item(kind, f"{resource.name}#{arn}", stream["camera_id"])
        return
    for camera in content:
        yield Item(kind, f"{resource.name}#{camera['camera_id']}", camera["camera_id"])
    yield Item("document", resource.name)


def _why_kept(item: Item, holdings: Holdings, terms: Terms, stuck: Collection[str]) -> str:
    """Say why something stays, or nothing if it goes."""
    if item.kind == "document":
        return "it names no camera any more, and so ends the work of who obeys it"
    if item.settings.get("orphan") and not terms.delete_orphans:
        return "it is in no manifest. Decommission with delete_orphans, or put it into one"
    if terms.cameras and item.camera_id not in terms.cameras:
        return _GOES_ON
    if item.kind == "video_stream":
        return _why_video(item, holdings, terms)
    if item.kind == "collection":
        return _why_faces(item, holdings, terms)
    if item.kind in {"mapping", "record_stream", "snapshot"} and {item.camera_id, ""} & set(stuck):
        return "records wait in its stream, and its mapping is disabled. Enable it, and run this again"
    return ""


def _why_video(item: Item, holdings: Holdings, terms: Terms) -> str:
    hours = item.settings.get("retention_hours")
    if terms.holds & {item.camera_id, holdings.office}:
        return f"its video is under legal hold. {_expiry(hours)}: copy what is held"
    if terms.delete_video:
        return ""
    last = holdings.last_media.get(item.camera_id)
    if last is None or hours is None:
        return "it isn't known until when its video must be kept. Decommission with delete_video, or later"
    until = last + timedelta(hours=hours)
    if terms.at < until:
        return f"its video is kept until {until:%Y-%m-%d %H:%M} UTC. Run this again then"
    return ""


def _expiry(hours: int | None) -> str:
    """Say that keeping a stream keeps none of its fragments from expiring."""
    span = "at the end of its retention" if hours is None else f"{hours} h after they came"
    return f"Its fragments expire {span} all the same"


def _why_faces(item: Item, holdings: Holdings, terms: Terms) -> str:
    """Keep a collection with faces, unless told: they are deleted with receipts, here or by the sync."""
    if holdings.held:
        return f"{holdings.held} of its people are under legal hold. Decommission when it is released"
    if item.settings.get("orphan") or holdings.faces is None:
        known = "it isn't known how many faces it holds"
    elif holdings.faces:
        known = f"it holds {holdings.faces} faces"
    else:
        return ""
    return "" if terms.delete_faces else f"{known}. Run hr_face_sync, or decommission with delete_faces"


def _removal(item: Item, holdings: Holdings) -> Iterator[Action]:
    if item.kind == "processor" and item.settings.get("running"):
        yield Action("stop_processor", item.name, "it analyses", item.camera_id)
    found = {name: value for name, value in item.settings.items() if name not in {"running", "orphan"}}
    text = json.dumps(found, sort_keys=True, default=str) if found else ""
    if item.kind == "collection" and not item.settings.get("orphan"):
        text = f"{holdings.faces} faces"
    yield Action(_REMOVES[item.kind], item.name, _STOPPED, item.camera_id, text)


def _undrainable(state: State) -> frozenset[str]:
    """Return the cameras, or "" for the office, whose records nothing reads though a mapping is there."""
    mappings = [resource for resource in state.values() if resource.kind == "mapping"]
    return frozenset(each.camera_id for each in mappings if not each.settings.get("enabled", True))


def _drains(holdings: Holdings, removals: Iterable[Action]) -> Iterator[Action]:
    """Yield the wait for records under way, wherever something that they need is removed.

    What cameras share is drained for each of them; where no mapping reads, there is nothing to wait for.
    """
    needy = {
        action.camera_id for action in removals if action.what in {"mapping", "record stream", "snapshot"}
    }
    for item in items_of(holdings) if needy else ():
        if item.kind == "mapping" and (not item.camera_id or item.camera_id in needy):
            reason = "records under way are ingested before anything they need goes"
            yield Action("drain_record_stream", item.name, reason, item.camera_id)


def fully_gone(decommission: Decommission) -> bool:
    """Tell whether nothing is left to remove, now or later, but empty documents."""
    return not decommission.plan.actions and all(kept.kind == "document" for kept in decommission.kept)
