"""Say how an invocation ended, in the words AWS's service uses."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold one invocation's answer.

    `error` is None or what the X-Amz-Function-Error header says; `log` is what the function printed.
    """

    payload: bytes
    error: str | None
    log: bytes
    request_id: str


def timed_out(request_id: str, seconds: float, log: bytes) -> Outcome:
    """Describe an invocation killed at its timeout."""
    message = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
    return _unhandled("Sandbox.Timedout", message, log, request_id)


def exited(request_id: str, return_code: int, log: bytes) -> Outcome:
    """Describe a child that ended without answering; a negative code is the signal that ended it."""
    if return_code < 0:
        reason = f"Runtime exited with error: signal: {_signal_name(-return_code)}"
    elif return_code:
        reason = f"Runtime exited with error: exit status {return_code}"
    else:
        reason = "Runtime exited without providing a reason"
    return _unhandled("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}", log, request_id)


def _unhandled(kind: str, message: str, log: bytes, request_id: str) -> Outcome:
    payload = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return Outcome(payload, "Unhandled", log, request_id)


def _signal_name(number: int) -> str:
    names = {6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated"}
    return names.get(number, str(number))
