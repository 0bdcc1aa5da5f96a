from __future__ import annotations

import json
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from gatehouse.roster.model import parse_roster
from gatehouse_sample.cameras.film import CLOCK_RATE, read_film
from gatehouse_sample.company import build, film
from gatehouse_sample.company.schedule import CameraPlace

if TYPE_CHECKING:
    from pathlib import Path

    from gatehouse_sample.company.people import Cast

PLACES = (CameraPlace("CAM_A", "berlin", "lobby"), CameraPlace("CAM_B", "tokyo", "lab"))
BLOCK_RED = 120
FILMED_SECONDS = 26
"""Enough for two visits and the time around them."""


def make(cast: Cast, out: Path, places: tuple[CameraPlace, ...] = PLACES) -> build.Company:
    company = build.plan_company(cast, places)
    build.write_company(company, out, 1, lambda _: None)
    return company


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write empty films: for tests that look at files around them."""
    monkeypatch.setattr(film, "make_film", lambda path, *_: path.write_bytes(b"film"))
    monkeypatch.setattr(build, "ProcessPoolExecutor", InThisProcess)


class InThisProcess:
    """Stand in for a process pool, so that a test's film writer is used."""

    def __init__(self, _: int) -> None: ...
    def __enter__(self) -> InThisProcess:
        return self

    def __exit__(self, *_: object) -> None: ...

    map = staticmethod(map)


def test_the_film_shows_who_the_truth_says_and_loops_on_whole_seconds(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "LOOP_SECONDS", FILMED_SECONDS)
    monkeypatch.setattr(build, "ProcessPoolExecutor", InThisProcess)
    make(cast, tmp_path, PLACES[:1])
    path = tmp_path / "videos" / "CAM_A.mp4"
    truth = json.loads((tmp_path / "truth" / "CAM_A.json").read_text())
    visits = [(visit["start_s"], visit["end_s"]) for visit in truth["visits"]]
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            at = float(frame.time or 0.0)
            picture = frame.to_ndarray(format="rgb24").astype(int)
            red = int((picture[300:, :, 0] - picture[300:, :, 1]).max())
            there = any(start + 0.2 <= at <= end - 0.2 for start, end in visits)
            nobody = all(at < start or at >= end for start, end in visits)
            assert there == (red > BLOCK_RED) or not (there or nobody), at
    made = read_film(path)
    keys = [unit.ticks for unit in made.units if unit.key]
    assert made.ticks == FILMED_SECONDS * CLOCK_RATE
    assert np.diff(keys).tolist() == [CLOCK_RATE] * (len(keys) - 1)


@pytest.mark.usefixtures("quick")
def test_again_makes_nothing_and_keeps_passwords(cast: Cast, tmp_path: Path) -> None:
    make(cast, tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "videos").iterdir()}
    secrets = (tmp_path / "secrets.json").read_text()
    make(cast, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "videos").iterdir()} == stamps
    assert (tmp_path / "secrets.json").read_text() == secrets


@pytest.mark.usefixtures("quick")
def test_a_loop_of_another_length_is_filmed_anew(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(cast, tmp_path)
    marks = {path: path.read_text() for path in (tmp_path / "videos").glob("*.made")}
    monkeypatch.setattr(film, "LOOP_SECONDS", FILMED_SECONDS)
    make(cast, tmp_path)
    assert all(path.read_text() != mark for path, mark in marks.items())


@pytest.mark.usefixtures("quick")
def test_what_no_longer_belongs_goes(cast: Cast, tmp_path: Path) -> None:
    make(cast, tmp_path)
    (tmp_path / "photos" / "E0" / "9.jpg").write_bytes(b"old")
    (tmp_path / "photos" / "E777").mkdir()
    make(cast, tmp_path, PLACES[:1])
    assert sorted(path.name for path in (tmp_path / "truth").iterdir()) == ["CAM_A.json"]
    assert sorted(path.name for path in (tmp_path / "videos").glob("*.mp4")) == ["CAM_A.mp4"]
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == ["E0", "E1", "E2", "E9"]
    assert len(list((tmp_path / "photos" / "E0").iterdir())) == 2


@pytest.mark.usefixtures("quick")
def test_roster_parses_and_leaves_out_who_gave_no_consent(cast: Cast, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    company = make(cast, tmp_path)
    roster = parse_roster((tmp_path / "roster.csv").read_text())
    assert not roster.rejected
    reasons = {row.employee_id: row.why_not_enrolled(datetime.now(UTC)) for row in roster.entries}
    assert reasons == {"E0": "", "E1": "", "E2": "", "E9": "no consent"}
    assert all((tmp_path / key).is_file() for row in roster.entries for key in row.photo_keys)
    filmed = {visit.subject for visits in company.visits.values() for visit in visits}
    assert "E9" not in filmed


@pytest.mark.usefixtures("quick")
def test_every_camera_has_a_password_of_its_own(cast: Cast, tmp_path: Path) -> None:
    make(cast, tmp_path)
    secrets = json.loads((tmp_path / "secrets.json").read_text())
    assert set(secrets) == {"CAM_A", "CAM_B"}
    assert secrets["CAM_A"]["password"] != secrets["CAM_B"]["password"]
    assert secrets["CAM_A"]["url"].format(host="h", port=5) == "rtsp://h:5/CAM_A"
