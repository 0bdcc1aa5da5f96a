"""An ordered probe plays within the camera's own connection, once, and says how it went."""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import av
import numpy as np
import pytest

from gatehouse.office.edge import DesiredCamera, EdgeDesired, ObservedCamera, ProbeOrder
from gatehouse_edge.office.probes import Clips

KEY = "probe/clip.mp4"


def mp4(level: int = 230, seconds: int = 3, fps: int = 12, codec: str = "libx264", gop: int = 12) -> bytes:
    """Draw a clip of another size and profile than the camera's film."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as out:
        stream = out.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        if codec == "libx264":
            stream.options = {"g": str(gop), "bf": "0", "profile": "baseline", "sc_threshold": "0"}
        for _ in range(seconds * fps):
            pixels = np.full((240, 320, 3), level, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    return sink.getvalue()


@pytest.fixture(scope="module")
def clip() -> bytes:
    return mp4()


def order(clip: bytes, lead_s: float = 2.5, probe_id: str = "p1", **fields: Any) -> ProbeOrder:
    start = int(time.time()) + lead_s
    return ProbeOrder(
        **{
            "probe_id": probe_id,
            "clip_key": KEY,
            "clip_sha256": hashlib.sha256(clip).hexdigest(),
            "start": datetime.fromtimestamp(start, UTC),
            "end": datetime.fromtimestamp(start + 2, UTC),
        }
        | fields
    )


def desire(cloud: Any, version: int, probe: ProbeOrder | None, *, enabled: bool = True) -> None:
    camera = DesiredCamera(
        camera_id="CAM_1", stream_name="gatehouse-CAM_1", rtsp_secret="CAM_1", probe=probe, enabled=enabled
    )
    cloud.desired = EdgeDesired(office="berlin", region="eu-central-1", version=version, cameras=(camera,))


def observed(cloud: Any) -> ObservedCamera:
    camera: ObservedCamera = cloud.observed[-1].cameras[0]
    return camera


def state(cloud: Any, probe_id: str = "p1") -> Callable[[], str | None]:
    def of_probe() -> str | None:
        cameras = cloud.observed[-1].cameras if cloud.observed else ()
        return cameras[0].probe_state if cameras and cameras[0].probe_id == probe_id else None

    return of_probe


def shown(body: bytes) -> list[tuple[int, int]]:
    """Decode an upload as one continuous stream: each picture's time in ms and its height."""
    with av.open(io.BytesIO(body)) as document:
        return [(round(one.pts * one.time_base * 1000), one.height) for one in document.decode(video=0)]


