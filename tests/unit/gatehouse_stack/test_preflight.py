"""What stands in the way is named with its remedy before anything starts."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

import pytest

from gatehouse_stack import account, opensearch, preflight
from gatehouse_stack.layout import OFFICES_AT_MOST, Layout

HERE = Path(__file__).resolve().parents[3]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        base = min(probe.getsockname()[1], 60000)
    return Layout(HERE, tmp_path, base)


def test_a_taken_port_is_named_with_its_user_and_a_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        layout = Layout(HERE, tmp_path, taken.getsockname()[1] - 1)
        found = [line for line in preflight.findings(layout, edges=3) if "(moto)" in line]
    assert len(found) == 1
    assert f"port {layout.port('moto')} (moto) is taken" in found[0]
    assert f"GATEHOUSE_PORT_BASE={layout.base + 40}" in found[0]


def test_every_port_derives_from_the_base_and_none_is_used_twice(layout: Layout) -> None:
    ports = layout.ports(edges=OFFICES_AT_MOST, workers=range(OFFICES_AT_MOST))
    assert len(set(ports.values())) == len(ports)
    assert all(layout.base <= port < layout.base + 40 for port in ports.values())


def test_missing_maven_is_named_unless_opensearch_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bare = Layout(tmp_path / "checkout", tmp_path / "run", 24900)
    assert any("apt-get install maven" in line for line in preflight.findings(bare, edges=0))
    other_version = opensearch.home(bare) / "built.json"
    other_version.parent.mkdir(parents=True)
    other_version.write_text('{"version": "1.0.0"}')
    assert any("apt-get install maven" in line for line in preflight.findings(bare, edges=0))


def test_a_parent_that_the_other_account_cannot_enter_is_named(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    found = account.untraversable_parent(closed / "run" / "opensearch", nobody)
    first_closed = next(
        parent for parent in reversed((closed / "run").parents) if parent.exists() and not _open(parent)
    )
    assert found == first_closed
    assert account.untraversable_parent(closed / "run", None) is None


def _open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o001)


def test_root_drops_to_an_account_that_every_debian_has() -> None:
    user = account.unprivileged()
    assert (user is None) == (os.geteuid() != 0)
    assert user is None or user.pw_name == "nobody"
