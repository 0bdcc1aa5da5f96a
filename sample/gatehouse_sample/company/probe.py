"""Film the clip a rollout probes cameras with: one enrolled face, then one that is enrolled nowhere.

Both stand still before a wall and turn their heads a little. The clip is what any H.264 decoder plays
(baseline, a key frame a second), and whole seconds long, so that it loops and is cut cleanly.
"""

from __future__ import annotations

import hashlib
import json
from math import pi, sin
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse_sample.company import film, scene, walk
from gatehouse_sample.company.film import FPS
from gatehouse_sample.company.scene import HEIGHT, WIDTH, Scene

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from gatehouse_sample.company.people import ProbePair

ENROLLED_SECONDS, STRANGER_SECONDS = 5, 6
"""Enough for k of n frames of the stranger where one frame a second is analysed."""
CLIP, TRUTH = "clip.mp4", "truth.json"
_SWAY_PIXELS, _SWAY_HERTZ = 6.0, 0.25
_SINK = 6


def write_probe(pair: ProbePair, folder: Path) -> None:
    """Write clip and truth, unless the clip that is there was made from the same; the truth comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    made, mark = folder / "clip.made", _fingerprint(pair)
    if not (made.is_file() and made.read_text() == mark and (folder / CLIP).is_file()):
        film.encode(folder / CLIP, _pictures(pair), profile="baseline")
        made.write_text(mark)
    digest = hashlib.sha256((folder / CLIP).read_bytes()).hexdigest()
    text = json.dumps(truth(pair, digest), indent=2) + "\n"
    part = folder / f".{TRUTH}"
    part.write_text(text)
    part.replace(folder / TRUTH)


def truth(pair: ProbePair, digest: str) -> dict[str, Any]:
    """Return what truth.json says; seconds from the clip's start."""
    end = ENROLLED_SECONDS + STRANGER_SECONDS
    return {
        "clip_sha256": digest,
        "duration_s": end,
        "fps": FPS,
        "enrolled": {"person_id": pair.enrolled.person_id, "start_s": 0, "end_s": ENROLLED_SECONDS},
        "stranger": {"start_s": ENROLLED_SECONDS, "end_s": end},
    }


def _pictures(pair: ProbePair) -> Iterator[NDArray[np.uint8]]:
    room = Scene("PROBE", "not a camera's picture")
    for person, seconds in ((pair.enrolled, ENROLLED_SECONDS), (pair.stranger, STRANGER_SECONDS)):
        looks = walk.load_looks(person.looks)
        for index in range(seconds * FPS):
            yield _standing(room, looks, index / FPS, seconds)


def _standing(
    room: Scene, looks: Sequence[NDArray[np.uint8]], at_s: float, seconds: float
) -> NDArray[np.uint8]:
    """Return one frame of somebody who turns from one side to the other."""
    look = looks[min(int(at_s / seconds * len(looks)), len(looks) - 1)]
    rows, columns = look.shape[:2]
    sway = _SWAY_PIXELS * sin(2 * pi * _SWAY_HERTZ * at_s)
    return room.frame(look, round((WIDTH - columns) / 2 + sway), HEIGHT - rows + _SINK)


def _fingerprint(pair: ProbePair) -> str:
    """Digest the two people's pictures and the code that films them."""
    digest = hashlib.sha256()
    for source in (film.__file__, scene.__file__, walk.__file__, __file__):
        digest.update(Path(source).read_bytes())
    for path in (*pair.enrolled.looks, *pair.stranger.looks):
        digest.update(path.read_bytes())
    return digest.hexdigest()
