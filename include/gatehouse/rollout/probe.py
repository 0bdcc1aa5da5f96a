"""Decide when a probe plays and whether it proved a camera's path: video in, notification out.

A probe is a clip of one enrolled and one never-enrolled face that the proxy plays in the camera's own
stream. It passes only if every step of the path gave proof in time; else the first step without is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gatehouse.office.edge import ProbeState
    from gatehouse.rollout.phases import AnalysisResult

Step = Literal["proxy", "fragments", "records", "documents", "notification", "enrolled", "stranger"]

# Ingest keeps its snapshot for 10 s, a proxy looks for orders every 2 s and then fetches the clip: an
# interval begins only when both surely know of it.
LEAD_MS = 20_000
# What is published less than this before an interval begins, some copies of the snapshot learn too late.
KNOWN_MS = 12_000
# A frame this near to the moment the picture changes may show either face.
_EDGE_MS = 500


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """Say who is seen when in a clip, in milliseconds from its start; `person_id` is the enrolled one."""

    person_id: str
    enrolled: tuple[int, int]
    stranger: tuple[int, int]
    duration_ms: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ClipTruth:
        """Restore a clip's truth from plain data, in which a span is a list."""
        (seen_from, seen_until), (strange_from, strange_until) = data["enrolled"], data["stranger"]
        spans = (seen_from, seen_until), (strange_from, strange_until)
        return cls(data["person_id"], *spans, data["duration_ms"])


@dataclass(frozen=True, slots=True)
class Interval:
    """Hold a probe's interval [start, end) in producer time; what proves it must arrive by `deadline_ms`."""

    start_ms: int
    end_ms: int
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class ProbeFace:
    """Hold one detection document of the interval; `person_id` is None where nobody matched."""

    at_ms: int
    person_id: str | None
    ingested_ms: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Hold what was found of a probe; None where the question could not be asked.

    `fragments` are the times at which Kinesis Video stored those of the interval, `records` how many of its
    frames the camera-minutes count as the probe's, `notified_ms` when the probe topic's message arrived
    (0: it didn't). Wall-clock times in milliseconds.
    """

    proxy: ProbeState | None
    proxy_reason: str
    fragments: tuple[int, ...] | None
    records: int | None
    faces: tuple[ProbeFace, ...] | None
    notified_ms: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold a probe's result; `step` is the first step without proof, None where all gave it."""

    result: AnalysisResult
    step: Step | None
    reason: str


def choose_interval(
    now_ms: int, length_ms: int, allowance_ms: int, lead_ms: int = LEAD_MS, after_ms: int = 0
) -> Interval:
    """Choose the next interval that everybody can know of in time.

    It covers whole seconds: evidence is kept one picture a camera-second, and so no second has both a person
    and a probe. `allowance_ms` is what the path may take after the interval's end. It begins not before
    `after_ms`, the end of the last probe that is known of the streams, played or not.
    """
    start_ms = _up_to_second(max(now_ms + lead_ms, after_ms))
    end_ms = start_ms + _up_to_second(length_ms)
    return Interval(start_ms, end_ms, end_ms + allowance_ms)


def in_time(start_ms: int, now_ms: int) -> bool:
    """Tell whether an interval can still be published, or ordered, before it begins for anybody.

    What is ordered later might be played while some copy of ingest doesn't know, and takes the clip's faces
    for people.
    """
    return now_ms + KNOWN_MS <= start_ms


def judge_probe(interval: Interval, truth: ClipTruth, receipt: Receipt, now_ms: int) -> Verdict | None:
    """Judge what was found so far; None while proof may still arrive.

    A wrong match and a clip that can't be played any more fail at once, a complete receipt passes at once.
    After the deadline the first step without proof in time decides: Failed where it was looked for and not
    found, Inconclusive where it could not be asked.
    """
    if wrong := _wrong(interval, truth, receipt):
        return wrong
    missing = next(_missing(interval, truth, receipt), None)
    if missing is None:
        return Verdict("Successful", None, "every step of the path gave proof in time")
    return missing if now_ms >= interval.deadline_ms else None


def _wrong(interval: Interval, truth: ClipTruth, receipt: Receipt) -> Verdict | None:
    """Find what no further waiting can mend."""
    if receipt.proxy == "failed":
        return Verdict("Failed", "proxy", f"the proxy could not play the clip: {receipt.proxy_reason}")
    for face in receipt.faces or ():
        at_ms = face.at_ms - interval.start_ms
        if face.person_id is not None and _within(at_ms, truth.stranger):
            return Verdict("Failed", "stranger", "the never-enrolled face was taken for an enrolled person")
        if face.person_id not in (None, truth.person_id):
            return Verdict("Failed", "enrolled", "the enrolled face was taken for somebody else")
    return None


def _missing(interval: Interval, truth: ClipTruth, receipt: Receipt) -> Iterator[Verdict]:
    """Yield the steps without proof, in the order of the path."""
    in_time = (
        None
        if receipt.faces is None
        else [face for face in receipt.faces if face.ingested_ms <= interval.deadline_ms]
    )
    stored = receipt.fragments
    proved: list[tuple[Step, bool | None, str]] = [
        (
            "proxy",
            None if receipt.proxy is None else receipt.proxy == "played",
            "the proxy didn't play the clip",
        ),
        (
            "fragments",
            None if stored is None else any(at <= interval.deadline_ms for at in stored),
            "Kinesis Video stored no fragment of the clip",
        ),
        ("records", None if receipt.records is None else receipt.records > 0, "no frame of it was analysed"),
        ("documents", None if in_time is None else bool(in_time), "no face of it became searchable"),
        (
            "notification",
            None if receipt.notified_ms is None else 0 < receipt.notified_ms <= interval.deadline_ms,
            "the probe topic received no alert for the never-enrolled face",
        ),
        (
            "enrolled",
            None if in_time is None else any(face.person_id == truth.person_id for face in in_time),
            "the enrolled face was seen and not matched",
        ),
        (
            "stranger",
            None
            if in_time is None
            else any(_within(face.at_ms - interval.start_ms, truth.stranger) for face in in_time),
            "the never-enrolled face was not seen",
        ),
    ]
    for step, proof, reason in proved:
        if proof is None:
            yield Verdict("Inconclusive", step, f"{step} could not be asked for in time")
        elif not proof:
            yield Verdict("Failed", step, f"{reason} in time")


def _within(at_ms: int, span: tuple[int, int]) -> bool:
    return span[0] + _EDGE_MS <= at_ms < span[1] - _EDGE_MS


def _up_to_second(ms: int) -> int:
    return -(-ms // 1000) * 1000
