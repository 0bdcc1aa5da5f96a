"""Say what PutMedia answers while media arrives: acknowledgements, one JSON object a line.

Names and numbers are those of AWS's PutMedia page and its producer SDK.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum


class AckError(Enum):
    """Name an error acknowledgement; the value is AWS's ErrorId, 0 where AWS has published none."""

    STREAM_READ_ERROR = 4000
    MAX_FRAGMENT_SIZE_REACHED = 4001
    MAX_FRAGMENT_DURATION_REACHED = 4002
    MAX_CONNECTION_DURATION_REACHED = 4003
    FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS = 4004
    INVALID_MKV_DATA = 4006
    INVALID_PRODUCER_TIMESTAMP = 4007
    STREAM_NOT_ACTIVE = 4008
    FRAGMENT_METADATA_LIMIT_REACHED = 4009
    TRACK_NUMBER_MISMATCH = 4010
    FRAMES_MISSING_FOR_TRACK = 4011
    MORE_THAN_ALLOWED_TRACKS_FOUND = 4012
    ARCHIVAL_ERROR = 5001
    # The quota page names this one; the list of error ids doesn't have it.
    MIN_FRAGMENT_DURATION_REACHED = 0


@dataclass(frozen=True, slots=True)
class Ack:
    """Acknowledge one fragment; without a number it concerns the connection."""

    event: str
    timecode_ms: int = -1
    number: str = ""
    error: AckError | None = None

    def line(self) -> bytes:
        """Encode the acknowledgement as it goes over the wire."""
        body: dict[str, object] = {"EventType": self.event}
        if self.event != "IDLE":
            body |= {"FragmentTimecode": self.timecode_ms, "FragmentNumber": self.number}
        if self.error is not None:
            body |= {"ErrorCode": self.error.name}
            if self.error.value:
                body |= {"ErrorId": self.error.value}
        return json.dumps(body, separators=(",", ":")).encode() + b"\n"


class IngestError(Exception):
    """End a PutMedia connection with an error acknowledgement; `detail` is for our log."""

    def __init__(self, error: AckError, detail: str, timecode_ms: int = -1, number: str = "") -> None:
        super().__init__(f"{error.name}: {detail}")
        self.ack = Ack("ERROR", timecode_ms, number, error)

    def __reduce__(self) -> tuple[object, ...]:
        error = self.ack.error or AckError.STREAM_READ_ERROR
        detail = str(self).removeprefix(f"{error.name}: ")
        return (IngestError, (error, detail, self.ack.timecode_ms, self.ack.number))
