"""A part's log is bounded while the part goes on writing to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gatehouse_stack import log_files

WRITER = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


def test_a_long_log_is_emptied_and_its_writer_goes_on_at_the_beginning(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=output, text=True
        ) as part,
    ):
        assert part.stdin is not None
        part.stdin.write("old\n" * 300)
        part.stdin.flush()
        while log.stat().st_size < 1200:
            assert part.poll() is None
        assert log_files.bound(tmp_path, limit=1000) == [log]
        part.stdin.write("new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "part.log.1").read_text() == "old\n" * 300


def test_one_old_file_is_kept_and_short_logs_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "short.log").write_text("short")
    for text in ("first", "second"):
        (tmp_path / "long.log").write_text(text * 300)
        log_files.bound(tmp_path, limit=1000)
    assert (tmp_path / "short.log").read_text() == "short"
    assert (tmp_path / "long.log.1").read_text() == "second" * 300
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.log", "long.log.1", "short.log"]
