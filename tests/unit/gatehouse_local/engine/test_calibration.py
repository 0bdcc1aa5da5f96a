"""A scale's promises come from strangers, and a thin set of faces is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gatehouse_local.engine.calibration import CalibrationError, fit_scale, measure, run_trials


def people(count: int, photos: int, spread: float) -> dict[str, np.ndarray]:
    """Vectors of invented people: a random centre each, photos `spread` around it."""
    random = np.random.default_rng(3)
    return {
        f"p{number}": (random.normal(0, 0.06, 128) + random.normal(0, spread, (photos, 128))).astype(
            np.float32
        )
        for number in range(count)
    }


def test_strangers_pass_80_about_once_in_a_hundred() -> None:
    trials = run_trials(people(60, 2, 0.02))
    scale = fit_scale("test", trials)
    rates = {rate.similarity: rate for rate in measure(scale, trials)}
    assert rates[80].fpir <= 0.03
    assert rates[99].fpir == 0
    assert rates[80].distance > rates[99].distance


def test_a_second_photo_is_never_a_stranger_to_its_own_person() -> None:
    trials = run_trials(people(10, 3, 0.001))
    assert len(trials.genuine) == 30
    assert trials.genuine.max() < trials.stranger_nearest.min()


def test_without_a_second_photo_there_is_no_tpir() -> None:
    trials = run_trials(people(10, 1, 0.01))
    assert [rate.tpir for rate in measure(fit_scale("test", trials), trials)] == [None] * 4


def test_the_same_seed_gives_the_same_scale() -> None:
    vectors = people(12, 3, 0.02)
    assert fit_scale("a", run_trials(vectors)) == fit_scale("a", run_trials(vectors))


def test_a_handful_of_people_cannot_bear_a_scale() -> None:
    with pytest.raises(CalibrationError, match="7 people"):
        run_trials({**people(7, 2, 0.01), "nobody": np.zeros((0, 128), np.float32)})


def test_the_command_says_clearly_that_the_folder_is_missing(tmp_path: Path) -> None:
    command = Path(__file__).parents[4] / "bench" / "calibrate_similarity.py"
    out = tmp_path / "scale.json"
    command_line = [sys.executable, str(command), "--faces", str(tmp_path / "nowhere"), "--out", str(out)]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nothing was measured" in done.stderr
    assert not out.exists()
