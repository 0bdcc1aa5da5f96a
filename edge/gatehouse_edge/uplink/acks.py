"""Understand PutMedia's acknowledgements (aws.md §3): JSON objects streamed while we still send."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from gatehouse_edge.errors import FragmentRefusedError, UplinkError

AckKind = Literal["BUFFERING", "RECEIVED", "PERSISTED", "ERROR", "IDLE"]

# What the fragment itself did wrong: sending it again can't help.
_REFUSALS = {
    4001: "larger than 50 MB: lower the camera's bit rate or I-frame interval",
    4002: "longer than AWS takes: set the camera's I-frame interval to 1–2 s",
    4004: "not later than the one before: Kinesis Video has it, or the camera's clock went back",
    4006: "not valid Matroska for AWS: report this with the camera's model",
    4007: "stamped with a time AWS refuses: set the camera's clock by NTP",
    4009: "carrying too many tags: report this",
    4010: "of another track than the stream began with: the proxy starts a new connection",
    4011: "without pictures of every track: check the camera's encoder",
    4012: "of too many tracks: report this",
}
# AWS's quota page names it, its list of ids doesn't.
_UNNUMBERED = {"MIN_FRAGMENT_DURATION_REACHED": "shorter than AWS takes: set the I-frame interval to 1–2 s"}
_CAUSES = {
    4000: "AWS could not read the upload",
    4003: "the connection grew too old",
    4005: "the stream has too many connections",
    4008: "the stream is not ACTIVE: wait, or look at it in the console",
    5000: "AWS failed inside",
    5001: "AWS could not store the fragment",
}


@dataclass(frozen=True, slots=True)
class Ack:
    """One acknowledgement; `timecode` is the fragment's start in ms."""

    kind: AckKind
    timecode: int | None = None
    error_id: int = 0
    error_code: str = ""

    def error(self) -> UplinkError:
        """Say what an ERROR means; FragmentRefusedError where one fragment is to blame."""
        name = f"{self.error_id or ''} {self.error_code}".strip()
        refusal = _REFUSALS.get(self.error_id) or _UNNUMBERED.get(self.error_code)
        if refusal and self.timecode is not None:
            return FragmentRefusedError(
                f"Kinesis Video refused a fragment ({name}): {refusal}", self.timecode
            )
        if 4500 <= self.error_id <= 4506:
            return UplinkError(f"Kinesis Video can't use the stream's KMS key ({name}): check key and grants")
        cause = _CAUSES.get(self.error_id, "an error this version doesn't know")
        return UplinkError(f"Kinesis Video ended the upload ({name}): {cause}; the proxy sends again")


class AckReader:
    """Cut the answer's bytes into acknowledgements, however they were chunked or separated."""

    def __init__(self) -> None:
        self._text = ""
        self._decoder = json.JSONDecoder()

    def feed(self, data: bytes) -> list[Ack]:
        """Return the acknowledgements completed by `data`; UplinkError when it isn't JSON."""
        self._text += data.decode("utf-8", "replace")
        found: list[Ack] = []
        while text := self._text.lstrip():
            try:
                body, end = self._decoder.raw_decode(text)
            except json.JSONDecodeError:
                if len(text) > 4096 or not text.startswith("{"):
                    raise UplinkError("PutMedia answered with something that isn't an ACK") from None
                self._text = text
                return found
            self._text = text[end:]
            if isinstance(body, dict):
                found.append(_ack(body))
        self._text = ""
        return found


def _ack(body: dict[str, Any]) -> Ack:
    # AWS's live service nests nothing, older documents show an "Acknowledgement" envelope.
    inner = body.get("Acknowledgement")
    fields = inner if isinstance(inner, dict) else body
    timecode = fields.get("FragmentTimecode")
    return Ack(
        kind=fields.get("EventType", "IDLE"),
        timecode=int(timecode) if timecode is not None else None,
        error_id=int(fields.get("ErrorId") or 0),
        error_code=str(fields.get("ErrorCode") or ""),
    )
