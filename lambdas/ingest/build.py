"""Build the ingest function's zip: `python lambdas/ingest/build.py [--out build/ingest.zip]`.

The zip holds what uv.lock pins for the dependency group `lambda` (less what nothing in it imports), the
parts of `gatehouse` the function uses, and `gatehouse_ingest`. The same inputs give the same bytes, and
unchanged inputs build nothing. uv is taken from GATEHOUSE_UV, else from PATH.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
OWN = ("alerts", "ingest", "office", "search")
# opensearch-py asks for gRPC and the function speaks HTTP; powertools would add a second batch loop.
UNUSED = ("grpcio", "protobuf", "opensearch-protobufs", "aws-lambda-powertools")
# The services the function calls; botocore ships some four hundred.
SERVICES = frozenset({"kinesis-video-archived-media", "kinesisvideo", "s3", "sns", "sts"})
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "tests", "bin")
KEPT_OF_DIST_INFO = frozenset({"METADATA", "entry_points.txt"})
# The oldest time a zip can say.
EPOCH = (1980, 1, 1, 0, 0, 0)
LARGEST = 50_000_000


class BuildError(Exception):
    """Raise when the zip can't be built; says what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Build unless nothing changed; returns the process's exit status."""
    parser = argparse.ArgumentParser(description="Build the ingest function's zip.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "ingest.zip")
    parser.add_argument(
        "--platform", help="as uv names it; for AWS from another system: x86_64-manylinux2014"
    )
    options = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        built = build(options.out, options.platform)
    except BuildError as error:
        print(f"ingest.zip was not built: {error}", file=sys.stderr)
        return 1
    size = options.out.stat().st_size / 1e6
    verb = "built" if built else "unchanged"
    print(f"{options.out.name} {verb}: {size:.1f} MB, {time.monotonic() - started:.1f} s")
    return 0


def build(out: Path, target: str | None = None) -> bool:
    """Write the zip unless `out` was made from the same inputs; returns whether it was written."""
    requirements = _export()
    digest = _digest(requirements, target)
    note = out.with_suffix(".inputs")
    if out.exists() and note.exists() and note.read_text() == digest:
        return False
    with tempfile.TemporaryDirectory(prefix="gatehouse-ingest-") as name:
        folder = Path(name)
        _install(requirements, folder, target)
        _prune(folder)
        _copy_own(folder)
        out.parent.mkdir(parents=True, exist_ok=True)
        _pack(folder, out)
    note.write_text(digest)
    return True


def _uv(*arguments: str) -> str:
    uv = os.environ.get("GATEHOUSE_UV") or shutil.which("uv")
    if not uv:
        raise BuildError("uv isn't on PATH. Set GATEHOUSE_UV to its path (make does).")
    run = subprocess.run([uv, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        raise BuildError(f"uv {arguments[0]} failed:\n{run.stderr.strip()}")
    return run.stdout


def _export() -> str:
    """Return the group's pinned requirements, as uv.lock has them."""
    pruned = [part for name in UNUSED for part in ("--prune", name)]
    return _uv("export", "--frozen", "--only-group", "lambda", "--no-emit-project", "--no-header", *pruned)


def _install(requirements: str, folder: Path, target: str | None) -> None:
    listing = folder.parent / f"{folder.name}.txt"
    listing.write_text(requirements)
    chosen = ["--python-platform", target, "--only-binary", ":all:"] if target else []
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        _uv(
            "pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--python-version", version,
            "--target", str(folder), "--requirements", str(listing), *chosen,
        )  # fmt: skip
    finally:
        listing.unlink()


def _prune(folder: Path) -> None:
    """Drop what never runs: installers' notes, caches, tests, and services that aren't called."""
    for service in (folder / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)
    for info in folder.glob("*.dist-info"):
        for entry in [path for path in info.iterdir() if path.name not in KEPT_OF_DIST_INFO]:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.rmtree(folder / "boto3" / "examples", ignore_errors=True)
    for name in ("bin", ".lock"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for junk in [*folder.rglob("__pycache__"), *folder.rglob("tests")]:
        shutil.rmtree(junk, ignore_errors=True)


def _copy_own(folder: Path) -> None:
    domain = ROOT / "include" / "gatehouse"
    (folder / "gatehouse").mkdir()
    for name in ("__init__.py", "exceptions.py"):
        shutil.copy(domain / name, folder / "gatehouse" / name)
    for name in OWN:
        shutil.copytree(domain / name, folder / "gatehouse" / name, ignore=LEFT_OUT)
    shutil.copytree(
        ROOT / "lambdas" / "ingest" / "gatehouse_ingest", folder / "gatehouse_ingest", ignore=LEFT_OUT
    )


def _pack(folder: Path, out: Path) -> None:
    """Write the zip so that the same files give the same bytes, and never half of it."""
    draft = out.with_suffix(".part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as package:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if path.suffix == ".so" else 0o644) << 16
            package.writestr(entry, path.read_bytes())
    size = draft.stat().st_size
    if size > LARGEST:
        draft.unlink()
        raise BuildError(f"{size / 1e6:.0f} MB is more than Lambda takes directly (50 MB). Prune more of it.")
    draft.replace(out)


def _digest(requirements: str, target: str | None) -> str:
    """Return a digest of everything that decides what the zip holds."""
    state = hashlib.sha256()
    place = (target or f"{platform.system()} {platform.machine()}", sys.version_info[:2])
    state.update(f"{requirements}\0{place}\0".encode())
    for path in _sources():
        state.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def _sources() -> Iterator[Path]:
    yield Path(__file__).resolve()
    domain = ROOT / "include" / "gatehouse"
    folders = [domain / name for name in OWN] + [ROOT / "lambdas" / "ingest" / "gatehouse_ingest"]
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    found += [domain / "__init__.py", domain / "exceptions.py"]
    yield from sorted(path for path in found if path.suffix != ".pyc")


if __name__ == "__main__":
    sys.exit(main())
