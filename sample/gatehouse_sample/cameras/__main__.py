"""Serve the sample company's cameras over RTSP until stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

from gatehouse_sample.cameras.server import load_cameras, serving
from gatehouse_sample.errors import SampleError

log = logging.getLogger("gatehouse_sample.cameras")


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m gatehouse_sample.cameras", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--company", type=Path, required=True, help="made by gatehouse_sample.company")
    parser.add_argument("--loops", type=Path, required=True, help="every loop's start is appended here")
    parser.add_argument("--faults", type=Path, help="JSON {camera id: fault} (faults.json of the company)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        asyncio.run(_serve(options))
    except SampleError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"port {options.port}: {error.strerror}; stop what holds it or choose another\n")
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    cameras = load_cameras(options.company, options.loops, options.faults)
    async with serving(cameras, options.host, options.port) as port:
        log.info("%d cameras at rtsp://%s:%d/<camera id>", len(cameras), options.host, port)
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
