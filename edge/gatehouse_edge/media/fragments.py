"""Cut a camera's pictures into fragments that Kinesis Video accepts: 1–20 s, ≤ 50 MB, key frame first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from gatehouse_edge.errors import CameraError
from gatehouse_edge.media import mkv
from gatehouse_edge.media.clip import ClipCut
from gatehouse_edge.media.clock import CLOCK_RATE, ProducerClock
from gatehouse_edge.media.h264 import PPS, SPS, ParameterSets
from gatehouse_edge.media.rtp import AccessUnit
from gatehouse_edge.media.swap import Swap


@dataclass(frozen=True, slots=True)
class Fragment:
    """One Cluster and the header it needs; `key_frame` and `other_bytes` feed the frozen-picture check.

    `probe`: a probe's clip, not the camera's picture.
    """

    start_ms: int
    duration_ms: int
    header: bytes
    cluster: bytes
    key_frame: bytes = field(repr=False)
    other_bytes: int
    probe: bool = False

    @property
    def size(self) -> int:
        """Bytes on the wire and on disk."""
        return len(self.header) + len(self.cluster)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a fragment; AWS refuses below 1 s and above 20 s or 50 MB."""

    # 20 ms of grace, or a clock that runs a hair slow would double every 1 s GOP.
    minimum_ms: int = 980
    maximum_ms: int = 9_000
    maximum_bytes: int = 40 << 20
    # B-frames precede their anchor by less; anything further back is a clock set back.
    reorder_ms: int = 500
    # Further back than this the camera's clock was reset: follow it rather than drop until it catches up.
    reset_ms: int = 10_000
    pause_ms: int = 1_500
    # Pictures held until the first sender report says what time it is.
    hold_units: int = 250
    hold_s: float = 2.0
    # A fragment that a probe would end sooner isn't begun: AWS would refuse it.
    before_swap_ms: int = 1_100


