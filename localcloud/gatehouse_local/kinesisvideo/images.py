"""Serve GetImages: pictures of chosen instants, decoded from the stored fragments."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.service import CallContext
from gatehouse_local.kinesisvideo.archive import Entry
from gatehouse_local.kinesisvideo.frames import NoPictureError, Picture, frames_at
from gatehouse_local.kinesisvideo.listing import Params, Retained, epoch_ms, moment

log = logging.getLogger(__name__)
_MAX_SPAN_MS = 300_000
_MIN_INTERVAL_MS, _DEFAULT_INTERVAL_MS = 200, 3_000
_MAX_FRAGMENT_MS = 20_000
# AWS: more than 25 asked for gives pages of 25.
_PAGE = 25
_REQUEST_POINTS = 400  # of fragment metadata, a request; an image of the page costs one more
_NO_MEDIA, _MEDIA_ERROR = "NO_MEDIA", "MEDIA_ERROR"


@dataclass(frozen=True, slots=True)
class Request:
    """Say what is wanted, checked: instants from `start_ms` to `end_ms`, both included."""

    clock: str
    start_ms: int
    end_ms: int
    interval_ms: int
    picture: Picture
    page: int
    first: int

    def instants(self) -> tuple[list[int], int]:
        """Answer the instants of this page and where the next one starts (0: there is none)."""
        count = (self.end_ms - self.start_ms) // self.interval_ms + 1
        last = min(count, self.first + self.page)
        page = [self.start_ms + step * self.interval_ms for step in range(self.first, last)]
        return page, last if last < count else 0


class Images:
    """Answer GetImages.

    The TimeStamp of a picture is its frame's own time, exact to the millisecond, on the clock asked
    for; where there is no picture, it is the instant asked for. AWS doesn't say which of the two it is.
    """

    def __init__(self, retained: Retained) -> None:
        self._retained = retained

    def get_images(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """Decode one page of pictures."""
        asked = _read(params)
        stream = self._retained.stream(ctx, params)
        self._retained.spend(ctx, stream, metadata=_REQUEST_POINTS + asked.page, media=asked.page)
        instants, following = asked.instants()
        if not instants:
            return {"Images": []}
        entries = self._retained.archive.starting_in(
            stream.arn,
            asked.clock,
            instants[0] - _MAX_FRAGMENT_MS,
            instants[-1],
            self._retained.retention.since_ms(stream),
        )
        images = list(self._images(asked, instants, entries))
        more = {"NextToken": base64.b64encode(str(following).encode()).decode()} if following else {}
        return {"Images": images, **more}

    def _images(
        self, asked: Request, instants: Sequence[int], entries: Sequence[Entry]
    ) -> Iterator[Mapping[str, Any]]:
        located = ((instant, _covering(entries, asked.clock, instant)) for instant in instants)
        for entry, group in groupby(located, key=lambda pair: pair[1]):
            there = [instant for instant, _ in group]
            if entry is None:
                yield from (_missing(instant, _NO_MEDIA) for instant in there)
            else:
                yield from self._decoded(asked, entry, there)

    def _decoded(self, asked: Request, entry: Entry, instants: Sequence[int]) -> Iterator[Mapping[str, Any]]:
        start_ms = entry.start_ms(asked.clock)
        stored = self._retained.archive.read(entry)
        if stored is None:
            yield from (_missing(instant, _NO_MEDIA) for instant in instants)
            return
        done = 0
        try:
            for shown in frames_at(stored, entry.timecode_ms, [instant - start_ms for instant in instants]):
                content = base64.b64encode(asked.picture.encode(shown.image)).decode()
                yield {"TimeStamp": moment(start_ms + shown.offset_ms), "ImageContent": content}
                done += 1
        except NoPictureError as error:
            log.warning("fragment %s of %s gives no picture: %s", entry.number, entry.arn, error)
            yield from (_missing(instant, _MEDIA_ERROR) for instant in instants[done:])


def _covering(entries: Sequence[Entry], clock: str, instant: int) -> Entry | None:
    """Find the fragment on show at an instant: of fragments sent twice, the one that came first."""
    for entry in entries:
        frame_ms = entry.duration_ms / max(entry.frames, 1)
        start_ms = entry.start_ms(clock)
        # Half a frame more, as the next fragment's start is rounded to the millisecond too.
        if start_ms - 1 <= instant < start_ms + entry.duration_ms + frame_ms / 2 + 1:
            if instant >= start_ms + entry.duration_ms and _starts_at(entries, clock, instant):
                continue
            return entry
    return None


def _starts_at(entries: Sequence[Entry], clock: str, instant: int) -> bool:
    return any(entry.start_ms(clock) - 1 <= instant <= entry.start_ms(clock) for entry in entries)


def _missing(instant: int, error: str) -> Mapping[str, Any]:
    return {"TimeStamp": moment(instant), "Error": error}


def _read(params: Params) -> Request:
    start_ms, end_ms = epoch_ms(params["StartTimestamp"]), epoch_ms(params["EndTimestamp"])
    interval_ms = int(params.get("SamplingInterval", _DEFAULT_INTERVAL_MS))
    if end_ms < start_ms:
        raise _refusal("StartTimestamp must not be after EndTimestamp.")
    if end_ms - start_ms > _MAX_SPAN_MS:
        raise _refusal("StartTimestamp and EndTimestamp must not be more than 300 seconds apart.")
    if interval_ms < _MIN_INTERVAL_MS:
        raise _refusal(f"SamplingInterval must be {_MIN_INTERVAL_MS} milliseconds or more.")
    if "WidthPixels" in params and "HeightPixels" not in params:
        raise _refusal("WidthPixels must come with HeightPixels.")
    return Request(
        clock=params["ImageSelectorType"],
        start_ms=start_ms,
        end_ms=end_ms,
        interval_ms=interval_ms,
        picture=Picture(
            params["Format"], _quality(params), params.get("WidthPixels"), params.get("HeightPixels")
        ),
        page=min(int(params.get("MaxResults", _PAGE)), _PAGE),
        first=_first(params.get("NextToken")),
    )


def _quality(params: Params) -> int:
    text = params.get("FormatConfig", {}).get("JPEGQuality", "80")
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100):
        raise _refusal("JPEGQuality must be a whole number from 1 to 100.")
    return int(text)


def _first(token: str | None) -> int:
    try:
        return int(base64.b64decode(token, validate=True)) if token else 0
    except (binascii.Error, ValueError) as error:
        raise _refusal("The NextToken is not one that GetImages gave.") from error


def _refusal(message: str) -> AwsError:
    return AwsError("InvalidArgumentException", message)
