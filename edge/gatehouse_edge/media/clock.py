"""Give every picture its producer time: the camera's own clock where it tells it, else arrival.

RTP timestamps only count; an RTCP sender report ties one of them to wall time. A camera whose clock is
far from ours (never set, or set to local time) would file its pictures under the wrong hour, so beyond
`tolerance_s` arrival time is used and the reason says so.
"""

from __future__ import annotations

from typing import Literal

from gatehouse_edge.media.rtp import SenderReport

ClockSource = Literal["camera", "arrival", "unknown"]

CLOCK_RATE = 90_000
_WRAP = 1 << 32
# An RTP clock that moved by more than this against ours has been restarted.
_RESTART_S = 10.0
# A cheap oscillator is off by at most this much; arrival time may rise no faster against RTP time.
_DRIFT = 1e-4


class ProducerClock:
    """Map RTP timestamps to milliseconds since the epoch.

    The mapping is renewed by `renew`, called at a fragment's first picture: inside a fragment the
    spacing of pictures is exactly the camera's.
    """

    def __init__(self, tolerance_s: float = 60.0) -> None:
        self._tolerance_s = tolerance_s
        self._last = -1
        self._turns = 0
        self._report: tuple[float, int] | None = None
        self._arrival_offset: float | None = None
        self._arrival_ticks = 0
        self._offset_s = 0.0
        self.source: ClockSource = "unknown"
        self.error_s = 0.0

    def extend(self, timestamp: int) -> int:
        """Unwrap a 32-bit RTP timestamp; call once a picture, in decoding order."""
        if self._last >= 0:
            step = (timestamp - self._last) & (_WRAP - 1)
            if step < _WRAP // 2:
                self._turns += timestamp < self._last
            else:
                self._turns -= timestamp > self._last
        self._last = timestamp
        return self._turns * _WRAP + timestamp

    def arrived(self, ticks: int, now_s: float) -> None:
        """Note that the picture at `ticks` was complete at `now_s`; the least delayed one counts."""
        offset = now_s - ticks / CLOCK_RATE
        if self._arrival_offset is None:
            self._arrival_offset = offset
        elif abs(offset - self._arrival_offset) > _RESTART_S:
            self._arrival_offset, self._report = offset, None
        else:
            drift = abs(ticks - self._arrival_ticks) / CLOCK_RATE * _DRIFT
            self._arrival_offset = min(self._arrival_offset + drift, offset)
        self._arrival_ticks = ticks

    def reported(self, report: SenderReport) -> None:
        """Note a sender report; it takes effect at the next `renew`."""
        if self._last < 0:
            self._last = report.timestamp
        # The report's timestamp lies within 6 hours of the last picture's, before or after it.
        near = (report.timestamp - self._last + _WRAP // 2) % _WRAP - _WRAP // 2
        self._report = (report.wall_s, self._turns * _WRAP + self._last + near)

    @property
    def knows_camera(self) -> bool:
        """Whether a sender report has arrived."""
        return self._report is not None

    def renew(self) -> None:
        """Choose source and offset for the pictures from here on."""
        arrival = self._arrival_offset or 0.0
        if self._report is None:
            self.source, self._offset_s = "arrival", arrival
            return
        wall_s, ticks = self._report
        camera = wall_s - ticks / CLOCK_RATE
        self.error_s = camera - arrival
        if abs(self.error_s) <= self._tolerance_s:
            self.source, self._offset_s = "camera", camera
        else:
            self.source, self._offset_s = "arrival", arrival

    def nudge(self, milliseconds: int) -> None:
        """Move the pictures from here on later, until the next `renew`."""
        self._offset_s += milliseconds / 1000

    def at_ms(self, ticks: int) -> int:
        """Return the producer time of the picture at `ticks`."""
        return round((ticks / CLOCK_RATE + self._offset_s) * 1000)
