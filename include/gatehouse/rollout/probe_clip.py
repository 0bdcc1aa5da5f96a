"""Read what a probe's clip shows, and whether a camera's rules would tell of its stranger.

The clip is a company's own: one person who is enrolled and consented, and one who is enrolled nowhere. Its
`truth.json` names the first as HR does; collections and documents know an opaque id only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gatehouse.rollout.probe import ClipTruth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gatehouse.ingest.snapshot import SnapshotRule

Text = Annotated[str, StringConstraints(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Seen(_Part):
    """Tell when somebody is seen, in seconds from the clip's start."""

    start_s: Annotated[float, Field(ge=0)]
    end_s: float

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.end_s <= self.start_s:
            msg = f"it ends at {self.end_s:g} s and starts at {self.start_s:g} s"
            raise ValueError(msg)
        return self

    @property
    def span_ms(self) -> tuple[int, int]:
        """Return [start, end) in milliseconds."""
        return round(self.start_s * 1000), round(self.end_s * 1000)


class Enrolled(Seen):
    """Name the enrolled person by the HR system's employee id."""

    person_id: Text


class ClipFile(_Part):
    """Hold a clip's `truth.json`; `clip_sha256` is of the clip beside it."""

    clip_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    duration_s: Annotated[float, Field(ge=1)]
    fps: Annotated[float, Field(gt=0)]
    enrolled: Enrolled
    stranger: Seen

    @model_validator(mode="after")
    def _within(self) -> Self:
        if max(self.enrolled.end_s, self.stranger.end_s) > self.duration_s:
            msg = f"somebody is seen after the clip's end at {self.duration_s:g} s"
            raise ValueError(msg)
        return self

    def truth(self, person_id: str) -> ClipTruth:
        """Return the clip's truth; `person_id` is the ledger's id of the enrolled person."""
        return ClipTruth(
            person_id, self.enrolled.span_ms, self.stranger.span_ms, round(self.duration_s * 1000)
        )


def truth_key(clip_key: str) -> str:
    """Return where a clip's truth lies: beside it."""
    folder, slash, _ = clip_key.rpartition("/")
    return f"{folder}{slash}truth.json"


def why_silent(
    names: Iterable[str],
    rules: Mapping[str, SnapshotRule],
    clip: ClipFile,
    frames_per_second: float | None = None,
) -> str:
    """Say why no rule of a camera would tell of the clip's stranger; empty if one would.

    `frames_per_second` is how often the camera is looked at, None where the engine decides that itself. The
    path ends with a notification, so a camera without one can't be proved.
    """
    mine = [rules[name] for name in names if name in rules and rules[name].kind == "non_employee"]
    if not mine:
        return (
            "none of its rules is of kind non_employee, so the clip's stranger raises no alert. Add one to "
            "the camera in its manifest, or set probe.enabled to false"
        )
    needed = min(rule.k for rule in mine)
    seconds = clip.stranger.end_s - clip.stranger.start_s
    if frames_per_second is None or seconds * frames_per_second >= needed:
        return ""
    return (
        f"its rules want {needed} frames of the clip's stranger, who is seen for {seconds:g} s at "
        f"{frames_per_second:g} frames a second. Film the stranger longer, or look more often"
    )
