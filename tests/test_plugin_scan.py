"""Airflow's plugin loader sees one file of plugins/ only, so that it can't load modules under bare stems."""

from __future__ import annotations

from pathlib import Path

PLUGINS = Path(__file__).parents[1] / "plugins"


def test_only_the_plugin_file_is_scanned() -> None:
    from airflow._shared.module_loading.file_discovery import find_path_from_directory

    found = find_path_from_directory(str(PLUGINS), ".airflowignore")
    assert {Path(path).relative_to(PLUGINS).as_posix() for path in found if path.endswith(".py")} == {
        "gatehouse_plugin.py"
    }


def test_no_package_marker_lies_in_a_root_folder() -> None:
    root = PLUGINS.parent
    assert [name for name in ("dags", "plugins", "include") if (root / name / "__init__.py").exists()] == []


def test_the_plugin_is_named_gatehouse() -> None:
    from gatehouse_plugin import GatehousePlugin

    assert GatehousePlugin.name == "gatehouse"
