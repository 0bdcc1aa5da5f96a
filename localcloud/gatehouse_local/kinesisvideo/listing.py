"""Serve ListFragments and GetMediaForFragmentList: the archive, by time and by number."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.quotas import Quotas
from gatehouse_local.core.service import CallContext
from gatehouse_local.kinesisvideo import media
from gatehouse_local.kinesisvideo.archive import Archive, Entry
from gatehouse_local.kinesisvideo.live import Connections, Slot
from gatehouse_local.kinesisvideo.retention import Retention
from gatehouse_local.kinesisvideo.streams import Stream, Streams

Params = dict[str, Any]
_PAGE = 100
_FOREVER_MS = 2**62


@dataclass(frozen=True, slots=True)
class Retained:
    """Find streams whose media the archive operations may read, and count what they take of them.

    All archive operations of a stream share its points (the quota page's "fragment-metadata and
    fragment-media quotas").
    """

    streams: Streams
    archive: Archive
    retention: Retention
    quotas: Quotas

    def stream(self, ctx: CallContext, params: Params) -> Stream:
        """Find the stream, refusing one that retains nothing."""
        stream = self.streams.find(ctx, params.get("StreamName"), params.get("StreamARN"))
        if stream.retention_hours == 0:
            raise AwsError(
                "NoDataRetentionException",
                f"The stream {stream.name} has a DataRetentionInHours of 0; raise it by UpdateDataRetention.",
            )
        if stream.deleted_at is not None:
            raise AwsError("ResourceNotFoundException", f"The stream {stream.name} is being deleted.", 404)
        return stream

    def spend(self, ctx: CallContext, stream: Stream, *, metadata: int = 0, media: int = 0) -> None:
        """Take points of the stream, or raise ClientLimitExceededException."""
        costs = {"FragmentMetadataPoints": metadata, "FragmentMediaPoints": media}
        self.quotas.spend(ctx.service, costs, ctx.account, ctx.region, stream.arn)


class Payload:
    """Be a streamed answer that holds a connection until it has ended or was given up (`close`)."""

    def __init__(self, chunks: Iterator[bytes], slot: Slot) -> None:
        self._chunks = chunks
        self._slot = slot

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        finally:
            self.close()

    def close(self) -> None:
        """Give the connection back; repeating it is harmless."""
        self._slot.owner.release(self._slot)


class Listing:
    """Answer what is stored, and hand it out by fragment number."""

    def __init__(self, retained: Retained, connections: Connections) -> None:
        self._retained = retained
        self._connections = connections

    def list_fragments(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """List fragments that start in an inclusive range of producer or server time.

        A fragment sent twice (after a reconnect) is listed twice, under two numbers. A stream without
        retention is refused, which AWS's model doesn't say of this operation.
        """
        stream = self._retained.stream(ctx, params)
        clock, first_ms, last_ms, after = _query(params)
        size = int(params.get("MaxResults", _PAGE))
        self._retained.spend(ctx, stream, metadata=size)
        since_ms = self._retained.retention.since_ms(stream)
        found = self._retained.archive.starting_in(
            stream.arn, clock, first_ms, last_ms, since_ms, after, size + 1
        )
        page = {"Fragments": [_described(entry) for entry in found[:size]]}
        if len(found) <= size:
            return page
        token = json.dumps([clock, first_ms, last_ms, found[size - 1].number])
        return {**page, "NextToken": base64.b64encode(token.encode()).decode()}

    def get_media_for_fragment_list(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """Stream fragments in the order asked for; a number that isn't there ends it with error tags."""
        stream = self._retained.stream(ctx, params)
        numbers = params["Fragments"]
        self._retained.spend(ctx, stream, media=len(numbers))
        slot = self._connections.take(ctx, "GetMediaForFragmentListConnectionsPerStream", stream.arn)
        return {"ContentType": "video/webm", "Payload": Payload(self._chunks(stream, numbers), slot)}

    def _chunks(self, stream: Stream, numbers: list[str]) -> Iterator[bytes]:
        archive, since_ms = self._retained.archive, self._retained.retention.since_ms(stream)
        for number in numbers:
            entry = archive.get(stream.arn, number)
            stored = archive.read(entry) if entry and entry.server_ms >= since_ms else None
            if entry is None or stored is None:
                yield media.missing_chunk(number)
                return
            yield media.archived_chunk(stored, entry.cluster_at, _names(entry), entry.attached)


def _names(entry: Entry) -> dict[str, str]:
    return {
        media.FRAGMENT_NUMBER: entry.number,
        media.SERVER_SIDE_TIMESTAMP: media.seconds(entry.server_ms),
        media.PRODUCER_SIDE_TIMESTAMP: media.seconds(entry.producer_ms),
    }


def _described(entry: Entry) -> dict[str, Any]:
    return {
        "FragmentNumber": entry.number,
        "FragmentSizeInBytes": entry.size,
        "ProducerTimestamp": moment(entry.producer_ms),
        "ServerTimestamp": moment(entry.server_ms),
        "FragmentLengthInMilliseconds": entry.duration_ms,
    }


def moment(milliseconds: int) -> datetime:
    """Make an aware datetime of epoch milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def epoch_ms(instant: datetime) -> int:
    """Make epoch milliseconds of an aware datetime, to the nearest."""
    return round(instant.timestamp() * 1000)


def _query(params: Params) -> tuple[str, int, int, str]:
    """Read clock, first and last start, and the number to go on after."""
    if token := params.get("NextToken"):
        try:
            clock, first_ms, last_ms, after = json.loads(base64.b64decode(token, validate=True))
        except (binascii.Error, ValueError) as error:
            raise AwsError(
                "InvalidArgumentException", "The NextToken is not one that ListFragments gave."
            ) from error
        return str(clock), int(first_ms), int(last_ms), str(after)
    selector = params.get("FragmentSelector")
    if selector is None:
        return "SERVER_TIMESTAMP", 0, _FOREVER_MS, ""
    span = selector["TimestampRange"]
    first_ms, last_ms = epoch_ms(span["StartTimestamp"]), epoch_ms(span["EndTimestamp"])
    if last_ms < first_ms:
        raise AwsError("InvalidArgumentException", "StartTimestamp must not be after EndTimestamp.")
    return str(selector["FragmentSelectorType"]), first_ms, last_ms, ""
