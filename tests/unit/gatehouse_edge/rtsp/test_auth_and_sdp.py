"""What a camera says of itself and asks of us."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from gatehouse_edge.errors import CameraRefusedError
from gatehouse_edge.rtsp.auth import Authenticator
from gatehouse_edge.rtsp.sdp import video_track
from gatehouse_edge.rtsp.target import RtspTarget

SPS, PPS = bytes.fromhex("6742c01ed900a03db2"), bytes.fromhex("68cb83cb20")


def md5(text: bytes) -> str:
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def sdp(codec: str = "H264", fmtp: str = "", control: str = "track1") -> str:
    return (
        f"v=0\r\na=control:*\r\nm=audio 0 RTP/AVP 0\r\na=control:sound\r\nm=video 0 RTP/AVP 96\r\n"
        f"a=rtpmap:96 {codec}/90000\r\na=fmtp:96 packetization-mode=1{fmtp}\r\na=control:{control}\r\n"
    )


@pytest.mark.parametrize(
    ("base", "control", "url"),
    [
        ("rtsp://cam/live/", "track1", "rtsp://cam/live/track1"),
        ("rtsp://cam/live", "track1", "rtsp://cam/live/track1"),
        ("rtsp://cam/live", "rtsp://other/x", "rtsp://other/x"),
        ("rtsp://cam/live", "*", "rtsp://cam/live"),
    ],
)
def test_the_track_is_addressed_as_the_camera_says(base: str, control: str, url: str) -> None:
    assert video_track(sdp(control=control), base).control_url == url


def test_parameter_sets_are_taken_where_given() -> None:
    pair = ",".join(base64.b64encode(nal).decode() for nal in (SPS, PPS))
    sets = video_track(sdp(fmtp=f"; sprop-parameter-sets={pair}"), "rtsp://cam").sets
    assert sets is not None
    assert (sets.sps, sets.pps) == (SPS, PPS)
    assert video_track(sdp(fmtp=";sprop-parameter-sets=%%%"), "rtsp://cam").sets is None


def test_another_codec_is_refused_by_name() -> None:
    with pytest.raises(CameraRefusedError, match=r"H265.*set the profile's codec to H\.264"):
        video_track(sdp("H265"), "rtsp://cam")


def test_digest_answers_as_rfc_7616_shows() -> None:
    login = Authenticator("Mufasa", "Circle Of Life")
    login.challenge(['Basic realm="x"', 'Digest realm="r", nonce="n", opaque="o"'])
    answer = login.header("DESCRIBE", "rtsp://cam/live") or ""
    secret = md5(b"Mufasa:r:Circle Of Life")
    asked = md5(b"DESCRIBE:rtsp://cam/live")
    proof = md5(f"{secret}:n:{asked}".encode())
    assert f'response="{proof}"' in answer
    assert 'opaque="o"' in answer


def test_digest_prefers_the_stronger_hash_and_counts() -> None:
    login = Authenticator("a", "b")
    login.challenge(
        [
            'Digest realm="r", nonce="n", qop="auth"',
            'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256',
        ]
    )
    assert "algorithm=SHA-256" in (login.header("PLAY", "u") or "")
    assert "nc=00000002" in (login.header("PLAY", "u") or "")


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(CameraRefusedError, match="basic or digest"):
        Authenticator("a", "b").challenge(["NTLM"])


def test_credentials_leave_the_url_and_no_repr_shows_them() -> None:
    text = json.dumps({"url": "rtsp://us%40er:p%3Aw@cam.local/live?x=1"})
    target = RtspTarget.from_secret(text, "s")
    assert (target.username, target.password) == ("us@er", "p:w")
    assert target.url == "rtsp://cam.local:554/live?x=1"
    assert "p:w" not in repr(target)
    assert "p%3Aw" not in repr(target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"url": 5}',
        '{"url": "http://u:pw@h/"}',
        '{"url": "rtsp:///x"}',
        '{"url": "rtsp://u:pw@h:port/"}',
    ],
)
def test_an_unusable_secret_is_named_and_not_quoted(text: str) -> None:
    with pytest.raises(CameraRefusedError, match="secret gatehouse/x doesn't hold") as caught:
        RtspTarget.from_secret(text, "gatehouse/x")
    assert "pw" not in str(caught.value).replace("password", "")
    assert caught.value.__cause__ is None
