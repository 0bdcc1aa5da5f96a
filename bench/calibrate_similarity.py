"""Derive a similarity scale of the local face engine from a folder of faces.

    python bench/calibrate_similarity.py --faces DIR [--exclude NAME …] [--name real-faces] [--out FILE]

DIR holds one folder a person (`DIR/<person>/*.jpg`). People named by --exclude take no part: those that tests
or samples use, so that no threshold is tried on the faces that set it. The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gatehouse_local.engine.calibration import (
    ANCHORS,
    CalibrationError,
    Rates,
    Trials,
    fit_scale,
    measure,
    run_trials,
)
from gatehouse_local.engine.errors import EngineError
from gatehouse_local.engine.faces import PHOTO_UPSAMPLE, FaceEngine

if TYPE_CHECKING:
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from gatehouse_local.engine.faces import Face
    from gatehouse_local.engine.scale import Scale

_SUFFIXES = {".jpg", ".jpeg", ".png"}


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        people = find_people(arguments.faces, set(arguments.exclude))
        vectors = embed(people, arguments.workers)
        trials = run_trials(vectors)
    except CalibrationError as error:
        print(f"calibrate_similarity: {error}", file=sys.stderr)
        return 2
    scale = fit_scale(arguments.name, trials)
    rates = measure(scale, trials)
    print_table(scale, trials, rates)
    document = describe(scale, trials, rates, arguments)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
        print(f"written: {arguments.out}")
    figures = {"midpoint": document["midpoint"], "width": document["width"], **document["measured"]}
    print(json.dumps({"name": "calibrate_similarity", "figures": figures, "peers": {}, "ratios": {}}))
    return 0


def find_people(folder: Path, exclude: set[str]) -> dict[str, list[Path]]:
    """Return each person's photos; an absent folder or an unknown excluded name is an error."""
    if not folder.is_dir():
        raise CalibrationError(
            f"no folder {folder}: nothing was measured; give one of DIR/<person>/*.jpg with --faces"
        )
    people = {
        child.name: sorted(photo for photo in child.iterdir() if photo.suffix.lower() in _SUFFIXES)
        for child in sorted(folder.iterdir())
        if child.is_dir()
    }
    unknown = sorted(exclude - people.keys())
    if unknown:
        raise CalibrationError(f"--exclude names people who are not in {folder}: {', '.join(unknown)}")
    return {name: photos for name, photos in people.items() if name not in exclude}


def embed(people: dict[str, list[Path]], workers: int) -> dict[str, NDArray[np.float32]]:
    """Return the vectors of each photo's largest face; a photo without a face is named and left out."""
    engine = FaceEngine(workers)
    try:
        pending = {
            name: [(photo, _ask(engine, photo)) for photo in photos] for name, photos in people.items()
        }
        vectors = {}
        for done, (name, asked) in enumerate(pending.items(), start=1):
            rows = [row for row in (_vector(photo, answer) for photo, answer in asked) if row is not None]
            vectors[name] = np.stack(rows) if rows else np.zeros((0, 128), np.float32)
            if sys.stderr.isatty():
                print(f"\r{done} of {len(pending)} people", end="", file=sys.stderr, flush=True)
        return vectors
    finally:
        engine.close()


def _ask(engine: FaceEngine, photo: Path) -> Future[list[Face]]:
    return engine.analyse(photo.read_bytes(), upsample=PHOTO_UPSAMPLE, embed_largest=1)


def _vector(photo: Path, answer: Future[list[Face]]) -> NDArray[np.float32] | None:
    try:
        faces = answer.result()
    except EngineError as error:
        print(f"\nleft out: {photo.parent.name}/{photo.name}: {error}", file=sys.stderr)
        return None
    if not faces:
        print(f"\nleft out: {photo.parent.name}/{photo.name}: no face found", file=sys.stderr)
        return None
    return faces[0].vector


def print_table(scale: Scale, trials: Trials, rates: list[Rates]) -> None:
    """Print what was measured."""
    print(f"scale {scale.name}: 100 / (1 + exp((distance - {scale.midpoint:.4f}) / {scale.width:.4f}))")
    print(f"{trials.people} people, {trials.photos} photos, {len(trials.genuine)} genuine pairs,", end=" ")
    print(f"{trials.impostor_pairs} impostor pairs, {len(trials.stranger_nearest)} stranger searches")
    print("similarity  distance   TPIR   FPIR")
    for rate in rates:
        tpir = "    -" if rate.tpir is None else f"{rate.tpir:.3f}"
        print(f"{rate.similarity:>10}  {rate.distance:8.3f}  {tpir}  {rate.fpir:.4f}")


def describe(
    scale: Scale, trials: Trials, rates: list[Rates], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Return the scale file's content."""
    excluded = sorted(arguments.exclude)
    command = ["python", "bench/calibrate_similarity.py", "--faces", "DIR", "--name", scale.name]
    return {
        "name": scale.name,
        "formula": "similarity = 100 / (1 + exp((distance - midpoint) / width))",
        "midpoint": round(scale.midpoint, 5),
        "width": round(scale.width, 5),
        "note": "The local engine's own scale (dlib ResNet v1 distances), not Amazon Rekognition's.",
        "derived": {
            "date": datetime.now(UTC).date().isoformat(),
            "command": shlex.join([*command, *(["--exclude", *excluded] if excluded else [])]),
            "rule": "; ".join(
                f"{similarity:g} lets {share:.2%} of strangers pass" for similarity, share in ANCHORS
            )
            + " (nearest of one photo of everyone else, normal fit)",
            "excluded": excluded,
        },
        "measured": {
            "people": trials.people,
            "photos": trials.photos,
            "genuine_pairs": len(trials.genuine),
            "impostor_pairs": trials.impostor_pairs,
            "gallery_size": trials.people - 1,
            "stranger_searches": len(trials.stranger_nearest),
            "rates": [{key: _rounded(value) for key, value in asdict(rate).items()} for rate in rates],
        },
    }


def _rule() -> str:
    promises = (f"{similarity:g} lets {share:.2%} of strangers pass" for similarity, share in ANCHORS)
    return "; ".join(promises) + " (distance to the nearest of one photo of everyone else, normal fit)"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Derive a similarity scale from a folder of faces.")
    parser.add_argument("--faces", type=Path, required=True, help="folder of DIR/<person>/*.jpg")
    parser.add_argument("--exclude", nargs="*", default=[], metavar="NAME", help="people that take no part")
    parser.add_argument("--name", default="real-faces", help="the scale's name")
    parser.add_argument("--out", type=Path, help="write the scale file here")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
