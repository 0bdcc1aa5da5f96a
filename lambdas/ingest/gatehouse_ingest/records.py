"""Read a Kinesis batch: good records become frames, bad ones keep the reason they are bad for."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from gatehouse.exceptions import GatehouseError, RecordFormatError, UnknownStreamError
from gatehouse.ingest.frame import to_frame
from gatehouse.ingest.record import parse_record
from gatehouse.ingest.spans import superseded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse.ingest.frame import Frame
    from gatehouse.ingest.snapshot import IngestSnapshot


class Arrival(NamedTuple):
    """Hold one good record: its place in the Kinesis shard and its frame."""

    sequence_number: str
    frame: Frame


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold a batch as read; `refused` tells by sequence number why a record is poison.

    `superseded` are frames whose record another engine than the one in force wrote: dropped, and counted.
    """

    arrivals: list[Arrival]
    refused: dict[str, GatehouseError]
    superseded: list[Frame]

    @property
    def has_unknown_stream(self) -> bool:
        """Tell whether a newer snapshot might know what this one didn't."""
        return any(isinstance(error, UnknownStreamError) for error in self.refused.values())


def read_batch(records: Iterable[dict[str, Any]], snapshot: IngestSnapshot) -> Reading:
    """Read every record of a Kinesis event; one that can't be read doesn't stop the others."""
    reading = Reading([], {}, [])
    for record in records:
        kinesis = record["kinesis"]
        number = kinesis["sequenceNumber"]
        try:
            frame = to_frame(parse_record(b64decode(kinesis["data"])), snapshot)
        except (RecordFormatError, UnknownStreamError) as error:
            reading.refused[number] = error
        else:
            if superseded(frame.stream, record.get("eventSourceARN", ""), frame.at_ms):
                reading.superseded.append(frame)
            else:
                reading.arrivals.append(Arrival(number, frame))
    return reading
