"""Draw everybody in cast.json: enrolment photos, cut-outs for video, and calibration photos.

    python -m gatehouse_sample.people.draw --out DIR

    DIR/<role>/<person id>/photo-<n>.jpg   on a photographer's backdrop, studio light
    DIR/<role>/<person id>/video-<n>.webp  cut out (transparent background), other poses and lights
    DIR/calibration/<person id>/<n>.jpg    both kinds of pose, for the similarity scale

    DIR/drawn.json                         what each picture was drawn from

A picture drawn from the same person and pose is kept, so an interrupted run resumes. About 1 s a picture on
one core. Redraw after changing the renderer by removing DIR.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gatehouse_sample.people.choose import say
from gatehouse_sample.people.compose import on_backdrop
from gatehouse_sample.people.pose import ENROLMENT, VIDEO, Pose
from gatehouse_sample.people.render import ASPECT, render
from gatehouse_sample.people.seeded import identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FINE_HEIGHT, HEIGHT = 400, 320
WIDTH = round(HEIGHT * ASPECT)
CAST = Path(str(resources.files(__package__))) / "cast.json"
PICTURES = CAST.parent / "pictures"
CALIBRATION_POSES = (*ENROLMENT, VIDEO[0], VIDEO[2], VIDEO[5], VIDEO[7])
DRAWN = "drawn.json"
_MARGIN = 24


@dataclass(frozen=True, slots=True)
class Order:
    """Ask for one picture of one person."""

    path: str
    seed: int
    pose: Pose

    @property
    def mark(self) -> str:
        """Digest the person and the pose: what the picture shows."""
        return hashlib.sha256(repr((identity(self.seed), self.pose)).encode()).hexdigest()[:16]


def orders(cast: dict[str, dict[str, int]]) -> list[Order]:
    """List every picture of a cast: everybody's first before anybody's second, calibration last."""
    ranked = [
        ((role == "calibration", rank), Order(f"{role}/{name}/{file}", seed, pose))
        for role, people in cast.items()
        for name, seed in people.items()
        for rank, (file, pose) in enumerate(_poses(role))
    ]
    return [order for _, order in sorted(ranked, key=lambda pair: pair[0])]


def _poses(role: str) -> Iterator[tuple[str, Pose]]:
    """List the pictures that a role needs of each of its people."""
    if role == "calibration":
        yield from ((f"{n}.jpg", pose) for n, pose in enumerate(CALIBRATION_POSES, 1))
        return
    if role.endswith("employee"):
        yield from ((f"photo-{n}.jpg", pose) for n, pose in enumerate(ENROLMENT, 1))
    yield from ((f"video-{n}.webp", pose) for n, pose in enumerate(VIDEO, 1))


def to_draw(wanted: list[Order], out: Path) -> list[Order]:
    """Return the orders whose picture is missing or shows somebody or something else."""
    drawn = _drawn(out)
    return [
        order for order in wanted if drawn.get(order.path) != order.mark or not (out / order.path).exists()
    ]


def _drawn(out: Path) -> dict[str, str]:
    """Read what a folder's pictures were drawn from."""
    path = out / DRAWN
    found: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def draw(order: Order, out: Path) -> None:
    """Draw one picture into a folder; it appears complete or not at all."""
    fine = render(identity(order.seed), order.pose, FINE_HEIGHT)
    person = np.asarray(Image.fromarray(fine).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))
    path = out / order.path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}")
    if path.suffix == ".jpg":
        Image.fromarray(_portrait(person)).save(part, "JPEG", quality=88)
    else:
        Image.fromarray(person).save(part, "WEBP", quality=85, method=6)
    part.replace(path)
    marks = json.dumps({**_drawn(out), order.path: order.mark}, indent=0, sort_keys=True)
    (out / DRAWN).write_text(marks + "\n")


def _portrait(person: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Set a person before a softly lit backdrop with some room around the head."""
    room = np.pad(person, ((_MARGIN, 0), (_MARGIN, _MARGIN), (0, 0)))
    rows, columns = np.mgrid[0 : room.shape[0], 0 : room.shape[1]]
    glow = 1.0 - 0.35 * ((rows / room.shape[0] - 0.4) ** 2 + (columns / room.shape[1] - 0.5) ** 2)
    backdrop = (np.array([150, 158, 166]) * glow[..., None]).astype(np.uint8)
    return on_backdrop(room, backdrop)


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m gatehouse_sample.people.draw")
    parser.add_argument("--out", type=Path, default=PICTURES)
    parser.add_argument("--cast", type=Path, default=CAST)
    options = parser.parse_args(arguments)
    wanted = orders(json.loads(options.cast.read_text()))
    missing = to_draw(wanted, options.out)
    say(f"{len(wanted)} pictures, {len(missing)} to draw")
    began = time.monotonic()
    for done, order in enumerate(missing, 1):
        draw(order, options.out)
        if done % 10 == 0 or done == len(missing):
            left = (time.monotonic() - began) / done * (len(missing) - done)
            say(f"{done} of {len(missing)} drawn, about {left:.0f} s left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
