"""Read what a camera says of itself in DESCRIBE's answer (RFC 4566, RFC 6184 §8.1)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import urljoin

from gatehouse_edge.errors import CameraRefusedError
from gatehouse_edge.media.h264 import PPS, SPS, ParameterSets


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The H.264 track to set up; `sets` is None where only the stream carries parameter sets."""

    control_url: str
    payload_type: int
    sets: ParameterSets | None


@dataclass(slots=True)
class _Media:
    kind: str
    payload_type: int
    codec: str = ""
    control: str = ""
    format: dict[str, str] = field(default_factory=dict)


def video_track(sdp: str, base_url: str) -> VideoTrack:
    """Choose the first H.264 track; CameraRefusedError when there is none."""
    tracks = [media for media in _media(sdp) if media.kind == "video"]
    for track in tracks:
        if track.codec == "H264":
            url = _control_url(base_url, track.control)
            return VideoTrack(url, track.payload_type, _parameter_sets(track.format))
    if not tracks:
        raise CameraRefusedError(
            "the camera offers no video track: choose the URL of its video profile in the secret"
        )
    codecs = ", ".join(track.codec or "an unnamed codec" for track in tracks)
    raise CameraRefusedError(
        f"the camera sends {codecs}, Rekognition reads H.264 only: set the profile's codec to H.264"
    )


def _media(sdp: str) -> list[_Media]:
    found: list[_Media] = []
    for line in sdp.splitlines():
        name, _, value = line.strip().partition("=")
        if name == "m":
            words = value.split()
            number = int(words[3]) if len(words) > 3 and words[3].isdigit() else -1
            found.append(_Media(words[0] if words else "", number))
        elif name == "a" and found:
            _attribute(found[-1], value)
    return found


def _attribute(media: _Media, value: str) -> None:
    name, _, rest = value.partition(":")
    if name == "control":
        media.control = rest.strip()
    elif name == "rtpmap":
        media.codec = rest.partition(" ")[2].partition("/")[0].strip().upper()
    elif name == "fmtp":
        for pair in rest.partition(" ")[2].split(";"):
            key, _, text = pair.strip().partition("=")
            media.format[key.lower()] = text


def _control_url(base_url: str, control: str) -> str:
    if control in ("", "*"):
        return base_url
    if "://" in control:
        return control
    return urljoin(base_url if base_url.endswith("/") else base_url + "/", control)


def _parameter_sets(form: dict[str, str]) -> ParameterSets | None:
    found: dict[int, bytes] = {}
    for text in form.get("sprop-parameter-sets", "").split(","):
        try:
            nal = base64.b64decode(text)
        except binascii.Error:
            continue  # optional by the RFC: the stream repeats the sets
        if nal:
            found.setdefault(nal[0] & 31, nal)
    if SPS in found and PPS in found and len(found[SPS]) > 4:
        return ParameterSets(found[SPS], found[PPS])
    return None
