"""Derive the document that an office's frame-search worker obeys, one action at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.office import naming
from gatehouse.office.frames import FramesCamera, FramesDesired
from gatehouse.rollout.needs import worker_settings

if TYPE_CHECKING:
    from datetime import datetime

    from gatehouse.rollout.action import Action
    from gatehouse.rollout.resources import DesiredOffice


def frames_after(
    desired: DesiredOffice, stored: FramesDesired | None, action: Action, start_at: datetime
) -> FramesDesired:
    """Return the document after an action; an action that is done already returns what is stored.

    `start_at` is the producer timestamp from which a new camera is analysed.
    """
    settings = {"office": desired.office, **worker_settings(desired)}
    frames = stored or FramesDesired(version=0, cameras=(), **settings)
    if action.what == "worker":
        wanted = frames.model_copy(update=settings)
    else:
        wanted = frames.model_copy(update={"cameras": _cameras(frames, action, start_at)})
    if wanted == stored:
        return stored
    return wanted.model_copy(update={"version": frames.version + 1})


def _cameras(frames: FramesDesired, action: Action, start_at: datetime) -> tuple[FramesCamera, ...]:
    others = tuple(camera for camera in frames.cameras if camera.camera_id != action.camera_id)
    if action.verb == "remove":
        return others
    stream = naming.video_stream(action.camera_id)
    for camera in frames.cameras:
        if camera.camera_id == action.camera_id and camera.stream_name == stream:
            return frames.cameras
    return (*others, FramesCamera(camera_id=action.camera_id, stream_name=stream, start_at=start_at))
