"""Read folders of photos; the drawn people's own photos stand in for real ones."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from gatehouse_sample.company.__main__ import main
from gatehouse_sample.company.faces import FACE_SIZE, photographed_cast
from gatehouse_sample.errors import FacesError
from gatehouse_sample.people.draw import PICTURES
from gatehouse_sample.people.engine import faces

if TYPE_CHECKING:
    from pathlib import Path


QUIET = (lambda _: None, lambda *_: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make two people with three photos each, one with one, and one whose files are no photos."""
    people = sorted((PICTURES / "employee").iterdir())[:3]
    for source, name, count in zip(people, ("ann", "bob", "cyd"), (3, 3, 1), strict=True):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for photo in sorted(source.glob("photo-*.jpg"))[:count]:
            shutil.copy(photo, tmp_path / "faces" / name)
    (tmp_path / "faces" / "dot").mkdir()
    (tmp_path / "faces" / "dot" / "1.jpg").write_bytes(b"%PDF-1.7")
    Image.new("RGB", (80, 80)).save(tmp_path / "faces" / "dot" / "2.jpg")
    return tmp_path / "faces"


def test_several_photos_make_an_employee_and_one_a_stranger(folder: Path, tmp_path: Path) -> None:
    cast = photographed_cast(folder, tmp_path / "looks", *QUIET)
    assert [(len(who.photos), len(who.looks)) for who in cast.employees] == [(1, 2), (1, 2)]
    assert [(len(who.photos), len(who.looks)) for who in cast.strangers] == [(0, 1)]
    assert cast.similarity_scale == "real-faces"
    assert not {"ann", "bob"} & {who.person_id for who in cast.employees}


def test_a_manifest_decides_roles(folder: Path, tmp_path: Path) -> None:
    (folder / "manifest.csv").write_text("identity,file,role\nann,ann/1.jpg,non_employee\n")
    cast = photographed_cast(folder, tmp_path / "looks", *QUIET)
    assert (len(cast.employees), len(cast.strangers)) == (1, 2)


def test_a_probe_s_two_are_spared_where_the_company_can(folder: Path, tmp_path: Path) -> None:
    assert photographed_cast(folder, tmp_path / "looks", *QUIET).probe is None
    shutil.copytree(folder / "cyd", folder / "eve")
    cast = photographed_cast(folder, tmp_path / "looks", *QUIET)
    assert cast.probe
    assert (len(cast.employees), len(cast.strangers)) == (1, 1)
    assert cast.probe.enrolled not in cast.employees
    assert cast.probe.stranger not in cast.strangers


def test_cut_outs_show_the_face_at_a_size_cameras_see(folder: Path, tmp_path: Path) -> None:
    cast = photographed_cast(folder, tmp_path / "looks", *QUIET)
    cut = np.asarray(Image.open(cast.strangers[0].looks[0]).convert("RGB"))
    (face,) = faces(cut)
    assert face.width == pytest.approx(FACE_SIZE, rel=0.2)


def test_every_file_that_is_not_used_is_named_with_the_reason(folder: Path, tmp_path: Path) -> None:
    good = (folder / "ann" / "photo-1.jpg").read_bytes()
    (folder / "dot" / "3.jpg").write_bytes(good[: len(good) // 3])
    (folder / "dot" / "4.heic").write_bytes(b"ftypheic")
    small = Image.open(folder / "ann" / "photo-1.jpg")
    small.resize((small.width // 5, small.height // 5)).resize((90, 90)).save(folder / "dot" / "5.png")
    refused: dict[str, str] = {}

    def refuse(path: Path, why: str) -> None:
        refused[path.relative_to(folder).as_posix()] = why

    cast = photographed_cast(folder, tmp_path / "looks", lambda _: None, refuse)
    assert len(cast.employees) == 2
    for name, word in {
        "dot/1.jpg": "can't be read",
        "dot/2.jpg": "no frontal faces",
        "dot/3.jpg": "can't be read",
        "dot/4.heic": ".jpeg",
        "dot": "0 usable photos; as employee it takes 2",
    }.items():
        assert word in refused[name]
    assert not any(name.startswith(("ann", "bob", "cyd")) for name in refused)


def test_the_command_says_and_lists_what_it_could_not_use(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(folder / "cyd")
    out = tmp_path / "out"
    assert main(["--out", str(out), "--faces", str(folder)]) == 1
    said = capsys.readouterr().err
    assert "not used: dot/1.jpg: it can't be read" in said
    assert "one more with one (a stranger) are needed; found 2 and 0 in 3 folders" in said
    assert (out / "not-used.txt").read_text().splitlines()[-1].startswith("dot: 0 usable photos")


def test_too_few_people_are_counted_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "faces" / "ann").mkdir(parents=True)
    with pytest.raises(FacesError, match="found 0 and 0 in 1 folders"):
        photographed_cast(tmp_path / "faces", tmp_path / "looks", *QUIET)
    with pytest.raises(FacesError, match="no such folder"):
        photographed_cast(tmp_path / "none", tmp_path / "looks", *QUIET)
