"""Hand cameras over between two engines at a producer time, so that each frame counts once.

Both engines run for a while. A time is chosen, in the future, once the new one is seen to write records:
ingest takes the old one's frames before it and the new one's from it on. What the old one needs is removed
only when it has recorded every frame before that time, and ingest has read the records.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from gatehouse.exceptions import RecordFormatError
from gatehouse.ingest.instant import moment
from gatehouse.ingest.record import parse_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from gatehouse.ingest.snapshot import Engine, IngestSnapshot
    from gatehouse.office.frames import FramesCheckpoints

# Ingest keeps its snapshot for 10 s: who is to know of a time must have it published so long before.
KNOWN = timedelta(seconds=10)
# What publishing may take is on top of it.
LEAD = KNOWN + timedelta(seconds=10)


def switch_ms(now: datetime) -> int:
    """Choose the whole second, in milliseconds, from which on another engine shall be in force."""
    return math.ceil((now + LEAD).timestamp()) * 1000


def is_known_in_time(from_ms: int, published: datetime) -> bool:
    """Tell whether every copy of ingest learns of a switch before its first frame."""
    return published + KNOWN <= moment(from_ms)


def in_force_since(snapshot: IngestSnapshot, arns: Mapping[str, str], engine: Engine) -> dict[str, int]:
    """Return from which producer time (ms) an engine took over from another one, by camera.

    `arns` are the cameras' video streams. Cameras of another engine, or always of this one, are left out.
    """
    streams = {camera_id: snapshot.streams.get(arn) for camera_id, arn in arns.items()}
    spans = {camera_id: stream.engines for camera_id, stream in streams.items() if stream}
    return {
        camera_id: found[-1].from_ms
        for camera_id, found in spans.items()
        if found and found[-1].engine == engine
    }


def newest_frame_ms(payloads: Iterable[bytes], video_arn: str) -> int:
    """Return the time of the newest frame of a video stream among records, in force or not; 0 without any."""
    newest = 0
    for payload in payloads:
        try:
            video = parse_record(payload)["InputInformation"]["KinesisVideo"]
        except RecordFormatError:
            continue
        if video["StreamArn"] == video_arn:
            at_ms = round((video["ProducerTimestamp"] + video["FrameOffsetInSeconds"]) * 1000)
            newest = max(newest, at_ms)
    return newest


def settled_ms(checkpoints: FramesCheckpoints | None, camera_id: str, stream_name: str) -> int:
    """Return the producer time before which a frame-search worker has recorded, or dropped, every frame."""
    found = checkpoints.cameras.get(camera_id) if checkpoints else None
    if found is None or found.stream_name != stream_name:
        return 0
    return round(found.resume_at.timestamp() * 1000)
