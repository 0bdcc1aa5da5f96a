"""Describe a camera's stream (SDP, RFC 4566)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse_sample.cameras.rtp import PAYLOAD_TYPE

if TYPE_CHECKING:
    from gatehouse_sample.cameras.reel import Reel

TRACK = "trackID=0"


def describe(camera_id: str, reel: Reel) -> str:
    """Return a session description with one video track."""
    lines = (
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        f"s={camera_id}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {reel.coding}/90000",
        f"a=fmtp:{PAYLOAD_TYPE} {reel.parameters}",
        f"a=control:{TRACK}",
    )
    return "\r\n".join(lines) + "\r\n"
