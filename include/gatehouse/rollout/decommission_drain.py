"""Tell when everything a record stream holds was ingested, by its last frame.

Lambda reads a shard in order, so once the last record that ingest takes is counted in its camera-minute,
all before it were ingested, or handed to the failure destination. No API tells how far a mapping has read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gatehouse.exceptions import RecordFormatError, UnknownStreamError
from gatehouse.ingest.frame import to_frame
from gatehouse.ingest.minutes import MINUTE_MS, minute_id, minute_index, stored_frames
from gatehouse.ingest.record import parse_record
from gatehouse.ingest.spans import superseded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gatehouse.ingest.snapshot import IngestSnapshot

# How far to look back for the last record: the nearest look nearly always finds one.
LOOKS = (timedelta(minutes=1), timedelta(minutes=15))
RETENTION = timedelta(hours=24)  # of a data stream, unless somebody raises it (aws.md §4)


@dataclass(frozen=True, slots=True)
class LastFrame:
    """Name the frame whose count proves that its shard is drained."""

    camera_id: str
    at_ms: int

    @property
    def start_ms(self) -> int:
        """Return when its camera-minute starts."""
        return self.at_ms - self.at_ms % MINUTE_MS

    @property
    def index(self) -> str:
        """Return the index of its camera-minute."""
        return minute_index(self.start_ms)

    @property
    def id(self) -> str:
        """Return the id of its camera-minute."""
        return minute_id(self.camera_id, self.start_ms)

    def is_counted(self, source: Mapping[str, Any] | None) -> bool:
        """Tell whether the stored camera-minute, None if there is none, counts this frame."""
        if source is None:
            return False
        return any(self.at_ms in stored_frames(source, self.start_ms, probe=probe) for probe in (False, True))


def spans_to_look_at(maximum_age_seconds: int) -> tuple[timedelta, ...]:
    """Return how far back to look, nearest first; what is older was given up by its mapping (-1: never)."""
    whole = RETENTION if maximum_age_seconds < 0 else timedelta(seconds=maximum_age_seconds)
    return (*(look for look in LOOKS if look < whole), whole)


def last_frame(payloads: Iterable[bytes], source_arn: str, snapshot: IngestSnapshot) -> LastFrame | None:
    """Return the last frame of a shard's records that ingest counts; None if it counts none of them.

    What can't be read, belongs to no camera or is another engine's is never counted, so never waited for.
    """
    found = None
    for payload in payloads:
        try:
            frame = to_frame(parse_record(payload), snapshot)
        except (RecordFormatError, UnknownStreamError):
            continue
        if not superseded(frame.stream, source_arn, frame.at_ms):
            found = LastFrame(frame.stream.camera_id, frame.at_ms)
    return found
