"""Hold the parts of a Matroska document that make a fragment: its head, one cluster, its tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gatehouse_local.kinesisvideo import ebml
from gatehouse_local.kinesisvideo.ebml import EbmlError

DEFAULT_SCALE_NS = 1_000_000
_KEY_FLAG = 0x80


@dataclass(frozen=True, slots=True)
class DocumentHead:
    """Hold what makes a lone cluster decodable: the EBML, Info and Tracks elements, as received.

    `scale_ns` is what one unit of a timecode is worth.
    """

    ebml: bytes
    info: bytes
    tracks: bytes
    scale_ns: int
    track_numbers: frozenset[int]

    def preamble(self) -> bytes:
        """Start a document whose clusters may follow: header, segment of unknown size, tracks."""
        return self.ebml + ebml.element_id(ebml.SEGMENT) + ebml.UNKNOWN_SIZE_8 + self.info + self.tracks


@dataclass(slots=True)
class Cluster:
    """Gather one cluster: `timecode` and `times` count in units of `head.scale_ns`."""

    head: DocumentHead
    timecode: int = 0
    times: list[int] = field(default_factory=list)
    tracks: set[int] = field(default_factory=set)
    starts_with_key: bool = False
    body: bytearray = field(default_factory=bytearray)

    @property
    def timecode_ms(self) -> int:
        """Answer the cluster's timecode in milliseconds."""
        return self.timecode * self.head.scale_ns // 1_000_000

    @property
    def last_ms(self) -> int:
        """Answer the latest frame's timecode in milliseconds."""
        return max(self.times, default=self.timecode) * self.head.scale_ns // 1_000_000

    @property
    def duration_ms(self) -> int:
        """Answer the span of the frames plus one frame's mean share, as no frame says its length."""
        stamps = sorted(set(self.times))
        if len(stamps) < 2:
            return 0
        span = stamps[-1] - stamps[0]
        return round((span + span / (len(stamps) - 1)) * self.head.scale_ns / 1_000_000)

    def add_frame(self, id_: int, payload: bytes, raw: bytes) -> None:
        """Take a SimpleBlock or BlockGroup, of which `raw` is the whole element."""
        block, key = payload, False
        if id_ == ebml.BLOCK_GROUP:
            parts = dict(ebml.children(payload))
            if ebml.BLOCK not in parts:
                raise EbmlError("a block group holds no block")
            block, key = bytes(parts[ebml.BLOCK]), ebml.REFERENCE_BLOCK not in parts
        track, length = ebml.read_vint(block, 0)
        if len(block) < length + 3:
            raise EbmlError("a frame is shorter than its own header")
        if id_ == ebml.SIMPLE_BLOCK:
            key = bool(block[length + 2] & _KEY_FLAG)
        if not self.times:
            self.starts_with_key = key
        self.times.append(self.timecode + int.from_bytes(block[length : length + 2], "big", signed=True))
        self.tracks.add(track)
        self.body += raw

    def element(self) -> bytes:
        """Encode the cluster with a known size, without its position in the sender's file."""
        stamp = ebml.element(ebml.TIMESTAMP, ebml.encode_unsigned(self.timecode))
        return ebml.element(ebml.CLUSTER, stamp + bytes(self.body))


def timestamp_scale(info: bytes) -> int:
    """Read an Info payload's timestamp scale, in nanoseconds."""
    for id_, payload in ebml.children(info):
        if id_ == ebml.TIMESTAMP_SCALE:
            return ebml.unsigned(payload) or DEFAULT_SCALE_NS
    return DEFAULT_SCALE_NS


def track_numbers(tracks: bytes) -> frozenset[int]:
    """Read the track numbers of a Tracks payload."""
    return frozenset(
        ebml.unsigned(value)
        for id_, entry in ebml.children(tracks)
        if id_ == ebml.TRACK_ENTRY
        for inner, value in ebml.children(entry)
        if inner == ebml.TRACK_NUMBER
    )


def read_tags(tags: bytes) -> Iterator[tuple[str, str]]:
    """Read the simple tags of a Tags payload, in order."""
    for id_, tag in ebml.children(tags):
        if id_ != ebml.TAG:
            continue
        for inner, simple in ebml.children(tag):
            if inner == ebml.SIMPLE_TAG:
                parts = dict(ebml.children(simple))
                yield _text(parts.get(ebml.TAG_NAME)), _text(parts.get(ebml.TAG_STRING))


def write_tags(tags: Iterable[tuple[str, str]]) -> bytes:
    """Encode one Tags element with one Tag that holds every pair as a simple tag."""
    simple = b"".join(
        ebml.element(
            ebml.SIMPLE_TAG,
            ebml.element(ebml.TAG_NAME, name.encode()) + ebml.element(ebml.TAG_STRING, value.encode()),
        )
        for name, value in tags
    )
    return ebml.element(ebml.TAGS, ebml.element(ebml.TAG, simple))


def _text(payload: memoryview | None) -> str:
    return bytes(payload or b"").rstrip(b"\0").decode("utf-8", "replace")
