"""Be the Lambda runtime inside the child process: read events from one pipe, answer on another.

Started as `python -I -S bootstrap.py EVENT_FD ANSWER_FD`: neither site-packages nor the caller's
environment is visible, only the standard library and, from `LAMBDA_TASK_ROOT`, the unpacked zip. This
file imports nothing of the local cloud for the same reason. A frame is `>II` lengths, a JSON header
and a body; the parent's end of the event pipe closing ends the process.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import os
import struct
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

LENGTHS = struct.Struct(">II")
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100  # bytes; AWS's limit of a synchronous answer
Handler = Callable[[Any, "Context"], Any]


class Context:
    """Tell the handler about its invocation, with the attribute names AWS's runtime uses."""

    def __init__(self, header: dict[str, Any]) -> None:
        self.aws_request_id: str = header["request_id"]
        self.invoked_function_arn: str = header["function_arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = header.get("client_context")
        self._deadline = time.monotonic() + float(header["timeout"])

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left before the invocation is killed, never negative."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class RequestIdFilter(logging.Filter):
    """Put the current request id on every log record, as AWS's log format expects."""

    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, stamped."""
        record.aws_request_id = self.request_id
        return True


def main(event_fd: int, answer_fd: int) -> None:
    """Import the handler, report readiness, then serve events until the pipe closes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # keeps prints in order with what goes to stderr
    request_ids = _configure_logging()
    with os.fdopen(event_fd, "rb") as events, os.fdopen(answer_fd, "wb") as answers:
        handler, problem = _load(os.environ["_HANDLER"])
        _answer(answers, {"kind": "init_error" if problem else "ready"}, problem)
        if handler is None:
            return
        while (frame := _read(events)) is not None:
            header, body = frame
            request_ids.request_id = header["request_id"]
            _answer(answers, *_serve(handler, header, body))


def _serve(handler: Handler, header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """Call the handler; every exception but the interpreter's own exit becomes an error answer."""
    try:
        result = handler(json.loads(body), Context(header))
    except Exception as error:  # noqa: BLE001 - whatever user code raises is its answer
        return {"kind": "error"}, _describe(type(error).__name__, str(error), error)
    return _marshal(result)


def _marshal(result: Any) -> tuple[dict[str, Any], bytes]:
    try:
        body = json.dumps(result, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        return {"kind": "error"}, _describe("Runtime.MarshalError", f"Unable to marshal response: {error}")
    if len(body) > RESPONSE_LIMIT:
        message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
        return {"kind": "error"}, _describe("Function.ResponseSizeTooLarge", message)
    return {"kind": "result"}, body


def _load(spec: str) -> tuple[Handler | None, bytes]:
    """Import `module.function`; return it, or AWS's description of why it can't be."""
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    module_name, _, function_name = spec.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        return None, _describe("Runtime.ImportModuleError", message)
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        return None, _describe("Runtime.UserCodeSyntaxError", message, error)
    except Exception as error:  # noqa: BLE001 - module level code may raise anything
        return None, _describe(type(error).__name__, str(error), error)
    handler: Handler | None = getattr(module, function_name, None)
    if handler is None:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        return None, _describe("Runtime.HandlerNotFound", message)
    return handler, b""


def _describe(kind: str, message: str, error: BaseException | None = None) -> bytes:
    frames = traceback.extract_tb(error.__traceback__) if error else []
    own = [frame for frame in frames if frame.filename != __file__]
    trace = traceback.format_list(own)
    sys.stdout.write(f"[ERROR] {kind}: {message}\n{''.join(trace)}")
    body = {"errorMessage": message, "errorType": kind, "stackTrace": trace}
    return json.dumps(body, ensure_ascii=False).encode()


def _read(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    prefix = stream.read(LENGTHS.size)
    if len(prefix) < LENGTHS.size:
        return None
    header_length, body_length = LENGTHS.unpack(prefix)
    header: dict[str, Any] = json.loads(stream.read(header_length))
    return header, stream.read(body_length)


def _answer(stream: BinaryIO, header: dict[str, Any], body: bytes) -> None:
    """Write one frame, after everything the handler printed is in the log pipe."""
    sys.stdout.flush()
    sys.stderr.flush()
    encoded = json.dumps(header).encode()
    stream.write(LENGTHS.pack(len(encoded), len(body)) + encoded + body)
    stream.flush()


def _configure_logging() -> RequestIdFilter:
    """Log as AWS's Python runtime does: level, UTC time, request id, message, to standard output."""
    stamp = RequestIdFilter()
    stream = logging.StreamHandler(sys.stdout)
    layout = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    formatter = logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    stream.setFormatter(formatter)
    stream.addFilter(stamp)
    logging.getLogger().addHandler(stream)
    return stamp


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
