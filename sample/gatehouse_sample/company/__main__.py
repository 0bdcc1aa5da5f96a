"""Make the sample company's folder: roster, photos, videos with ground truth, camera passwords."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse_sample.company.build import plan_company, write_company
from gatehouse_sample.company.faces import photographed_cast
from gatehouse_sample.company.offices import read_places
from gatehouse_sample.company.people import drawn_cast
from gatehouse_sample.errors import SampleError
from gatehouse_sample.people.draw import PICTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gatehouse_sample.company.people import Cast

CONFIG = Path(__file__).parents[3] / "config"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:5.1f} s  {text}\n")

    try:
        places = read_places(options.config)
        if options.faces is None:
            cast = drawn_cast(PICTURES)
        else:
            cast = _photographed(options.faces, options.out, say)
        company = plan_company(cast, places)
        write_company(company, options.out, options.workers, say)
    except SampleError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    say(f"{options.out}: {len(cast.employees)} employees, {len(cast.strangers)} strangers, ready")
    return 0


def _photographed(folder: Path, out: Path, say: Callable[[str], None]) -> Cast:
    """Make the cast from photos; what could not be used is said, and listed in `not-used.txt`."""
    refused: list[str] = []

    def refuse(path: Path, why: str) -> None:
        refused.append(f"{path.relative_to(folder)}: {why}")
        say(f"not used: {refused[-1]}")

    out.mkdir(parents=True, exist_ok=True)
    try:
        return photographed_cast(folder, out / "looks", say, refuse)
    finally:
        (out / "not-used.txt").write_text("".join(f"{line}\n" for line in refused))


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(prog="python -m gatehouse_sample.company", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    faces = os.environ.get("GATEHOUSE_FACES")
    parser.add_argument(
        "--faces",
        type=Path,
        default=Path(faces) if faces else None,
        help="a folder of photos, DIR/<identity>/*.jpg, in place of the drawn people (GATEHOUSE_FACES)",
    )
    config = Path(os.environ.get("GATEHOUSE_CONFIG") or CONFIG)
    parser.add_argument("--config", type=Path, default=config, help="Gatehouse's config folder")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="videos made at a time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
