"""The probe's clip shows the enrolled face, then the unknown one, and nothing else shows either."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gatehouse.roster.model import parse_roster
from gatehouse_edge.media.clip import read_clip
from gatehouse_sample.company import build, film
from gatehouse_sample.company.people import ProbePair, drawn_cast
from gatehouse_sample.company.probe import write_probe
from gatehouse_sample.company.schedule import CameraPlace
from gatehouse_sample.people.draw import PICTURES
from gatehouse_sample.people.engine import faces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from gatehouse_sample.company.people import Cast

PLACES = (CameraPlace("CAM_A", "berlin", "lobby"), CameraPlace("CAM_B", "tokyo", "lab"))


@pytest.fixture
def probed(cast: Cast) -> Cast:
    """The coloured blocks with a probe's two among them."""
    *employees, enrolled = cast.employees
    return replace(cast, employees=tuple(employees), probe=ProbePair(enrolled, cast.strangers[0]))


def test_the_proxy_can_play_the_clip_and_the_truth_names_it(probed: Cast, tmp_path: Path) -> None:
    assert probed.probe
    write_probe(probed.probe, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    clip = read_clip(tmp_path / "clip.mp4")
    assert truth["clip_sha256"] == hashlib.sha256((tmp_path / "clip.mp4").read_bytes()).hexdigest()
    assert clip.duration_ms == truth["duration_s"] * 1000
    assert [one.offset_ms for one in clip.frames if one.key] == list(range(0, clip.duration_ms, 1000))
    assert truth["enrolled"]["person_id"] == probed.probe.enrolled.person_id
    stamp = (tmp_path / "clip.mp4").stat().st_mtime_ns
    write_probe(probed.probe, tmp_path)
    assert (tmp_path / "clip.mp4").stat().st_mtime_ns == stamp


def test_the_enrolled_one_is_in_every_office_and_in_no_camera_s_film(
    probed: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "make_film", lambda path, *_: path.write_bytes(b"film"))
    company = build.plan_company(probed, PLACES)
    build.write_company(company, tmp_path, 1, lambda _: None)
    assert probed.probe
    name = probed.probe.enrolled.person_id
    (row,) = [
        one for one in parse_roster((tmp_path / "roster.csv").read_text()).entries if one.employee_id == name
    ]
    assert set(row.offices) == {"berlin", "tokyo"}
    assert row.kind == "employee"
    assert all((tmp_path / key).is_file() for key in row.photo_keys)
    assert name not in {visit.subject for visits in company.visits.values() for visit in visits}
    assert json.loads((tmp_path / "company.json").read_text())["probe"] == name


def _shown(path: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    import av

    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % 6 == 3:
                yield float(frame.time or 0.0), frame.to_ndarray(format="rgb24")


def test_the_drawn_clip_s_faces_are_who_the_truth_says(tmp_path: Path) -> None:
    from PIL import Image

    from gatehouse_local.engine.scale import load_scale

    cast = drawn_cast(PICTURES)
    assert cast.probe
    write_probe(cast.probe, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    photos = [
        faces(np.asarray(Image.open(path).convert("RGB")))[0].vector for path in cast.probe.enrolled.photos
    ]
    match = load_scale("drawn-people").distance(80.0)
    for at_s, picture in _shown(tmp_path / "clip.mp4"):
        (face,) = faces(picture)
        distance = min(float(np.linalg.norm(face.vector - photo)) for photo in photos)
        assert (distance <= match) == (at_s < truth["enrolled"]["end_s"]), at_s
