"""A stack can run some of its parts alone, with settings of its own for the local cloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse_stack import company, parts
from gatehouse_stack.layout import Layout

ROOT = Path(__file__).parents[3]


def test_some_parts_wait_for_each_other_and_for_nothing_else(tmp_path: Path) -> None:
    graph = parts.build(Layout(ROOT, tmp_path, 24900), only=["moto", "cloud", "foundation"])
    assert {name: node.after for name, node in graph.nodes.items()} == {
        "moto": (),
        "cloud": ("moto",),
        "foundation": ("cloud",),
    }


def test_a_part_that_there_isnt_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no part clowd; there are .*cloud"):
        parts.build(Layout(ROOT, tmp_path, 24900), only=["clowd"])


def test_the_local_cloud_has_settings_only_where_the_configuration_says_so(tmp_path: Path) -> None:
    assert company.cloud_settings(tmp_path) == {}
    (tmp_path / "cloud.yaml").write_text("control_plane_only: true\n")
    assert company.cloud_settings(tmp_path) == {"control_plane_only": True}
