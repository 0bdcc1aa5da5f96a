"""Say whether a measured rollout keeps the bounds it is wished to keep.

They judge figures for people to read; no run fails by them, as timings depend on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping

# By figure: what it is called, and the most it may be.
BOUNDS: dict[str, tuple[str, float]] = {
    "vs_quota_floor": ("wall time by the quotas' floor", 1.1),
    "noop_s": ("seconds with nothing to do", 30.0),
    "tasks_per_1000_cameras": ("task instances per 1,000 cameras", 60.0),
    # Flat, but for what a garbage collector leaves between two of its rounds.
    "task_rss_growth": ("growth of the longest task's memory", 1.1),
}


def kept(figures: Mapping[str, float]) -> dict[str, bool]:
    """Tell of each figure that has a bound whether it keeps it."""
    return {name: figures[name] <= most for name, (_, most) in BOUNDS.items()}


def table(figures: Mapping[str, float]) -> str:
    """Return a row for each figure: what it is, how much, the most it may be, and whether it keeps that."""
    rows = [f"{'Figure':<40}{'measured':>10}{'at most':>10}  kept"]
    for name, well in kept(figures).items():
        what, most = BOUNDS[name]
        rows.append(f"{what:<40}{figures[name]:>10g}{most:>10g}  {'yes' if well else 'NO'}")
    return "\n".join(rows)
