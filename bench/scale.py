"""Simulate fleets up to 10,000 cameras: `python bench/scale.py [--write | --check]`.

Prints what breaks first, durations and cost; the last line is JSON. `--write` also writes docs/scale.md,
`--check` fails if that page isn't what would be written.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from gatehouse.capacity.duration import in_words
from gatehouse.capacity.prices import load_prices
from gatehouse.capacity.quotas import load_quotas
from gatehouse.capacity.scale_page import SCENARIOS, render
from gatehouse.capacity.simulate import Outcome, simulate

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "scale.md"


def main(arguments: list[str]) -> int:
    """Simulate every scenario and report."""
    quotas, prices = load_quotas(ROOT / "config"), load_prices(ROOT / "config")
    started = time.perf_counter()
    outcomes = [simulate(scenario, quotas, prices) for scenario in SCENARIOS]
    seconds = time.perf_counter() - started
    page = render(outcomes, quotas, prices)
    if "--check" in arguments and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page):
        print(
            "docs/scale.md isn't what the configuration says. Run make docs and commit it.", file=sys.stderr
        )
        return 1
    if "--write" in arguments:
        PAGE.write_text(page, encoding="utf-8")
    for outcome in outcomes:
        _print(outcome)
    print(json.dumps({"name": "scale", "figures": _figures(outcomes, seconds)}))
    return 0


def _print(outcome: Outcome) -> None:
    print(f"\n{outcome.scenario.name}")
    for found in outcome.breaks:
        where = ", ".join(found.regions)
        print(f"  {found.cameras:>6,} cameras: {found.quota.name} in {where} → {found.remedy}")
    print(f"  {'cameras':>8}{'rollout':>14}{'removal':>14}{'$/month':>14}")
    for size in outcome.sizes:
        times = f"{in_words(size.rollout_seconds):>14}{in_words(size.removal_seconds):>14}"
        print(f"  {size.cameras:>8,}{times}{size.usd:>14,.0f}")


def _figures(outcomes: list[Outcome], seconds: float) -> dict[str, object]:
    return {
        "simulated_s": round(seconds, 3),
        "scenarios": [
            {
                "engine": outcome.scenario.engine,
                "accounts": outcome.scenario.accounts,
                "regions": len(outcome.scenario.regions),
                "breaks_first": outcome.breaks[0].quota.key if outcome.breaks else None,
                "at_cameras": outcome.breaks[0].cameras if outcome.breaks else None,
                "rollout_s_at_10000": round(outcome.sizes[-1].rollout_seconds),
                "removal_s_at_10000": round(outcome.sizes[-1].removal_seconds),
                "usd_month_at_10000": round(outcome.sizes[-1].usd),
            }
            for outcome in outcomes
        ],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
