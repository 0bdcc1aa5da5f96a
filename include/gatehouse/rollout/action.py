"""Say what a rollout or a decommissioning may do to one resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gatehouse.rollout.resources import What

ActionKind = Literal[
    "create_collection",
    "create_video_stream",
    "change_retention",
    "create_record_stream",
    "create_mapping",
    "change_mapping",
    "create_processor",
    "replace_processor",
    "create_worker",
    "change_worker",
    "create_analysis",
    "replace_analysis",
    "switch_engine",
    "remove_processor",
    "remove_mapping",
    "remove_record_stream",
    "remove_analysis",
    # Of a decommissioning alone.
    "stop_processor",
    "drain_record_stream",
    "remove_edge_document",
    "remove_snapshot",
    "remove_video_stream",
    "remove_collection",
]
Verb = Literal["create", "change", "replace", "switch", "remove", "stop", "drain"]


@dataclass(frozen=True, slots=True)
class Action:
    """Change one resource; `camera_id` is empty for what the whole office shares.

    `found` is what will be changed or lost, as it was when planned: acting on anything else is refused.
    """

    kind: ActionKind
    resource: str
    reason: str
    camera_id: str = ""
    found: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """Return what makes two actions the same, whatever the wording of their reasons."""
        return self.kind, self.resource

    @property
    def verb(self) -> Verb:
        """Return what is done, the first word of its kind."""
        return self.kind.split("_", 1)[0]  # type: ignore[return-value]

    @property
    def what(self) -> str:
        """Return what it is done to, in words."""
        return self.kind.split("_", 1)[1].replace("_", " ")


@dataclass(frozen=True, slots=True)
class Keep:
    """Note that something is as it shall be."""

    what: What


Step = Action | Keep
