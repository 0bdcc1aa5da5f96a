"""Run the parts that refuse root under another account.

OpenSearch and Postgres won't run as uid 0. initdb needs a name for its uid, so the account is
`nobody`, which every Debian has; nothing is written to the system's account files.
"""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path


def unprivileged() -> pwd.struct_passwd | None:
    """Return the account to drop to, or None when this process isn't root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def hand_over(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Give a folder and all in it to the account; links are changed, not followed."""
    if account is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def untraversable_parent(folder: Path, account: pwd.struct_passwd | None) -> Path | None:
    """Return the first parent of a folder that the account can't enter, outermost first."""
    if account is None:
        return None
    for parent in reversed(folder.resolve().parents):
        if not parent.exists():
            return None
        mode = parent.stat()
        owned = mode.st_uid == account.pw_uid and mode.st_mode & stat.S_IXUSR
        grouped = mode.st_gid == account.pw_gid and mode.st_mode & stat.S_IXGRP
        if not (owned or grouped or mode.st_mode & stat.S_IXOTH):
            return parent
    return None
