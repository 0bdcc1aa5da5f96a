"""Know whether what the last run left belongs together, so that the next one can go on with it.

The cloud's two halves (moto's state, the front door's), the ledger and the index remember the same people
and streams: all of them go on, or all begin empty. The cloud carries an epoch, an id made when it began
empty; `belongs.json` says to which epoch, and to which company, ledger and index belong. It is deleted
before anything else is, so a reset that was cut short is begun again.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from gatehouse_stack.layout import Layout


def why_empty(layout: Layout) -> str:
    """Say why the next start has to begin empty; nothing when it can go on."""
    try:
        belongs = json.loads(_file(layout).read_text())
    except FileNotFoundError:
        if layout.state.exists():
            return "the last start didn't come as far as a whole cloud"
        return "nothing is there yet"
    return _changed(belongs["of"], _of(layout)) or _lost(layout, belongs["epoch"])


def goes_on(layout: Layout) -> bool:
    """Tell whether this run goes on with an earlier one's state."""
    return _file(layout).exists()


def record(layout: Layout, epoch: str) -> None:
    """Note that ledger and index belong to the cloud of this epoch; raise RuntimeError if to another one."""
    file = _file(layout)
    if file.exists() and json.loads(file.read_text())["epoch"] != epoch:
        raise RuntimeError(
            f"The cloud isn't the one that ledger and index in {layout.run} belong to; the foundation was "
            "not laid. Start everything anew: make down && make up"
        )
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps({"epoch": epoch, "of": _of(layout)}, indent=1) + "\n")
    draft.replace(file)


def forget(layout: Layout) -> None:
    """Let the next start begin empty."""
    _file(layout).unlink(missing_ok=True)


def _file(layout: Layout) -> Path:
    return layout.run / "belongs.json"


def _of(layout: Layout) -> dict[str, Any]:
    """Return what the state was made from: the company shown, and where its resources are."""
    faces = os.environ.get("GATEHOUSE_FACES")
    regions = yaml.safe_load((layout.config / "regions.yaml").read_text())
    return {"faces": str(Path(faces).resolve()) if faces else "", "regions": regions}


def _changed(then: dict[str, Any], now: dict[str, Any]) -> str:
    if then["faces"] != now["faces"]:
        return f"GATEHOUSE_FACES changed from {then['faces'] or 'nothing'} to {now['faces'] or 'nothing'}"
    before, after = then["regions"], now["regions"]
    if before["home"] != after["home"]:
        return f"regions.yaml moved home from {before['home']} to {after['home']}"
    # A Region more is no reason: the foundation makes what isn't there.
    other = [name for name, body in before["regions"].items() if after["regions"].get(name) != body]
    return f"regions.yaml names other resources in {', '.join(other)}" if other else ""


def _lost(layout: Layout, epoch: str) -> str:
    file = layout.moto_snapshot
    if not file.exists():
        return (
            f"moto_server left no snapshot of its state, as when it is killed ({layout.logs}/last/moto.log)"
        )
    done = subprocess.run(
        [str(layout.python), "-m", "gatehouse_local.moto.snapshot", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    return "" if done.stdout.strip() == epoch else "moto_server lost its state during the last run"