async def test_the_clip_plays_within_the_connection_and_decodes_at_both_edges(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any, clip: bytes
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    fake_cloud.clips[KEY] = clip
    desire(fake_cloud, 1, None)
    running = await office()
    await until(lambda: put_media.persisted)
    probe = order(clip)
    desire(fake_cloud, 2, probe)
    await until(lambda: state(fake_cloud)() == "played")
    await until(lambda: put_media.persisted[-1] >= probe.end_ms)
    await running.stop()
    assert (camera.connections, len(put_media.bodies)) == (1, 1)
    pictures = shown(bytes(put_media.bodies[0]))
    assert {height for at, height in pictures if probe.start_ms <= at < probe.end_ms} == {240}
    assert {height for at, height in pictures if not probe.start_ms <= at < probe.end_ms} == {128}
    assert len([at for at, height in pictures if height == 240]) == 24
    assert put_media.persisted[-1] >= probe.end_ms
    assert observed(fake_cloud).probe_id == "p1"


async def test_a_proxy_killed_in_a_probe_doesn_t_play_it_again(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any, clip: bytes, tmp_path: Path
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    fake_cloud.clips[KEY] = clip
    probe = order(clip, 3.5, end=datetime.fromtimestamp(int(time.time()) + 7, UTC))
    desire(fake_cloud, 1, probe)
    first = await office()
    await until(lambda: state(fake_cloud)() == "playing")
    await until(lambda: any(start >= probe.start_ms for start in put_media.persisted))
    memory = tmp_path / "spool" / "probes" / "gatehouse-CAM_1.json"
    kept = memory.read_text()
    await first.kill()
    memory.write_text(kept)  # SIGKILL leaves no time to write anything
    fake_cloud.observed.clear()
    played = [start for start in put_media.persisted if probe.start_ms <= start < probe.end_ms]
    await office()
    await until(lambda: state(fake_cloud)() == "failed")
    # Said by the proxy that remembers, or by the interval that began before it did.
    assert re.search("restarted|wasn't streaming", observed(fake_cloud).probe_reason)
    await until(lambda: put_media.persisted[-1] >= probe.end_ms)
    assert [start for start in put_media.persisted if probe.start_ms <= start < probe.end_ms] == played


async def test_how_a_probe_ended_is_still_said_after_a_restart(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any, clip: bytes, tmp_path: Path
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    fake_cloud.clips[KEY] = clip
    desire(fake_cloud, 1, order(clip))
    first = await office()
    await until(lambda: state(fake_cloud)() == "played")
    kept = tmp_path / "spool" / "probes" / "gatehouse-CAM_1.json"
    await until(lambda: json.loads(kept.read_text())["state"] == "played")
    await first.kill()
    fake_cloud.observed.clear()
    await office()
    await until(state(fake_cloud))
    await until(lambda: state(fake_cloud)() == "played")
    assert all(one.cameras[0].probe_state != "failed" for one in fake_cloud.observed if one.cameras)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, "upload the clip"),
        (b"another clip", "isn't the one that was ordered"),
        (mp4(codec="mpeg4"), "holds no H.264 video"),
        (mp4(gop=250, seconds=11), "over 9 s apart"),
    ],
)
async def test_a_clip_that_can_t_be_played_fails_the_probe_and_touches_nothing_else(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any, body: bytes | None, said: str
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    if body is not None:
        fake_cloud.clips[KEY] = body
    ordered = b"the right clip" if body == b"another clip" or body is None else body
    desire(fake_cloud, 1, order(ordered, 60))
    running = await office()
    await until(lambda: state(fake_cloud)() == "failed")
    assert said in observed(fake_cloud).probe_reason
    await until(lambda: running.phase() == "streaming")


async def test_a_withdrawn_order_is_forgotten_and_a_disabled_camera_refuses_one(
    office: Any, fake_cloud: Any, start_camera: Any, until: Any, clip: bytes
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    fake_cloud.clips[KEY] = clip
    desire(fake_cloud, 1, order(clip, 60))
    await office()
    await until(lambda: state(fake_cloud)() == "waiting")
    desire(fake_cloud, 2, None)
    await until(lambda: observed(fake_cloud).probe_id is None)
    desire(fake_cloud, 3, order(clip, 60, "p2"), enabled=False)
    await until(lambda: state(fake_cloud, "p2")() == "failed")
    assert "disabled" in observed(fake_cloud).probe_reason


async def test_a_clip_on_disk_needs_no_second_download(
    office: Any, fake_cloud: Any, start_camera: Any, until: Any, clip: bytes, tmp_path: Path
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    fake_cloud.clips[KEY] = clip
    desire(fake_cloud, 1, order(clip, 60))
    await office()
    await until(lambda: list((tmp_path / "spool" / "clips").glob("*.mp4")))
    del fake_cloud.clips[KEY]
    desire(fake_cloud, 2, order(clip, 3, "p2"))
    await until(lambda: state(fake_cloud, "p2")() == "played")


def test_cameras_that_fetch_one_clip_at_once_all_get_it(clip: bytes, tmp_path: Path) -> None:
    together = Barrier(4)

    def fetch(key: str) -> bytes:
        together.wait(10)
        return clip

    digest = hashlib.sha256(clip).hexdigest()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(Clips(fetch, tmp_path).get, KEY, digest) for _ in range(4)]
    assert len({len(one.result().frames) for one in asked}) == 1
    assert [path.name for path in tmp_path.iterdir()] == [f"{digest}.mp4"]