class Fragmenter:
    """Turn access units into fragments and hand each to `emit`, in order.

    Pictures before the first intact key frame, after a loss, or with a time that doesn't increase are
    dropped and counted. A GOP longer than `Limits.maximum_ms` is cut at a picture that is no key frame.

    `swap` tells the probe that is ordered, if any: its clip, under the camera's header (`media.clip`), takes
    the place of exactly the pictures with a time in its interval. The fragment before ends at the interval's
    start, and the camera goes on at its first key frame from the interval's end on; what it sends between
    the two is dropped and counted, what the clip replaced isn't.
    """

    def __init__(
        self,
        clock: ProducerClock,
        emit: Callable[[Fragment], None],
        sets: ParameterSets | None = None,
        limits: Limits = Limits(),
        swap: Callable[[], Swap | None] = lambda: None,
    ) -> None:
        self._swap = swap
        self._sets_due = False
        self._clock = clock
        self._emit = emit
        self._sps = sets.sps if sets else b""
        self._pps = sets.pps if sets else b""
        self._limits = limits
        self._held: list[tuple[AccessUnit, float]] | None = []
        self._header = self._current_header = b""
        self._reorder_ms = 0
        self._blocks: list[mkv.Block] = []
        self._bytes = 0
        self._start = self._high = 0
        self._waiting_for_key = True
        self._last_key = 0
        self.units_dropped = 0
        self.clock_resets = 0
        self.long_gops = 0
        self.gop_ms = self.open_gop_ms = 0

    def learn(self, kind: int, nal: bytes) -> None:
        """Note an in-band parameter set; a changed one takes effect at the next fragment."""
        if kind == SPS and nal != self._sps:
            self._sps, self._header = nal, b""
        elif kind == PPS and nal != self._pps:
            self._pps, self._header = nal, b""

    def add(self, unit: AccessUnit, now_s: float) -> None:
        """Take the next access unit, complete at `now_s`."""
        if self._held is None:
            self._place(unit, now_s)
            return
        self._held.append((unit, now_s))
        waited = now_s - self._held[0][1]
        if (
            self._clock.knows_camera
            or waited >= self._limits.hold_s
            or len(self._held) >= self._limits.hold_units
        ):
            held, self._held = self._held, None
            for early, arrived_s in held:
                self._place(early, arrived_s)

    def flush(self) -> None:
        """Close the fragment in hand if it is long enough for AWS; the next begins at a key frame."""
        if self._high - self._start < self._limits.minimum_ms:
            self.units_dropped += len(self._blocks)
            self._blocks = []
        self._close(self._high + 1)
        self._waiting_for_key = True

    def _place(self, unit: AccessUnit, now_s: float) -> None:
        ticks = self._clock.extend(unit.timestamp)
        self._clock.arrived(ticks, now_s)
        self.open_gop_ms = (ticks - self._last_key) * 1000 // CLOCK_RATE if self._last_key else 0
        if unit.key:
            self.gop_ms = self.open_gop_ms
            self._last_key = ticks
        # Before the first fragment nothing is known of the time.
        if self._clock.source != "unknown" and self._swapped(self._clock.at_ms(ticks)):
            return
        if not unit.intact:
            self._break_off()
            return
        if (
            unit.key
            and (self._waiting_for_key or self._long_enough(ticks))
            and self._has_room(self._clock.at_ms(ticks))
        ):
            self._begin(ticks, unit)
        elif self._waiting_for_key:
            self.units_dropped += 1
        else:
            self._append(self._clock.at_ms(ticks), unit)

    def _break_off(self) -> None:
        """End the fragment before a damaged picture: what refers to it would decode to smears."""
        self.units_dropped += 1
        self.flush()

    def _long_enough(self, ticks: int) -> bool:
        return self._clock.at_ms(ticks) - self._start >= self._limits.minimum_ms

    def _has_room(self, at_ms: int) -> bool:
        """Tell whether a fragment begun here grows long enough before a probe ends it."""
        swap = self._swap()
        left_ms = swap.start_ms - at_ms if swap else 0
        return not 0 < left_ms < self._limits.before_swap_ms

    def _swapped(self, at_ms: int) -> bool:
        """Play what of a probe's clip is due; tell whether its interval covers a picture of this time."""
        swap = self._swap()
        if swap is None:
            return False
        if at_ms < swap.start_ms:
            swap.approach(at_ms)
            return False
        swap.begin(at_ms)
        covered = at_ms < swap.end_ms
        if self._blocks and self._start >= swap.end_ms:
            # A straggler: the camera had gone on already.
            self.units_dropped += covered
            return covered
        if covered or swap.state == "playing":
            self._give_way(swap.start_ms)
        for cut in swap.due(at_ms):
            self._emit_clip(cut)
        return covered

    def _give_way(self, start_ms: int) -> None:
        """End the camera's fragment before a probe's interval, and wait for a key frame after it."""
        span_ms = self._high - self._start
        # As AWS measures it, no picture telling its length: the last one lasts as long as the others.
        if self._blocks and span_ms + span_ms // max(1, len(self._blocks) - 1) < self._limits.minimum_ms:
            self.units_dropped += len(self._blocks)
            self._blocks = []
        self._close(start_ms)
        self._waiting_for_key = self._sets_due = True

    def _emit_clip(self, cut: ClipCut) -> None:
        cluster = mkv.cluster(cut.start_ms, list(cut.blocks))
        header = self._current_header or self._header
        self._high = cut.start_ms + cut.blocks[-1][0]
        self._emit(
            Fragment(cut.start_ms, cut.end_ms - cut.start_ms, header, cluster, b"", len(cluster), probe=True)
        )

    def _begin(self, ticks: int, unit: AccessUnit) -> None:
        by_camera = self._clock.at_ms(ticks)
        self._clock.renew()
        self._close(by_camera)
        start = self._first_time(ticks, by_camera)
        if start is None or not self._renew_header() or self._swapped(start):
            self.units_dropped += 1
            self._waiting_for_key = True
            return
        self._waiting_for_key = False
        self._start = self._high = start
        self._current_header = self._header
        # A clip's parameter sets may have replaced ours in a decoder that reads on.
        data = self._own_sets() + unit.data if self._sets_due else unit.data
        self._sets_due = False
        self._blocks = [(0, True, data)]
        self._bytes = len(data)

    def _own_sets(self) -> bytes:
        return b"".join(len(nal).to_bytes(4, "big") + nal for nal in (self._sps, self._pps))

    def _first_time(self, ticks: int, unrenewed: int) -> int | None:
        """Return a fragment's first time; None when the camera's timestamps didn't move on."""
        at = self._clock.at_ms(ticks)
        behind = self._high + 1 - at
        if behind <= 0:
            return at
        if unrenewed <= self._high and behind < self._limits.reset_ms:
            return None
        if behind < self._limits.reorder_ms:
            self._clock.nudge(behind)
            return at + behind
        # The camera's clock was set back: follow it, or its video would be dropped until it caught up.
        self.clock_resets += 1
        return at

    def _append(self, at: int, unit: AccessUnit) -> None:
        late = max(self._start, self._high - self._reorder_ms)
        if at == self._high or at <= late or (unit.key and at < self._high):
            self.units_dropped += 1
            return
        full = at - self._start >= self._limits.maximum_ms or self._bytes >= self._limits.maximum_bytes
        if full and self._has_room(at):
            self.long_gops += 1
            self._close(at)
            self._start = at
        self._blocks.append((at - self._start, unit.key, unit.data))
        self._bytes += len(unit.data)
        self._high = max(self._high, at)

    def _renew_header(self) -> bool:
        if not self._header and self._sps and self._pps:
            sets = ParameterSets(self._sps, self._pps)
            try:
                sequence = sets.sequence()
            except ValueError as error:
                raise CameraError(f"the camera sends a broken SPS ({error}): update its firmware") from error
            self._header = mkv.header(sets.codec_private(), sequence.width, sequence.height)
            self._reorder_ms = self._limits.reorder_ms if sequence.reorders else 0
        return bool(self._header)

    def _close(self, end_ms: int) -> None:
        if not self._blocks:
            return
        blocks, self._blocks = self._blocks, []
        key_frame = blocks[0][2] if blocks[0][1] else b""
        # A pause before the next picture is a gap, not part of this fragment.
        end_ms = min(end_ms, self._high + self._limits.pause_ms)
        self._emit(
            Fragment(
                self._start,
                max(1, end_ms - self._start),
                self._current_header,
                mkv.cluster(self._start, blocks),
                key_frame,
                self._bytes - len(key_frame),
            )
        )
        self._bytes = 0
