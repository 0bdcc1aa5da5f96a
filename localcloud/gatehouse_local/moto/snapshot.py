"""Keep moto's whole state in one file from one run to the next.

The file is a line of JSON, which says whose state it is, and a pickle of all backends in a single dump,
so that what refers to each other still does. A pickle runs what it names when it is read: the file is
ours alone (mode 0600, in the run directory), and one that others could have written is refused.

`python -m gatehouse_local.moto.snapshot FILE` prints the epoch of a file that can be restored here, or
says why it can't and ends with 1.
"""

from __future__ import annotations

import contextlib
import copyreg
import importlib
import json
import marshal
import os
import pickle
import stat
import sys
import threading
import types
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from moto import __version__ as moto_version
from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend
from moto.core.model_instances import reset_model_data

from gatehouse_local.moto.epoch import MARKER, MARKER_ACCOUNT, MARKER_REGION

_FORMAT = 1
_LONGEST_HEADER = 1000


class SnapshotError(RuntimeError):
    """The file can't be restored, or not be written; the message says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """Say whose state a snapshot is; `epoch` is the marker in it, empty where moto had none."""

    format: int
    moto: str
    python: str
    epoch: str


def describe(path: Path) -> Header:
    """Read whose state a snapshot is, without restoring it; raise SnapshotError if it can't be used here."""
    with _reading(path) as file:
        return _header(file, path)


def restore(path: Path) -> Header:
    """Put every backend of the file into this process's moto, or none; raise SnapshotError."""
    with _reading(path) as file:
        header = _header(file, path)
        try:
            services = pickle.load(file)  # noqa: S301 - written by us, readable and writable by us alone
            for backends, extras, accounts in services:
                _put_back(backends, extras, accounts)
        except Exception as error:
            BackendDict.reset()
            reset_model_data()
            raise SnapshotError(f"{path} is damaged ({type(error).__name__}: {error})") from error
    return header


def save(path: Path) -> Header:
    """Write every backend's state, whole or not at all; no request may be under way meanwhile.

    Raise SnapshotError, leaving no file, where something in it can't be written.
    """
    header = Header(_FORMAT, moto_version, _python(), _epoch())
    draft = path.with_name(path.name + ".draft")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(json.dumps(asdict(header)).encode() + b"\n")
            _Pickler(file, pickle.HIGHEST_PROTOCOL).dump([_taken(one) for one in _in_use()])
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except Exception as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise SnapshotError(f"{path} can't be written ({type(error).__name__}: {error})") from error
    return header


def _in_use() -> list[Any]:
    return BackendDict._instances  # type: ignore[misc]


def _taken(backends: Any) -> tuple[Any, dict[str, Any], dict[str, dict[str, BaseBackend]]]:
    # S3's also knows which account owns a bucket's name.
    extras = {name: value for name, value in vars(backends).items() if name not in _OF_EVERY}
    return backends, extras, {account: dict(regions) for account, regions in backends.items()}


def _put_back(backends: Any, extras: dict[str, Any], accounts: dict[str, dict[str, BaseBackend]]) -> None:
    vars(backends).update(extras)
    for account, regions in accounts.items():
        for region, backend in regions.items():
            backends[account][region] = backend


_OF_EVERY = frozenset(vars(BackendDict(BaseBackend, "none")))


def _reduce_service(backends: Any) -> tuple[Any, ...]:
    """Name the module's own registry instead of copying it."""
    module = importlib.import_module(backends.backend.__module__)
    for name, value in vars(module).items():
        if value is backends:
            return _service, (module.__name__, name)
    raise pickle.PicklingError(f"the {backends.service_name} backends stand in no module")


def _service(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _reduce_account(regions: Any) -> tuple[Any, ...]:
    owners = (one for one in _in_use() if dict.get(one, regions.account_id) is regions)
    return _account, (next(owners), regions.account_id)


def _account(backends: Any, account: str) -> Any:
    return backends[account]


def _reduce_function(function: types.FunctionType) -> Any:
    """Take a default's factory along as code, which the header's Python version makes safe to read."""
    if "<" not in function.__qualname__ or function.__closure__:
        return NotImplemented
    return _function, (function.__module__, marshal.dumps(function.__code__))


def _function(module: str, code: bytes) -> types.FunctionType:
    return types.FunctionType(marshal.loads(code), vars(importlib.import_module(module)))  # noqa: S302 - ours


def _reduce_mapping(mapping: dict[Any, Any]) -> tuple[Any, ...]:
    """Take what a dict of moto's own really holds: S3's shows only an object's newest version."""
    kind = type(mapping)
    attributes, content = dict(vars(mapping)), dict(dict.items(mapping))
    if isinstance(mapping, defaultdict):
        attributes["default_factory"] = mapping.default_factory
    return copyreg.__newobj__, (kind,), (attributes, content), None, None, _fill  # type: ignore[attr-defined]


def _fill(mapping: dict[Any, Any], state: tuple[dict[str, Any], dict[Any, Any]]) -> None:
    attributes, content = state
    for name, value in attributes.items():
        setattr(mapping, name, value)
    dict.update(mapping, content)


class _Pickler(pickle.Pickler):
    """Pickle what moto's backends hold: a lock becomes a new one, a registry its name, a lambda its code."""

    dispatch_table = copyreg.dispatch_table | {
        type(threading.Lock()): lambda _: (threading.Lock, ()),
        type(threading.RLock()): lambda _: (threading.RLock, ()),
    }

    def reducer_override(self, thing: Any) -> Any:
        """Catch what no type in the table says."""
        if isinstance(thing, types.FunctionType):
            return _reduce_function(thing)
        # By their base class: a service may have a registry of its own.
        if isinstance(thing, BackendDict):
            return _reduce_service(thing)
        if isinstance(thing, AccountSpecificBackend):
            return _reduce_account(thing)
        if isinstance(thing, dict) and type(thing).__module__.startswith("moto."):
            return _reduce_mapping(thing)
        return NotImplemented


@contextlib.contextmanager
def _reading(path: Path) -> Any:
    try:
        file = path.open("rb")
    except OSError as error:
        raise SnapshotError(f"{path} can't be read ({error.strerror})") from error
    with file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise SnapshotError(f"{path} isn't this account's alone (its owner, mode 0600)")
        yield file


def _header(file: IO[bytes], path: Path) -> Header:
    try:
        header = Header(**json.loads(file.readline(_LONGEST_HEADER)))
    except (ValueError, TypeError) as error:
        raise SnapshotError(f"{path} is damaged: it doesn't begin as a snapshot does") from error
    for what, its, ours in (
        ("format", header.format, _FORMAT),
        ("moto", header.moto, moto_version),
        ("Python", header.python, _python()),
    ):
        if its != ours:
            raise SnapshotError(f"{path} is of {what} {its}, and here runs {ours}")
    return header


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _epoch() -> str:
    for backends in _in_use():
        if backends.service_name == "ssm" and MARKER_ACCOUNT in dict.keys(backends):
            marker = backends[MARKER_ACCOUNT][MARKER_REGION].get_parameter(MARKER)
            return str(marker.value) if marker else ""
    return ""


def main(words: list[str]) -> int:
    """Print the epoch of the file named; return 1 where it can't be restored here."""
    try:
        header = describe(Path(words[0]))
    except SnapshotError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{header.epoch}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
