"""Keep fragments of one stream on disk, each a playable Matroska file named by its time.

A file appears whole or not at all (rename), so a killed proxy finds at its next start what it had
spooled. Not forced to the platter: a power cut may cost the last seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatehouse_edge.media import mkv

_SUFFIX = ".mkv"
_PART = ".part"


@dataclass(frozen=True, slots=True)
class SpooledFile:
    """One fragment on disk."""

    start_ms: int
    duration_ms: int
    size: int
    path: Path


class Spool:
    """The spool directory of one stream; blocking, call it in a thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def recover(self) -> list[SpooledFile]:
        """Return what an earlier process left, oldest first, and sweep its torn files."""
        if not self._directory.is_dir():
            return []
        found = []
        for path in self._directory.iterdir():
            if path.suffix == _PART:
                path.unlink(missing_ok=True)
            elif path.suffix == _SUFFIX:
                start, _, duration = path.stem.partition("-")
                if start.isdigit() and duration.isdigit():
                    found.append(SpooledFile(int(start), int(duration), path.stat().st_size, path))
        return sorted(found, key=lambda file: file.start_ms)

    def write(self, start_ms: int, duration_ms: int, header: bytes, cluster: bytes) -> SpooledFile:
        """Store one fragment; OSError when the disk doesn't take it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{start_ms:015d}-{duration_ms}{_SUFFIX}"
        part = path.with_suffix(_PART)
        with part.open("wb") as file:
            file.write(header)
            file.write(cluster)
        part.replace(path)
        return SpooledFile(start_ms, duration_ms, len(header) + len(cluster), path)

    def read(self, file: SpooledFile) -> tuple[bytes, bytes]:
        """Return header and Cluster; ValueError or OSError when the file is damaged or gone."""
        return mkv.split(file.path.read_bytes())

    def remove(self, file: SpooledFile) -> None:
        """Forget one fragment; done twice is done."""
        file.path.unlink(missing_ok=True)
