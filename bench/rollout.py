"""Roll 300 cameras out in three Regions, and compare how long it takes with the least AWS's quotas allow.

Run by `make bench-rollout`. Airflow runs the real office_rollout against the local cloud and a real ledger,
in a run folder and on ports of its own. Video, engine and pollers are off, so the rollout prepares and
proves nothing (`prove: running`), and OpenSearch, which preflight asks for, is a stand-in. Three runs:

1. at AWS's default counts, which preflight must stop with nothing written;
2. with the counts raised to what that preflight says to request: the measured one;
3. again, with nothing to do.

Beside the figures stand the bounds they are wished to keep, and whether they did; no bound fails the run, as
timings depend on the machine.

Calls per second, and how many data streams may be in CREATING, stay at AWS's defaults throughout. AWS takes
10 to 30 s to make a data stream; `--creating-seconds` says which. The floor is `rollout_floor.py`'s. The wall
time runs from the request to Airflow until the run's end: planning, preflight with its own streams, a pilot
wave, the other wave and the report are in it, and not in the floor.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import rollout_bounds
import rollout_floor as floor
import rollout_rig as rig

ROOT = Path(__file__).resolve().parents[1]
PORT_BASE = 26100
# A task that has run so long has imported and connected all that it ever will.
SETTLED_SECONDS = 30.0


def main() -> int:
    """Run all three and print progress, a table, and the JSON line; 1 if one doesn't end as it must."""
    options = parse()
    place = rig.layout(options.run, options.port_base)
    rig.write_company(place.config, options.cameras, options.pilot, options.creating_seconds)
    with rig.stack(place) as api:
        say(f"\n{options.cameras} cameras at AWS's default counts: preflight has to stop them")
        granted = stopped(place, api)
        say(f"\nThe same with what it says to request: {json.dumps(granted)}")
        with rig.Memory(place) as memory:
            run = finished(api, options.limit)
        calls = rig.calls_since(place, run.began)
        say(f"  {run.state} after {run.seconds:.1f} s")
        say("\nOnce more, with nothing to do")
        again = finished(api, options.limit)
        unwanted = rig.written(rig.calls_since(place, again.began))
        assert not unwanted, f"a run with nothing to do called {', '.join(unwanted)}"
        say(f"  {again.state} after {again.seconds:.1f} s")
        quotas = rig.ask_cloud(place, "quotas")["quotas"]
    rig.dump(options.run, "calls", calls)
    report(options, run, again, floor.bounds(calls, quotas, options.creating_seconds), calls, memory)
    return 0


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cameras", type=int, default=300, help="cameras in all (300)")
    parser.add_argument("--pilot", type=int, default=15, help="how many of them are the pilot wave (15)")
    parser.add_argument(
        "--creating-seconds", type=float, default=30.0, help="how long a data stream is CREATING (30)"
    )
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds after which a run failed (3600)")
    parser.add_argument("--run", type=Path, default=ROOT / ".run" / "bench-rollout", help="its run folder")
    base = int(os.environ.get("GATEHOUSE_BENCH_PORT_BASE") or PORT_BASE)
    parser.add_argument("--port-base", type=int, default=base, help=f"its first port ({base})")
    options = parser.parse_args()
    options.run = options.run.resolve()
    return options


def stopped(place: Any, api: Any) -> dict[str, int]:
    """Run at default counts; return what to request. It must fail in preflight, having written nothing."""
    run = rig.roll_out(api, seconds=300)
    failed = {task["task_id"] for task in run.tasks if task["state"] == "failed"}
    words = rig.why_failed(api, run)
    assert run.state == "failed", f"it ended as {run.state}"
    assert "preflight" in failed, f"it failed in {', '.join(sorted(failed))}:\n{words}"
    unwanted = rig.written(rig.calls_since(place, run.began))
    assert not unwanted, f"it called {', '.join(unwanted)}"
    granted = rig.grant(place, words)
    assert granted, f"preflight names nothing to request:\n{words}"
    say(f"  stopped by preflight after {run.seconds:.1f} s, nothing written")
    return granted


def finished(api: Any, limit: float) -> rig.Run:
    """Run and expect success."""
    run = rig.roll_out(api, limit)
    assert run.state == "success", f"it ended as {run.state}:\n{rig.why_failed(api, run)}"
    return run


def tasks_per_1000(run: rig.Run, cameras: int) -> float:
    """Return how many task instances run in a rollout of 1,000 such cameras.

    Those of the run, of its waves and of the pilot are there once; those of the last wave's units, which
    take on `cameras`, grow with the fleet.
    """
    ran = [task for task in run.tasks if task["try_number"]]
    units = [task for task in ran if task["map_index"] >= 0 and task["task_id"].startswith("rest.")]
    return len(ran) - len(units) + len(units) * 1000 / cameras


def bounded(
    options: argparse.Namespace, run: rig.Run, again: rig.Run, longest: floor.Bound, memory: rig.Memory
) -> dict[str, float]:
    """Return the figures that have a bound."""
    return {
        "vs_quota_floor": round(run.seconds / longest.seconds, 3),
        "noop_s": round(again.seconds, 1),
        "tasks_per_1000_cameras": round(tasks_per_1000(run, options.cameras - options.pilot), 1),
        "task_rss_growth": round(memory.growth(SETTLED_SECONDS), 3),
    }


def report(
    options: argparse.Namespace,
    run: rig.Run,
    again: rig.Run,
    bounds: list[floor.Bound],
    calls: list[dict[str, Any]],
    memory: rig.Memory,
) -> None:
    """Print the bounds and the machine's line."""
    longest = bounds[0]
    figures = bounded(options, run, again, longest, memory)
    say(f"\n{'Region':<16}{'quota':<42}{'calls':>7}{'seconds':>10}")
    for bound in bounds[:8]:
        say(f"{bound.region:<16}{bound.quota:<42}{bound.calls:>7}{bound.seconds:>10.1f}")
    refused = floor.throttled(calls)
    say(
        f"\nThe floor is {longest.seconds:.1f} s ({longest.quota} in {longest.region}), the rollout took "
        f"{run.seconds:.1f} s. {len(calls)} calls, {refused} of them throttled.\n"
    )
    say(rollout_bounds.table(figures) + "\n")
    line = {
        "name": "rollout",
        "figures": {
            "cameras": options.cameras,
            "regions": len(rig.REGIONS),
            "creating_s": options.creating_seconds,
            "wall_s": round(run.seconds, 1),
            "quota_floor_s": round(longest.seconds, 1),
            "overhead_s": round(run.seconds - longest.seconds, 1),
            "bound_by": longest.quota,
            "calls": len(calls),
            "throttled_calls": refused,
            "noop_s": figures["noop_s"],
            "task_instances": len(run.tasks),
            "tasks_per_1000_cameras": figures["tasks_per_1000_cameras"],
            "task_rss_mb": round(memory.task_peak()),
            "task_rss_growth": figures["task_rss_growth"],
            "part_rss_mb": memory.part_peaks(),
        },
        "peers": {},
        "ratios": {"vs_quota_floor": figures["vs_quota_floor"]},
    }
    print(json.dumps(line), flush=True)


def say(text: str) -> None:
    """Print progress at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
