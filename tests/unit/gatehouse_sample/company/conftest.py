"""Give the company tests a cast of coloured blocks: no face is needed to film one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from gatehouse_sample.company.people import Cast, Person

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cast(tmp_path: Path) -> Cast:
    def person(name: str, photos: int) -> Person:
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        block = np.full((320, 200, 4), (250, 20, 20, 255), np.uint8)
        Image.fromarray(block).save(folder / "video-1.webp", "WEBP", lossless=True)
        for number in range(photos):
            Image.fromarray(block[..., :3]).save(folder / f"photo-{number}.jpg")
        return Person(name, tuple(sorted(folder.glob("photo*"))), (folder / "video-1.webp",))

    employees = tuple(person(f"E{n}", 2) for n in range(3))
    return Cast("drawn", "drawn-people", employees, (person("E9", 1),), (person("S1", 0),))
