"""The archive is bounded, and a killed process leaves nothing half done in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse_local.kinesisvideo.archive import Archive, Received
from gatehouse_local.kinesisvideo.matroska import Cluster, DocumentHead

ARN, FOLDER = "arn:cam", "1/eu/abc"


def fragment(archive: Archive, second: int, weight: int = 100, arn: str = ARN, folder: str = FOLDER) -> str:
    head = DocumentHead(b"e", b"i", b"t", 1_000_000, frozenset({1}))
    cluster = Cluster(head, second * 1000, [second * 1000, second * 1000 + 500], {1}, True)
    cluster.body += bytes(weight)
    number = archive.next_number(arn, second)
    archive.append(arn, folder, Received(number, cluster, second * 1000, second * 1000, (("a", "b"),)))
    return number


def stored(archive: Archive, arn: str = ARN) -> list[str]:
    return [one.number for one in archive.starting_in(arn, "SERVER_TIMESTAMP", 0, 10**12, 0)]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Open an empty archive."""
    return Archive(tmp_path)


def test_what_was_stored_is_found_again_by_another_process(archive: Archive, tmp_path: Path) -> None:
    number = fragment(archive, 5)
    archive.close()
    again = Archive(tmp_path)
    entry = again.get(ARN, number)
    assert entry is not None
    assert (entry.producer_ms, entry.duration_ms, entry.frames, entry.key_frame) == (5000, 1000, 2, True)
    assert entry.attached == (("a", "b"),)
    assert len(again.read(entry) or b"") == entry.size
    assert again.next_number(ARN, 1) > number


def test_the_oldest_goes_first_when_the_bytes_run_out(archive: Archive, tmp_path: Path) -> None:
    numbers = [fragment(archive, second) for second in range(100, 105)]
    size = (tmp_path / FOLDER / f"{numbers[0]}.mkv").stat().st_size
    assert archive.prune(ARN, 0, 3 * size + 10) == 2 * size
    assert stored(archive) == numbers[2:]
    assert sorted(path.stem for path in (tmp_path / FOLDER).iterdir()) == numbers[2:]


def test_what_is_past_retention_goes_whatever_the_size(archive: Archive) -> None:
    numbers = [fragment(archive, second) for second in range(4)]
    assert archive.prune(ARN, 2000, 10**9) == 0
    assert stored(archive) == numbers[2:]


def test_expired_fragments_are_out_of_sight_before_they_are_swept(archive: Archive) -> None:
    numbers = [fragment(archive, second) for second in range(4)]
    found = archive.after(ARN, "", since_ms=3000)
    assert found is not None
    assert found.number == numbers[3]


def test_a_start_removes_what_a_kill_left_behind(archive: Archive, tmp_path: Path) -> None:
    number = fragment(archive, 1)
    fragment(archive, 1, arn="arn:gone", folder="1/eu/gone")
    (tmp_path / FOLDER / "9134.partial").write_bytes(b"half")
    (tmp_path / FOLDER / "9134.mkv").write_bytes(b"never indexed")
    archive.reconcile([FOLDER])
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [f"{number}.mkv"]
    assert not (tmp_path / "1/eu/gone").exists()
    assert stored(archive, "arn:gone") == []
    assert stored(archive) == [number]


def test_a_file_removed_under_a_reader_is_no_error(archive: Archive, tmp_path: Path) -> None:
    number = fragment(archive, 1)
    entry = archive.get(ARN, number)
    assert entry is not None
    archive.prune(ARN, 9000, 10**9)
    assert archive.read(entry) is None


def test_numbers_grow_though_the_clock_steps_back(archive: Archive) -> None:
    numbers = [archive.next_number(ARN, now) for now in (100.0, 100.0, 50.0, 100.1)]
    assert numbers == sorted(set(numbers))
