"""Decide which cameras of a unit need a probe, and what a judged one means for its camera.

A camera is proved by a probe that began after its last change and passed. An attempt that says nothing
about the camera's path, because it was missed, not played or couldn't be asked about, is repeated once.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

from gatehouse.rollout.probe import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gatehouse.rollout.phases import CameraStep
    from gatehouse.rollout.probe import Step

# A camera that failed, or bakes already, isn't probed.
DUE = frozenset({"verified", "probing"})
ENDED = frozenset({"passed", "failed"})
_AGAIN = "-again"
MISSED = Verdict("Inconclusive", "proxy", "there was no time left to give the order before its interval")

_REMEDIES: dict[Step, str] = {
    "proxy": "See the log of the office's proxy",
    "fragments": "See the office's uplink, and the proxy's log",
    "records": "See the camera's stream processor, or the office's frame-search worker",
    "documents": "See the ingest function's log",
    "notification": "See the ingest function's log, and that its probe topic feeds the probe queue",
    "enrolled": "See that hr_face_sync enrolled the clip's person, and the camera's picture settings",
    "stranger": "See the collection threshold, and that the stranger is enrolled nowhere",
}


class Attempt(Protocol):
    """What is asked of a stored probe here."""

    @property
    def probe_id(self) -> str: ...
    @property
    def camera_id(self) -> str: ...
    @property
    def start_ms(self) -> int: ...
    @property
    def state(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Tell how far the probes of a unit's cameras are.

    `due` names the next attempt by camera. `running` are the ids of attempts to wait for, `outdated` those
    of attempts whose camera was changed since they were planned: their answer would be of something else.
    """

    proved: frozenset[str]
    running: tuple[str, ...]
    due: Mapping[str, str]
    outdated: tuple[str, ...]


def standing(
    rollout_id: str,
    steps: Mapping[str, str],
    changed_ms: Mapping[str, int],
    attempts: Sequence[Attempt],
) -> Standing:
    """Decide what is to be done about cameras (id → step), given when each was changed.

    A camera that the rollout didn't change needs no probe.
    """
    by_camera = _by_camera(attempts)
    running, outdated = list[str](), list[str]()
    due: dict[str, str] = {}
    done = proved(changed_ms, attempts) & steps.keys()
    for camera_id in [camera_id for camera_id in steps if camera_id in changed_ms and camera_id not in done]:
        mine = by_camera.get(camera_id, [])
        last = mine[-1] if mine else None
        counts = last is not None and last.start_ms >= changed_ms[camera_id]
        if steps[camera_id] not in DUE:
            continue
        if last is not None and last.state not in ENDED:
            (running if counts else outdated).append(last.probe_id)
        if last is None or last.state in ENDED or not counts:
            again = counts and steps[camera_id] == "probing"
            due[camera_id] = attempt_id(rollout_id, camera_id, len(mine) + 1, again=again)
    return Standing(done, tuple(running), due, tuple(outdated))


def proved(changed_ms: Mapping[str, int], attempts: Iterable[Attempt]) -> frozenset[str]:
    """Return the changed cameras of which a probe passed since their change."""
    return frozenset(
        attempt.camera_id
        for attempt in attempts
        if attempt.state == "passed"
        and attempt.camera_id in changed_ms
        and attempt.start_ms >= changed_ms[attempt.camera_id]
    )


def attempt_id(rollout_id: str, camera_id: str, number: int, *, again: bool = False) -> str:
    """Name an attempt; whoever computes it for the same rollout, camera and number gets the same name.

    `again` marks the repetition of the attempt before it, which isn't repeated itself.
    """
    digest = blake2b(f"{rollout_id}|{camera_id}".encode(), digest_size=8).hexdigest()
    return f"{digest}-{number}{_AGAIN if again else ''}"


def is_repeated(probe_id: str, verdict: Verdict) -> bool:
    """Tell whether a judged attempt is followed by another one."""
    says_nothing = verdict.result == "Inconclusive" or verdict.step == "proxy"
    return says_nothing and not probe_id.endswith(_AGAIN)


def camera_after(probe_id: str, verdict: Verdict) -> tuple[CameraStep, str]:
    """Return the step, and its detail, that a camera takes when its probe was judged."""
    if verdict.result == "Successful" or verdict.step is None:
        return "verified", "a probe proved its path"
    if is_repeated(probe_id, verdict):
        return "probing", f"tried once more: {verdict.reason}"
    reason = f"its probe failed at {verdict.step}: {verdict.reason}"
    return "failed", f"{reason}. {_REMEDIES[verdict.step]}, and run the rollout again"


def _by_camera(attempts: Iterable[Attempt]) -> dict[str, list[Attempt]]:
    found: dict[str, list[Attempt]] = {}
    for attempt in sorted(attempts, key=lambda each: each.start_ms):
        found.setdefault(attempt.camera_id, []).append(attempt)
    return found
