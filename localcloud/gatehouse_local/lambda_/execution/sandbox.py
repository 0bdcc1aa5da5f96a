"""Own one child process that runs one function: start it, hand it events, kill it at the timeout."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatehouse_local.lambda_.execution.bootstrap import LENGTHS
from gatehouse_local.lambda_.execution.outcome import Outcome, exited, timed_out

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Launch:
    """Say what a child runs: unpacked code, environment, and how long importing it may take (s)."""

    root: Path
    environment: dict[str, str]
    init_seconds: float


class Sandbox:
    """Serve one event at a time in a child process; not thread-safe, a pool hands it out.

    The child sees a clean environment, the standard library and its unpacked zip. Its output comes
    back over a pipe that is drained while an answer is awaited, so nothing printed before the answer
    is lost or attributed to the next invocation.
    """

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._started = False
        event_read, self._event_fd = os.pipe()
        self._answer_fd, answer_write = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(BOOTSTRAP), str(event_read), str(answer_write)],
            cwd=launch.root,
            env=launch.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(event_read, answer_write),
            start_new_session=True,
        )
        os.close(event_read)
        os.close(answer_write)

    @property
    def alive(self) -> bool:
        """Tell whether the child can take another event."""
        return self._process.poll() is None

    def invoke(self, request_id: str, function_arn: str, event: bytes, timeout: float) -> Outcome:
        """Run the handler once; `timeout` in seconds counts from delivery, after the import."""
        log = bytearray()
        failed = self._initialise(request_id, log)
        if failed is not None:
            return failed
        header = {"request_id": request_id, "function_arn": function_arn, "timeout": timeout}
        with suppress(BrokenPipeError):  # the child is gone: the missing answer says so
            self._send(header, event)
        return self._outcome(request_id, timeout, log)

    def kill(self) -> None:
        """End the child and everything it started; the only method safe from another thread."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the child and release the pipes; idempotent."""
        if self._process.returncode is None:
            self.kill()
        self._process.wait()
        for descriptor in (self._event_fd, self._answer_fd):
            with suppress(OSError):
                os.close(descriptor)
        self._event_fd = self._answer_fd = -1
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _initialise(self, request_id: str, log: bytearray) -> Outcome | None:
        if self._started:
            return None
        outcome = self._outcome(request_id, self._launch.init_seconds, log)
        self._started = outcome.error is None
        return None if self._started else outcome

    def _send(self, header: dict[str, Any], body: bytes) -> None:
        encoded = json.dumps(header).encode()
        view = memoryview(LENGTHS.pack(len(encoded), len(body)) + encoded + body)
        while view:
            view = view[os.write(self._event_fd, view) :]

    def _outcome(self, request_id: str, seconds: float, log: bytearray) -> Outcome:
        """Wait for one answer; a child that is late or gone is killed and described."""
        answer = self._receive(time.monotonic() + seconds, log)
        if answer is not None:
            header, body = answer
            failed = header["kind"] in ("error", "init_error")
            payload = _with_request_id(body, request_id) if failed else body
            return Outcome(payload, "Unhandled" if failed else None, bytes(log), request_id)
        late = self._still_running()
        self.close()
        if late:
            return timed_out(request_id, seconds, bytes(log))
        return exited(request_id, self._process.returncode, bytes(log))

    def _still_running(self) -> bool:
        """Tell a late child from one whose pipes have closed and which is about to be reaped."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2 if self._answer_closed else 0)
        return self._process.returncode is None

    def _receive(self, deadline: float, log: bytearray) -> tuple[dict[str, Any], bytes] | None:
        """Read one frame from the answer pipe, draining the log pipe meanwhile; None if none came."""
        answer = bytearray()
        self._answer_closed = False
        with selectors.DefaultSelector() as selector:
            selector.register(self._answer_fd, selectors.EVENT_READ, answer)
            selector.register(self._log_fd, selectors.EVENT_READ, log)
            while (remaining := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(remaining):
                    if not _pump(key):
                        selector.unregister(key.fileobj)
                        self._answer_closed |= key.fd == self._answer_fd
                frame = _parse(answer)
                if frame is not None or self._answer_closed:
                    self._drain_log(log)
                    return frame
        return None

    def _drain_log(self, log: bytearray) -> None:
        """Take what is in the log pipe now: the child flushed it before it answered."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._log_fd, selectors.EVENT_READ, log)
            while (ready := selector.select(0)) and _pump(ready[0][0]):
                continue

    @property
    def _log_fd(self) -> int:
        assert self._process.stdout is not None  # noqa: S101 - Popen was given a pipe
        return self._process.stdout.fileno()


def _pump(key: selectors.SelectorKey) -> bool:
    """Move what a pipe holds into its buffer; return False at its end."""
    data = os.read(key.fd, CHUNK)
    key.data.extend(data)
    return bool(data)


def _parse(buffer: bytearray) -> tuple[dict[str, Any], bytes] | None:
    if len(buffer) < LENGTHS.size:
        return None
    header_length, body_length = LENGTHS.unpack_from(buffer)
    end = LENGTHS.size + header_length
    if len(buffer) < end + body_length:
        return None
    return json.loads(buffer[LENGTHS.size : end]), bytes(buffer[end : end + body_length])


def _with_request_id(body: bytes, request_id: str) -> bytes:
    return json.dumps({**json.loads(body), "requestId": request_id}, ensure_ascii=False).encode()
