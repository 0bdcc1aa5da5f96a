from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gatehouse.frames.fairness import FairQueue, Order

DEPTH = 3
CAMERAS = ("A", "B", "C")
cameras = st.sampled_from(CAMERAS)


def test_frames_in_order_are_refused_where_there_is_no_room_and_lost_nowhere() -> None:
    queue: FairQueue[int] = FairQueue(2)
    assert [queue.offer("A", frame, "in_order") for frame in range(3)] == [
        (True, None),
        (True, None),
        (False, None),
    ]
    assert queue.take() == ("A", 0)


def test_newest_first_the_oldest_makes_room() -> None:
    queue: FairQueue[int] = FairQueue(2)
    assert [queue.offer("A", frame, "newest_first") for frame in range(3)][-1] == (True, 0)
    assert queue.take() == ("A", 2)


def test_a_camera_has_one_frame_in_hand_at_a_time() -> None:
    queue: FairQueue[int] = FairQueue(2)
    queue.offer("A", 1, "in_order")
    queue.offer("A", 2, "in_order")
    assert queue.take() == ("A", 1)
    assert queue.take() is None
    queue.done("A")
    assert queue.take() == ("A", 2)


def test_discarded_frames_are_handed_out_no_more() -> None:
    queue: FairQueue[int] = FairQueue(2)
    for camera, frame in (("A", 1), ("B", 2), ("A", 3)):
        queue.offer(camera, frame, "in_order")
    assert queue.discard(lambda frame: frame in (1, 3)) == [1, 3]
    assert queue.take() == ("B", 2)
    assert queue.take() is None
    assert len(queue) == 0
    assert queue.offer("A", 4, "in_order") == (True, None)
    assert queue.take() == ("A", 4)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.integers(1, 40))
def test_busy_cameras_get_equal_shares_whatever_each_one_sends(burst: list[int], turns: int) -> None:
    queue: FairQueue[int] = FairQueue(DEPTH)
    served: Counter[str] = Counter()
    for turn in range(turns):
        for index, frames in enumerate(burst):
            for frame in range(frames):
                queue.offer(f"CAM_{index}", turn * 100 + frame, "newest_first")
        found = queue.take()
        assert found is not None
        served[found[0]] += 1
        queue.done(found[0])
    shares = [served[f"CAM_{index}"] for index in range(len(burst))]
    assert max(shares) - min(shares) <= 1


class Bookkeeping(RuleBasedStateMachine):
    """Every frame is waiting, in hand, worked on or displaced, and exactly one of these."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: FairQueue[int] = FairQueue(DEPTH)
        self.waiting: dict[str, list[int]] = {camera: [] for camera in CAMERAS}
        self.busy: set[str] = set()
        self.next = 0

    @rule(camera=cameras, order=st.sampled_from(["in_order", "newest_first"]))
    def offer(self, camera: str, order: Order) -> None:
        self.next += 1
        full = len(self.waiting[camera]) == DEPTH
        taken, displaced = self.queue.offer(camera, self.next, order)
        assert taken == (not full or order == "newest_first")
        assert displaced == (self.waiting[camera][0] if full and order == "newest_first" else None)
        if displaced is not None:
            self.waiting[camera].remove(displaced)
        if taken:
            self.waiting[camera].append(self.next)

    @rule()
    def take(self) -> None:
        found = self.queue.take()
        ready = {camera for camera in CAMERAS if self.waiting[camera]} - self.busy
        assert (found is not None) == bool(ready)
        if found is not None:
            camera, frame = found
            assert camera in ready
            assert frame in (self.waiting[camera][0], self.waiting[camera][-1])
            self.waiting[camera].remove(frame)
            self.busy.add(camera)

    @precondition(lambda self: self.busy)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        camera = data.draw(st.sampled_from(sorted(self.busy)))
        self.queue.done(camera)
        self.busy.discard(camera)

    @rule(camera=cameras)
    def discard(self, camera: str) -> None:
        gone = set(self.waiting[camera])
        assert set(self.queue.discard(lambda frame: frame in gone)) == gone
        self.waiting[camera] = []

    @invariant()
    def holds_what_waits(self) -> None:
        assert len(self.queue) == sum(len(frames) for frames in self.waiting.values())


TestBookkeeping = Bookkeeping.TestCase
