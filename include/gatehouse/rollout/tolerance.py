"""Decide how many bad cameras a wave bears, and what becomes of an office that can't be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.office.policy_checks import REQUEUED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatehouse.office.policy import Requeue, Tolerance


def too_many(bad: int, judged: int, total: int, tolerance: Tolerance) -> str:
    """Say why a wave has too many bad cameras, or nothing if it may go on.

    `judged` are the cameras of which anything is known yet, good or bad. The count is a bound at once;
    the percentage only once enough cameras were judged, or the first bad one would stop every wave.
    """
    if bad > tolerance.cameras:
        return f"{bad} of {total} cameras are bad; at most {tolerance.cameras} may be"
    enough = min(tolerance.minimum_cameras, total)
    if bad and judged >= enough and bad * 100 > tolerance.percent * judged:
        return f"{bad} of {judged} judged cameras are bad, more than {tolerance.percent:g} %"
    return ""


@dataclass(frozen=True, slots=True)
class Requeued:
    """Say which offices are tried again in which wave, and which are given up, with the reason."""

    again: dict[str, str]
    given_up: dict[str, str]


def requeue(
    unreachable: Mapping[str, str],
    attempts: Mapping[str, int],
    later: Sequence[str],
    policy: Requeue,
) -> Requeued:
    """Put offices that can't be reached (office → reason) off to a later wave, within the policy's caps.

    `attempts` counts how often each office of this rollout was put off before; `later` are the waves
    still to come. After the last wave comes one more for the offices put off, and after that none, so
    nothing is put off for ever. An office given up counts as bad with all its cameras.
    """
    again: dict[str, str] = {}
    given_up: dict[str, str] = {}
    put_off = {office for office, count in attempts.items() if count}
    for office, reason in sorted(unreachable.items()):
        room = office in put_off or len(put_off) < policy.offices
        if attempts.get(office, 0) >= policy.attempts or not later:
            given_up[office] = f"{reason}; put off {attempts.get(office, 0)} times, and no more"
        elif not room:
            given_up[office] = f"{reason}; {policy.offices} offices are put off already, and no more may be"
        else:
            again[office] = later[0]
            put_off.add(office)
    return Requeued(again, given_up)


def waves_after(name: str, waves: Sequence[str]) -> tuple[str, ...]:
    """Return the waves to come after one, the wave for offices put off among them."""
    order = [*waves, REQUEUED]
    return tuple(order[order.index(name) + 1 :])
