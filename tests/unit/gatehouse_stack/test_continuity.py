"""The next start goes on only with what belongs together, and says why where it doesn't."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from moto import __version__ as moto_version

from gatehouse_stack import continuity, lifecycle, opensearch
from gatehouse_stack.layout import Layout

ROOT = Path(__file__).resolve().parents[3]
REGIONS = {
    "home": "eu-central-1",
    "regions": {"eu-central-1": {"bucket": "one"}, "us-west-2": {"bucket": "two"}},
}


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A run directory as an orderly stop leaves it."""
    monkeypatch.setenv("GATEHOUSE_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("GATEHOUSE_FACES", raising=False)
    layout = Layout(ROOT, tmp_path / "run", 24900)
    layout.config.mkdir()
    write_regions(layout, REGIONS)
    layout.state.mkdir(parents=True)
    (layout.state / "state.sqlite3").touch()
    (layout.run / "loops.jsonl").touch()
    (layout.run / "demo.json").touch()
    continuity.record(layout, "e1")
    write_snapshot(layout)
    return layout


def write_regions(layout: Layout, regions: object) -> None:
    (layout.config / "regions.yaml").write_text(yaml.safe_dump(regions))


def write_snapshot(layout: Layout, epoch: str = "e1", moto: str = moto_version) -> None:
    import sys

    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    header = {"format": 1, "moto": moto, "python": python, "epoch": epoch}
    layout.moto_snapshot.write_text(json.dumps(header) + "\n")
    layout.moto_snapshot.chmod(0o600)


def test_what_an_orderly_stop_left_is_gone_on_with(layout: Layout) -> None:
    assert continuity.why_empty(layout) == ""


def test_a_first_start_begins_empty(tmp_path: Path) -> None:
    assert continuity.why_empty(Layout(ROOT, tmp_path, 24900)) == "nothing is there yet"


def test_a_start_that_never_had_a_whole_cloud_is_not_gone_on_with(layout: Layout) -> None:
    continuity.forget(layout)
    assert "didn't come as far" in continuity.why_empty(layout)


def test_without_a_snapshot_the_kill_is_named(layout: Layout) -> None:
    layout.moto_snapshot.unlink()
    assert "moto_server left no snapshot" in continuity.why_empty(layout)


def test_a_snapshot_of_another_epoch_belongs_to_nothing(layout: Layout) -> None:
    write_snapshot(layout, epoch="e2")
    assert "lost its state during the last run" in continuity.why_empty(layout)


def test_a_moto_that_restarted_empty_has_no_epoch(layout: Layout) -> None:
    write_snapshot(layout, epoch="")
    assert "lost its state during the last run" in continuity.why_empty(layout)


def test_another_moto_is_named_with_both_versions(layout: Layout) -> None:
    write_snapshot(layout, moto="4.0.1")
    why = continuity.why_empty(layout)
    assert "moto 4.0.1" in why
    assert moto_version in why


def test_other_faces_are_another_company(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_FACES", "/photos")
    assert continuity.why_empty(layout) == "GATEHOUSE_FACES changed from nothing to /photos"


def test_a_region_more_is_no_reason_but_other_names_are(layout: Layout) -> None:
    more = REGIONS | {"regions": {**REGIONS["regions"], "ap-northeast-1": {"bucket": "three"}}}  # type: ignore[dict-item]
    write_regions(layout, more)
    assert continuity.why_empty(layout) == ""
    renamed = REGIONS | {"regions": {**REGIONS["regions"], "us-west-2": {"bucket": "other"}}}  # type: ignore[dict-item]
    write_regions(layout, renamed)
    assert continuity.why_empty(layout) == "regions.yaml names other resources in us-west-2"
    write_regions(layout, REGIONS | {"home": "us-west-2"})
    assert "moved home from eu-central-1 to us-west-2" in continuity.why_empty(layout)


def test_a_cloud_of_another_epoch_is_not_recorded_over(layout: Layout) -> None:
    continuity.record(layout, "e1")
    with pytest.raises(RuntimeError, match="isn't the one that ledger and index"):
        continuity.record(layout, "e2")
    assert continuity.why_empty(layout) == ""


def test_a_start_that_goes_on_clears_what_is_of_one_run_only(layout: Layout) -> None:
    lifecycle.begin(layout, "")
    assert (layout.state / "state.sqlite3").exists()
    assert (layout.run / "loops.jsonl").exists()
    assert layout.moto_snapshot.exists()
    assert not (layout.run / "demo.json").exists()
    assert continuity.goes_on(layout)


def test_a_start_that_begins_empty_says_why_and_keeps_nothing(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    lifecycle.begin(layout, "moto_server is gone")
    assert capsys.readouterr().out == "Begins empty: moto_server is gone.\n"
    left = sorted(path.name for path in layout.run.iterdir())
    assert left == ["logs", "tmp"]
    assert not continuity.goes_on(layout)


def test_the_last_runs_logs_are_kept_and_those_before_are_not(layout: Layout) -> None:
    layout.logs.mkdir()
    for run in ("first", "second"):
        (layout.logs / "moto.log").write_text(run)
        lifecycle.begin(layout, "")
    assert [path.name for path in layout.logs.iterdir()] == ["last"]
    assert (layout.logs / "last" / "moto.log").read_text() == "second"


def test_the_index_is_kept_or_emptied_and_its_settings_are_written_either_way(layout: Layout) -> None:
    document = opensearch.data(layout) / "data" / "nodes"
    opensearch.prepare(layout, None, keep=False)
    document.touch()
    opensearch.prepare(layout, None, keep=True)
    assert document.exists()
    assert (opensearch.data(layout) / "config" / "opensearch.yml").exists()
    opensearch.prepare(layout, None, keep=False)
    assert not document.exists()
