"""Keep the parts' logs from filling the disk while a stack is up."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LIMIT_BYTES = 50 * 1024**2


def bound(folder: Path, limit: int = LIMIT_BYTES) -> list[Path]:
    """Empty every log longer than `limit` bytes, keeping what it held as `<name>.log.1`; return those logs.

    Their writers go on undisturbed: they append, so the next line is the emptied file's first. A line
    written between the copy and the emptying is lost.
    """
    long = [log for log in sorted(folder.glob("*.log")) if log.stat().st_size > limit]
    for log in long:
        draft = log.with_suffix(".draft")
        shutil.copyfile(log, draft)
        os.truncate(log, 0)
        draft.replace(log.with_suffix(".log.1"))
    return long
