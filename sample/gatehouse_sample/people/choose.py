"""Choose the sample company's people: those whom the face engine tells apart best.

    python -m gatehouse_sample.people.choose --seeds 500 --out cast.json

Draws candidates from seeds 0, 1, …, measures each in a few poses with dlib's own vectors, drops those that
aren't found in every pose or differ too much from themselves, and picks a set whose closest two members are
as far apart as can be found. The calibration people are the first that are left, not chosen for anything:
a similarity scale derived from them promises less than the company's people keep.
About 2 s a candidate on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gatehouse_sample.people.compose import on_backdrop
from gatehouse_sample.people.engine import faces
from gatehouse_sample.people.pose import ENROLMENT, VIDEO
from gatehouse_sample.people.render import render
from gatehouse_sample.people.seeded import identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

PROBES = (ENROLMENT[0], ENROLMENT[1], VIDEO[0], VIDEO[3], VIDEO[6])
PROBE_HEIGHT = 240
MAX_SELF_DISTANCE = 0.33
"""A candidate whose own probes are further apart than this isn't used."""
EMPLOYEES, STRANGERS, CALIBRATION = 14, 7, 14
PROBES_OF_ROLLOUTS = {
    "probe_employee": f"E{1001 + 37 * EMPLOYEES}",
    "probe_stranger": f"S{STRANGERS + 1:02}",
}
"""The two whom a rollout's probe clip shows, and nothing else."""
MAX_PROBE_SELF_DISTANCE = 0.26
"""Steadier than the company: a rollout waits for them, and one above it was often not found in a film."""


def probe(seed: int) -> NDArray[np.float64] | None:
    """Return a candidate's vectors, one row a probe; None if some probe has no face."""
    rows = []
    for pose in PROBES:
        found = faces(on_backdrop(render(identity(seed), pose, PROBE_HEIGHT)))
        if not found:
            return None
        rows.append(found[0].vector)
    return np.stack(rows)


def gaps(vectors: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each person's largest distance from itself, and the smallest between every two people."""
    rows = np.concatenate(vectors)
    people, probes = len(vectors), len(vectors[0])
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=2).reshape(people, probes, people, probes)
    own = np.array([apart[person, :, person].max() for person in range(people)])
    return own, apart.min(axis=(1, 3))


def pick(apart: NDArray[np.float64], allowed: Sequence[int], size: int) -> list[int]:
    """Pick a set whose closest two are far apart: farthest first from every start, then exchanges."""
    if len(allowed) < size:
        raise ValueError(f"{len(allowed)} usable candidates for {size} places; draw more with --seeds")
    picked = [_exchanged(apart, allowed, _farthest_first(apart, allowed, start, size)) for start in allowed]
    return max(picked, key=lambda chosen: closest(apart, chosen)[0])


def closest(apart: NDArray[np.float64], chosen: Sequence[int]) -> tuple[float, int, int]:
    """Return the smallest distance within a set, and the places in it of the two that have it."""
    table = apart[np.ix_(chosen, chosen)] + np.diag(np.full(len(chosen), np.inf))
    first, second = np.unravel_index(int(table.argmin()), table.shape)
    return float(table.min()), int(first), int(second)


def _farthest_first(apart: NDArray[np.float64], allowed: Sequence[int], start: int, size: int) -> list[int]:
    """Grow a set from a start, always by who is farthest from all in it."""
    chosen = [start]
    while len(chosen) < size:
        chosen.append(_farthest(apart, allowed, chosen)[1])
    return chosen


def _farthest(apart: NDArray[np.float64], allowed: Sequence[int], chosen: Sequence[int]) -> tuple[float, int]:
    """Return who outside a set is farthest from it, and how far."""
    distance = apart[np.ix_(allowed, chosen)].min(axis=1)
    distance[np.isin(allowed, chosen)] = -1.0
    best = int(distance.argmax())
    return float(distance[best]), allowed[best]


def _exchanged(apart: NDArray[np.float64], allowed: Sequence[int], chosen: list[int]) -> list[int]:
    """Replace one of the closest two by somebody farther while that helps."""
    while True:
        now, *pair = closest(apart, chosen)
        for place in pair:
            rest = chosen[:place] + chosen[place + 1 :]
            distance, other = _farthest(apart, allowed, rest)
            if other not in chosen and min(distance, closest(apart, rest)[0]) > now + 1e-9:
                chosen = [*rest, other]
                break
        else:
            return chosen


def cast(vectors: Mapping[int, NDArray[np.float64]]) -> dict[str, dict[str, int]]:
    """Choose from measured candidates; return seeds by role and person id."""
    seeds = sorted(vectors)
    own, apart = gaps([vectors[seed] for seed in seeds])
    usable = [index for index in range(len(seeds)) if own[index] <= MAX_SELF_DISTANCE]
    main = pick(apart, usable, EMPLOYEES + STRANGERS)
    left = [index for index in usable if index not in main]
    others = left[:CALIBRATION]
    steady = [index for index in left[CALIBRATION:] if own[index] <= MAX_PROBE_SELF_DISTANCE]
    played = farthest_pair(apart, main, steady)
    say(f"company: any two at least {closest(apart, main)[0]:.3f} apart, own at most {own[main].max():.3f}")
    names = {
        "employee": [f"E{1001 + 37 * n}" for n in range(EMPLOYEES)],
        "stranger": [f"S{n + 1:02}" for n in range(STRANGERS)],
        "calibration": [f"C{n + 1:02}" for n in range(CALIBRATION)],
    }
    people = iter([seeds[index] for index in main + others])
    chosen = {role: {name: next(people) for name in ids} for role, ids in names.items()}
    # Who differs least from itself is enrolled.
    played.sort(key=lambda index: float(own[index]))
    for (role, name), index in zip(PROBES_OF_ROLLOUTS.items(), played, strict=True):
        chosen[role] = {name: seeds[index]}
    return chosen


def farthest_pair(apart: NDArray[np.float64], company: Sequence[int], left: Sequence[int]) -> list[int]:
    """Return the two of those left who keep farthest from the company and from one another."""

    def kept(pair: tuple[int, int]) -> float:
        return min(float(apart[np.ix_(pair, company)].min()), float(apart[pair]))

    best = max(combinations(left, 2), key=kept)
    return list(best)


def say(text: str) -> None:
    """Report progress."""
    sys.stderr.write(text + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m gatehouse_sample.people.choose")
    parser.add_argument("--seeds", type=int, default=500, help="how many candidates to draw")
    parser.add_argument("--out", type=Path, required=True, help="cast.json: person ids and seeds by role")
    options = parser.parse_args(arguments)
    measured: dict[int, NDArray[np.float64]] = {}
    for seed in range(options.seeds):
        if (vectors := probe(seed)) is not None:
            measured[seed] = vectors
        if (seed + 1) % 20 == 0:
            say(f"{seed + 1} of {options.seeds} candidates, {len(measured)} found in every pose")
    options.out.write_text(json.dumps(cast(measured), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
