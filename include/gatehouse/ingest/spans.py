"""Look up what held at a frame's time: the probe that was played, the engine that was in force.

Both are intervals of one stream in producer time, written before they begin, so the answer is the same
whenever a record arrives and however often it is replayed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.office.naming import office_record_stream, record_stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatehouse.ingest.snapshot import Engine, ProbeSpan, SnapshotStream


def probe_at(spans: Iterable[ProbeSpan], at_ms: int) -> str | None:
    """Return the probe in whose interval [start, end) a frame lies."""
    return next((span.probe_id for span in spans if span.start_ms <= at_ms < span.end_ms), None)


def engine_at(stream: SnapshotStream, at_ms: int) -> Engine:
    """Return the engine in force at a frame's time; the first one also before it began."""
    if not stream.engines:
        return stream.engine
    begun = [span.engine for span in stream.engines if span.from_ms <= at_ms]
    return begun[-1] if begun else stream.engines[0].engine


def engine_of(stream: SnapshotStream, source_arn: str) -> Engine | None:
    """Return the engine that writes to the Kinesis stream a record came from; None if no engine does.

    A stream processor has a data stream per camera, frame search one per office.
    """
    name = source_arn.rpartition("stream/")[2]
    if name == record_stream(stream.camera_id):
        return "stream_processor"
    if name == office_record_stream(stream.office):
        return "frame_search"
    return None


def superseded(stream: SnapshotStream, source_arn: str, at_ms: int) -> bool:
    """Tell whether a record's engine wasn't the one in force at its frame's time, so another's counts."""
    wrote = engine_of(stream, source_arn)
    return wrote is not None and wrote != engine_at(stream, at_ms)
