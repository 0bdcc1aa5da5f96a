"""Switch faults on and off, so that what AWS does once a month happens now.

Two kinds. *Call faults* name a service and operation and are applied by the front door: throttling,
a 5xx, latency. *Named faults* belong to one service, which asks `Faults.active` where it matters.
They live in memory: a restart of the front door clears them.
"""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMED: Mapping[str, str] = {
    "processor_failed": "a stream processor goes FAILED with `message` as its StatusMessage",
    "stream_stalled": "a video stream takes fragments and hands none on",
    "wrong_face": "searches answer with someone else's face",
    "streaming_video_closed": "the account is closed to streaming video",
    "region_without_streaming": "the Region has no streaming video",
}
KINDS = ("throttling", "error", "latency")
ANY = "*"


class FaultSpecError(ValueError):
    """Refuse a fault that would never fire or that nobody knows."""


@dataclass(slots=True)
class Fault:
    """One fault that is switched on; `*` or an empty field matches everything.

    `rate` is the share of matching calls it hits; `times` how often it still fires (None: always).
    """

    id: str
    name: str = ""
    service: str = ANY
    operation: str = ANY
    region: str = ANY
    account: str = ANY
    resource: str = ""
    kind: str = ""
    rate: float = 1.0
    times: int | None = None
    code: str = ""
    status: int = 500
    seconds: float = 0.0
    message: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallEffect:
    """What one call suffers: first wait `seconds`, then, where `fault` is set, fail as it says."""

    seconds: float = 0.0
    fault: Fault | None = None


class Faults:
    """Hold the faults that are on; `seed` makes their rates repeatable. Thread-safe."""

    def __init__(self, seed: int | None = None) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._faults: dict[str, Fault] = {}
        self._random = random.Random(seed)  # noqa: S311  (a rate, not a secret)

    def add(self, spec: Mapping[str, Any]) -> Fault:
        """Switch a fault on and return it with its id; raise `FaultSpecError` for a bad one."""
        fault = _checked(spec, f"f{next(self._ids)}")
        with self._lock:
            self._faults[fault.id] = fault
        return fault

    def remove(self, fault_id: str = "") -> int:
        """Switch one fault off, or all; return how many were on. Repeating it is harmless."""
        with self._lock:
            gone = [fault_id] if fault_id else list(self._faults)
            return sum(self._faults.pop(one, None) is not None for one in gone)

    def reseed(self, seed: int) -> None:
        """Start the rates' random sequence anew."""
        with self._lock:
            self._random.seed(seed)

    def list(self) -> list[dict[str, Any]]:
        """Return every fault that is on, oldest first."""
        with self._lock:
            return [asdict(fault) for fault in self._faults.values()]

    def active(self, name: str, region: str, resource: str = "", account: str = "") -> dict[str, Any] | None:
        """Return the named fault's fields where it hits this Region, resource and account now, else None.

        A fault without a resource hits them all; its rate and times count per question asked.
        """
        with self._lock:
            for fault in self._faults.values():
                where = ((fault.region, region), (fault.resource, resource), (fault.account, account))
                hit = fault.name == name and all(_covers(*pair) for pair in where)
                if hit and self._fires(fault):
                    return {**asdict(fault), **fault.detail}
        return None

    def on_call(self, service: str, operation: str, account: str, region: str) -> CallEffect:
        """Decide what a call suffers; latencies add up, the first failure wins."""
        if not self._faults:
            return CallEffect()
        seconds = 0.0
        with self._lock:
            for fault in self._faults.values():
                where = (
                    (fault.service, service),
                    (fault.operation, operation),
                    (fault.account, account),
                    (fault.region, region),
                )
                if fault.name or not all(_covers(*pair) for pair in where) or not self._fires(fault):
                    continue
                if fault.kind != "latency":
                    return CallEffect(seconds, fault)
                seconds += fault.seconds
        return CallEffect(seconds)

    def _fires(self, fault: Fault) -> bool:
        if fault.times == 0 or (fault.rate < 1 and self._random.random() >= fault.rate):
            return False
        if fault.times is not None:
            fault.times -= 1
        return True


def _covers(pattern: str, value: str) -> bool:
    return pattern in ("", ANY, value)


def _checked(spec: Mapping[str, Any], fault_id: str) -> Fault:
    known = set(Fault.__dataclass_fields__) - {"id", "detail"}
    unknown = sorted(set(spec) - known)
    try:
        fault = Fault(id=fault_id, **{key: value for key, value in spec.items() if key in known})
        fault.rate, fault.seconds = float(fault.rate), float(fault.seconds)
    except (TypeError, ValueError) as error:
        raise FaultSpecError(f"the fault was not switched on: {error}") from error
    if fault.name:
        # What a named fault needs beside the common fields is between the caller and the service.
        fault.detail = {key: spec[key] for key in unknown}
        unknown = []
    _refuse(fault, unknown)
    return fault


def _refuse(fault: Fault, unknown: list[str]) -> None:
    if unknown:
        raise FaultSpecError(f"unknown fields {unknown}: the fault was not switched on")
    if fault.name and fault.name not in NAMED:
        raise FaultSpecError(f"unknown fault {fault.name!r}: choose one of {sorted(NAMED)}")
    if not fault.name and fault.kind not in KINDS:
        raise FaultSpecError(f"a fault needs a name ({sorted(NAMED)}) or a kind {KINDS}, not {fault.kind!r}")
    if not fault.name and fault.resource:
        raise FaultSpecError("a call fault knows no resource: name an operation, or choose a named fault")
    if fault.kind == "latency" and fault.seconds <= 0:
        raise FaultSpecError("a latency fault needs `seconds` above 0")
    if not 0 < fault.rate <= 1:
        raise FaultSpecError(f"rate is a share above 0 and up to 1, not {fault.rate}")
