"""What evidence says of Gatehouse's version is what is built."""

from __future__ import annotations

import tomllib
from pathlib import Path

import gatehouse

ROOT = Path(__file__).resolve().parents[3]


def test_the_package_has_the_projects_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert gatehouse.__version__ == project["version"]
