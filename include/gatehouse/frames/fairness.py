"""Share one worker between cameras: each in turn, one frame of a camera at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
Order = Literal["in_order", "newest_first"]


@dataclass(slots=True)
class _Lane(Generic[T]):
    waiting: deque[T] = field(default_factory=deque)
    order: Order = "in_order"
    busy: bool = False


class FairQueue(Generic[T]):
    """Hold at most `depth` frames per camera and hand them out round-robin.

    In order, nothing is lost: `offer` refuses a frame for which there is no room. Newest first, the oldest
    frame makes room for a newer one: what the worker can't manage is lost in the past, not now.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._lanes: dict[str, _Lane[T]] = {}
        # Cameras that have a frame waiting and none in hand, in the order of their turns.
        self._turns: deque[str] = deque()

    def offer(self, camera: str, frame: T, order: Order) -> tuple[bool, T | None]:
        """Put a frame in its camera's lane; answers whether it is in, and the frame that had to leave."""
        lane = self._lanes.setdefault(camera, _Lane())
        lane.order = order
        displaced = None
        if len(lane.waiting) >= self._depth:
            if order == "in_order":
                return False, None
            displaced = lane.waiting.popleft()
        lane.waiting.append(frame)
        self._queue_up(camera, lane)
        return True, displaced

    def take(self) -> tuple[str, T] | None:
        """Take the next camera's frame; the camera gets no other turn before `done`."""
        if not self._turns:
            return None
        camera = self._turns.popleft()
        lane = self._lanes[camera]
        lane.busy = True
        return camera, lane.waiting.pop() if lane.order == "newest_first" else lane.waiting.popleft()

    def done(self, camera: str) -> None:
        """Let a camera queue up again behind the others."""
        lane = self._lanes.get(camera)
        if lane is not None:
            lane.busy = False
            self._queue_up(camera, lane)

    def discard(self, unwanted: Callable[[T], bool]) -> list[T]:
        """Remove waiting frames, a stopped camera's for instance, and return them."""
        gone = [frame for lane in self._lanes.values() for frame in lane.waiting if unwanted(frame)]
        for lane in self._lanes.values():
            lane.waiting = deque(frame for frame in lane.waiting if not unwanted(frame))
        self._turns = deque(camera for camera in self._turns if self._lanes[camera].waiting)
        self._lanes = {name: lane for name, lane in self._lanes.items() if lane.waiting or lane.busy}
        return gone

    def __len__(self) -> int:
        return sum(len(lane.waiting) for lane in self._lanes.values())

    def _queue_up(self, camera: str, lane: _Lane[T]) -> None:
        if lane.waiting and not lane.busy and camera not in self._turns:
            self._turns.append(camera)
