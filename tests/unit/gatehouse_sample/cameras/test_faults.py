from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse_sample.cameras.faults import FaultFile

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_faults_come_and_go_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    faults = FaultFile(path)
    assert faults.of("CAM") is None
    path.write_text('{"CAM": "mute"}')
    faults.reload()
    assert faults.of("CAM") == "mute"
    path.unlink()
    faults.reload()
    assert faults.of("CAM") is None


def test_a_wrong_file_is_named_and_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "faults.json"
    path.write_text('{"CAM": "mute"}')
    faults = FaultFile(path)
    for wrong in ('{"CAM": "explode"}', '{"CAM"', "[]"):
        path.write_text(wrong)
        faults.reload()
        assert faults.of("CAM") == "mute"
    assert "choose one of unauthorised, h265" in caplog.text
