"""Receive webhooks as a company's alerting system would, and remember every one.

POST /alerts keeps the body and its Idempotency-Key as one line of a JSON Lines file, flushed before
the answer; GET /alerts lists all of them. POST /fail {"times": n} makes the next n posts answer 503.

POST /operations is an HTTP subscription of SNS: it confirms itself, and keeps what operators are told in a
file beside the other; GET /operations lists it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import threading
import time
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

# Only AWS is asked to confirm: a SubscribeURL is what a stranger posted.
_SNS = re.compile(r"https://sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/")


class Received:
    """Keep what was posted, in order; survives a restart."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lock = threading.Lock()
        self.failures_left = 0

    def append(self, delivery: dict[str, object]) -> None:
        """Write one delivery through to the disk."""
        line = json.dumps(delivery, separators=(",", ":"))
        with self.lock, self.file.open("a") as out:
            out.write(line + "\n")
            out.flush()
            os.fsync(out.fileno())

    def all(self) -> list[dict[str, object]]:
        """Return every delivery, oldest first."""
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text().splitlines()]


def application(received: Received, told: Received, aws: httpx.AsyncClient) -> Starlette:
    """Build the sink's application: `received` are alerts, `told` is what operators are told."""

    async def health(_: Request) -> JSONResponse:
        return _ok(status="ok")

    return Starlette(routes=[*_alerts(received), *_operations(told, aws), Route("/healthz", health)])


def _alerts(received: Received) -> list[Route]:
    async def post(request: Request) -> JSONResponse:
        if received.failures_left > 0:
            received.failures_left -= 1
            return JSONResponse({"error": "told to fail"}, status_code=503)
        key = request.headers.get("idempotency-key", "")
        received.append({"key": key, "at": time.time(), "alert": await request.json()})
        return _ok(received=True)

    async def fetch(_: Request) -> JSONResponse:
        return JSONResponse(received.all())

    async def fail(request: Request) -> JSONResponse:
        received.failures_left = int((await request.json())["times"])
        return _ok(failures_left=received.failures_left)

    return [
        Route("/alerts", post, methods=["POST"]),
        Route("/alerts", fetch, methods=["GET"]),
        Route("/fail", fail, methods=["POST"]),
    ]


def _operations(told: Received, aws: httpx.AsyncClient) -> list[Route]:
    async def post(request: Request) -> JSONResponse:
        # SNS says text/plain, and means JSON.
        posted = json.loads(await request.body())
        if posted["Type"] == "SubscriptionConfirmation":
            return await _confirm(posted["SubscribeURL"], aws)
        message = json.loads(posted["Message"])
        told.append({"at": time.time(), "subject": posted.get("Subject", ""), "message": message})
        return _ok(received=True)

    async def fetch(_: Request) -> JSONResponse:
        return JSONResponse(told.all())

    return [
        Route("/operations", post, methods=["POST"]),
        Route("/operations", fetch, methods=["GET"]),
    ]


async def _confirm(url: str, aws: httpx.AsyncClient) -> JSONResponse:
    if not _SNS.match(url):
        return JSONResponse({"error": "that isn't AWS's address"}, status_code=400)
    (await aws.get(url)).raise_for_status()
    return _ok(confirmed=True)


def _ok(**said: object) -> JSONResponse:
    return JSONResponse(said)


def main() -> None:
    """Serve the sink on loopback."""
    parser = argparse.ArgumentParser(prog="python -m gatehouse_stack.sink", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--file", type=Path, required=True, help="where deliveries are kept, JSON Lines")
    options = parser.parse_args()
    told = Received(options.file.with_name("operations.jsonl"))
    app = application(Received(options.file), told, httpx.AsyncClient(timeout=10))
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
