"""Run moto's own server and keep its state over a restart: `python -m gatehouse_local.moto.server`.

An orderly stop (SIGTERM, SIGINT) writes a snapshot, the next start restores it and deletes it before it
serves. So a process that was killed leaves none and the next one begins empty: the front door notices by
its marker and refuses, rather than to mix what is new with what it remembers. Snapshots: `snapshot.py`.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from gatehouse_local.moto import snapshot
from gatehouse_local.moto.gate import Gate
from gatehouse_local.moto.snapshot import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("gatehouse_local.moto")

_STOPS = (signal.SIGTERM, signal.SIGINT)

DRAIN_SECONDS = 30.0
"""How long calls under way may take to end; SQS receives wait for up to 20 s."""


def serve(host: str, port: int, file: Path, wait_for_stop: Callable[[], object]) -> bool:
    """Serve until `wait_for_stop` returns; return whether the state was saved."""
    gate = Gate(DomainDispatcherApplication(create_backend_app))
    # The port first: a start that fails for it leaves the snapshot to the next one.
    server = make_server(host, port, gate, threaded=True, request_handler=MotoRequestHandler)
    bring_back(file)
    accepting = threading.Thread(target=server.serve_forever, name="accept")
    accepting.start()
    log.info("ready at http://%s:%d", host, server.port)
    wait_for_stop()
    server.shutdown()
    accepting.join()
    if not gate.close(DRAIN_SECONDS):
        log.error("calls are under way after %g s: nothing is saved, the next start is empty", DRAIN_SECONDS)
        return False
    return put_away(file)


def bring_back(file: Path) -> None:
    """Restore the snapshot and delete it; begin empty, saying why, where there is none or it is unfit."""
    if not file.exists():
        log.info("begins empty: there is no snapshot at %s", file)
        return
    began = time.monotonic()
    try:
        snapshot.restore(file)
    except SnapshotError as error:
        aside = file.with_name(file.name + ".refused")
        log.error("begins empty: %s. It is set aside as %s", error, aside)  # noqa: TRY400 - the message is all
        file.replace(aside)
        return
    file.unlink()
    log.info("goes on with the state of %s, restored in %.1f s", file, time.monotonic() - began)


def put_away(file: Path) -> bool:
    """Write the snapshot; return whether that worked, and say so either way."""
    began = time.monotonic()
    try:
        snapshot.save(file)
    except SnapshotError as error:
        log.error("nothing is saved, the next start is empty: %s", error)  # noqa: TRY400 - the message is all
        return False
    size = file.stat().st_size / 1e6
    log.info("state saved in %s: %.1f MB in %.1f s", file, size, time.monotonic() - began)
    return True


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop; return 0 only if the state was saved."""
    parser = argparse.ArgumentParser(
        prog="python -m gatehouse_local.moto.server",
        description="moto_server with a memory: state is saved on SIGTERM and restored at the next start.",
        epilog="example: python -m gatehouse_local.moto.server --port 24101 --snapshot .run/moto.snapshot",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--snapshot", type=Path, required=True, help="file that keeps the state meanwhile")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # A line per request is in the front door's call log already; errors of moto's stay.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    os.environ.setdefault("MOTO_PORT", str(options.port))  # as moto's own main does
    # Blocked before any thread starts, and taken by `sigwait`: no handler depends on which thread the kernel
    # picks, and a stop that comes while the state is read waits until it can be written again.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    saved = serve(options.host, options.port, options.snapshot, lambda: signal.sigwait(_STOPS))
    return 0 if saved else 1


if __name__ == "__main__":
    sys.exit(main())
