"""Decide which frames are stored, and what a stored frame says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.ingest.instant import moment
from gatehouse.office.naming import frame_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse.ingest.frame import Frame
    from gatehouse.ingest.snapshot import EvidencePolicy


def frames_to_store(frames: Iterable[Frame], policy: EvidencePolicy) -> list[Frame]:
    """Return the frames a policy stores by itself: the earliest of each camera-second, a probe's never.

    Under `alerts` there is none, because an alert asks for its own. `unmatched` keeps frames with a
    face that nobody in the collection looks like; `all` keeps every analysed frame.
    """
    if policy == "alerts":
        return []
    chosen: dict[tuple[str, int], Frame] = {}
    for frame in frames:
        if frame.probe_id is not None:
            continue
        if policy == "unmatched" and all(face.similarity is not None for face in frame.faces):
            continue
        second = (frame.stream.camera_id, frame.at_ms // 1000)
        if second not in chosen or frame.at_ms < chosen[second].at_ms:
            chosen[second] = frame
    return list(chosen.values())


def evidence_key(frame: Frame) -> str:
    """Return the S3 key of a frame's camera-second."""
    return frame_key(frame.stream.camera_id, moment(frame.at_ms))


def evidence_metadata(frame: Frame) -> dict[str, str]:
    """Return the object metadata that joins a stored frame to its documents."""
    return {
        "frame-time-ms": str(frame.at_ms),
        "stream-arn": frame.stream_arn,
        "fragment-number": frame.fragment_number,
        "camera-id": frame.stream.camera_id,
    }
