"""Every file has one import name: two names are two modules, and isinstance between them fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# A process of its own, so that pytest's way of importing tests has no part in it.
PROGRAM = """
import importlib, json, pkgutil, sys
from collections import defaultdict
roots = sys.argv[2:]
for root in roots:
    package = importlib.import_module(root)
    for module in pkgutil.walk_packages(package.__path__, root + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
names = defaultdict(set)
for name, module in list(sys.modules.items()):
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    if origin and origin.startswith(sys.argv[1]) and ".venv" not in origin and name != "__main__":
        names[origin].add(name)
print(json.dumps({file: sorted(found) for file, found in names.items() if len(found) > 1}))
"""


def test_every_file_has_one_import_name() -> None:
    roots = ["gatehouse", "gatehouse_provider"]
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(ROOT), *roots]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert json.loads(done.stdout.splitlines()[-1]) == {}
