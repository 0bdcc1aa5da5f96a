"""An office's proxy from RTSP to PutMedia, over real sockets."""

from __future__ import annotations

import asyncio
import io
import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from gatehouse.office.edge import DesiredCamera, EdgeDesired
from gatehouse_edge.office.camera import Camera


def desire(cloud: Any, *cameras: str, version: int = 1, **fields: Any) -> None:
    """Say which cameras the office shall carry."""
    cloud.desired = EdgeDesired(
        office="berlin",
        region="eu-central-1",
        version=version,
        cameras=tuple(
            DesiredCamera(camera_id=name, stream_name=f"gatehouse-{name}", rtsp_secret=name, **fields)
            for name in cameras
        ),
    )


async def test_every_picture_arrives_untouched_with_the_cameras_own_time(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any, film: Any
) -> None:
    camera = await start_camera(clock_error_s=-2.0)
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    desire(fake_cloud, "CAM_1")
    running = await office()
    await until(lambda: len(put_media.persisted) >= 3)
    assert running.status().phase == "streaming"
    assert running.status().clock == "camera"
    await running.stop()
    body = bytes(put_media.bodies[0])
    with av.open(io.BytesIO(body)) as document:
        packets = [packet for packet in document.demux(video=0) if packet.size]
        decoded = sum(1 for packet in packets for _ in packet.decode())
    assert decoded == len(packets)
    sent = {b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals) for _, nals in film.units}
    assert {bytes(packet) for packet in packets} <= sent
    # The camera's clock is two seconds slow, and a picture's time is a multiple of its frame interval.
    offset_s = packets[0].pts / 1000 - (camera.epoch - 2.0)
    assert abs(offset_s * 10 - round(offset_s * 10)) < 0.02
    assert {later.pts - earlier.pts for earlier, later in pairwise(packets)} == {100}
    headers = put_media.headers[0]
    assert headers["x-amzn-stream-name"] == "gatehouse-CAM_1"
    assert headers["x-amzn-fragment-timecode-type"] == "ABSOLUTE"
    assert "/eu-central-1/kinesisvideo/aws4_request" in headers["Authorization"]


async def test_stop_delivers_what_was_taken_and_says_stopped(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    desire(fake_cloud, "CAM_1")
    running = await office()
    await until(lambda: put_media.persisted)
    await running.stop()
    last = fake_cloud.observed[-1]
    assert last.version_applied == 1
    assert last.cameras[0].phase == "stopped"
    assert last.cameras[0].fragments_persisted == last.cameras[0].fragments_sent == len(put_media.persisted)
    assert put_media.ended_in_order == len(put_media.bodies)
    assert camera.requests[-1] == "TEARDOWN"


async def test_fragments_of_an_outage_arrive_afterwards_once_and_in_order(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any, tmp_path: Path
) -> None:
    camera = await start_camera(speed=4.0)
    camera.epoch -= 1000  # so that four times as fast stays in the past
    camera.reports = True
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    desire(fake_cloud, "CAM_1")
    running = await office()
    await until(lambda: len(put_media.persisted) >= 2)
    put_media.status = 500
    put_media.hang_up()
    await until(lambda: running.status().phase == "spooling" and running.status().spooled() >= 4)
    assert list((tmp_path / "spool" / "gatehouse-CAM_1").glob("*.mkv"))
    put_media.status = 200
    await until(lambda: running.status().phase == "streaming" and running.status().spooled() == 0)
    await running.stop()
    times = put_media.persisted
    assert {later - earlier for earlier, later in pairwise(times)} == {1000}
    assert running.status().dropped() == 0


async def test_a_killed_proxys_spool_is_sent_by_the_next_one(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any
) -> None:
    camera = await start_camera(speed=4.0)
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    desire(fake_cloud, "CAM_1")
    put_media.status = 503
    first = await office()
    await until(lambda: first.phase() != "absent" and first.status().spooled() >= 3)
    await first.kill()
    assert put_media.persisted == []
    put_media.status = 200
    camera.silent = True
    second = await office()
    await until(lambda: len(put_media.persisted) >= 3 and second.status().spooled() == 0)
    times = put_media.persisted
    assert times == sorted(set(times))


async def test_each_bad_camera_says_what_to_do_and_the_good_one_goes_on(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any
) -> None:
    cameras = {
        "GOOD": await start_camera(),
        "LOCKED": await start_camera(),
        "HEVC": await start_camera(codec="H265"),
        "AUDIO": await start_camera(codec="none"),
        "HANGS": await start_camera(silent=True),
    }
    for name, camera in cameras.items():
        fake_cloud.secret_texts[name] = camera.secret
    cameras["LOCKED"].password = "changed"
    desire(fake_cloud, *cameras, "NOSECRET")
    running = await office()
    expected = {
        "LOCKED": ("refused", "correct username and password"),
        "HEVC": ("refused", "set the profile's codec to H.264"),
        "AUDIO": ("refused", "no video track"),
        "NOSECRET": ("refused", "create it"),
        "HANGS": ("reconnecting", "sent no video"),
    }
    for name, (phase, text) in expected.items():
        await until(lambda name=name, phase=phase: running.phase(name) == phase)
        assert text in running.status(name).reason
    before = len(put_media.persisted)
    await until(lambda: len(put_media.persisted) >= before + 2)
    fake_cloud.secret_texts["LOCKED"] = cameras["LOCKED"].secret
    await until(lambda: running.phase("LOCKED") == "streaming")


async def test_no_credential_shows_anywhere(
    office: Any, fake_cloud: Any, start_camera: Any, until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    camera = await start_camera(password="pl4nted")
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    fake_cloud.secret_texts["CAM_2"] = '{"url": "rtsp://admin:pl4nted@[bad", "password": "pl4nted"}'
    desire(fake_cloud, "CAM_1", "CAM_2")
    running = await office()
    await until(lambda: running.phase() == "streaming")
    camera.password = "other"
    camera.hang_up()
    await until(lambda: running.phase() == running.phase("CAM_2") == "refused")
    await running.stop()
    seen = caplog.text + "".join(document.model_dump_json() for document in fake_cloud.observed)
    assert "refused" in seen
    assert "pl4nted" not in seen


async def test_a_camera_that_hangs_up_is_connected_again(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    desire(fake_cloud, "CAM_1")
    running = await office()
    await until(lambda: put_media.persisted)
    camera.hang_up()
    await until(lambda: running.status().reconnects == 1)
    before = len(put_media.persisted)
    await until(lambda: len(put_media.persisted) >= before + 2)
    assert running.status().phase == "streaming"
    assert put_media.persisted == sorted(set(put_media.persisted))


async def test_desired_changes_touch_only_the_cameras_they_name(
    office: Any, fake_cloud: Any, start_camera: Any, until: Any
) -> None:
    one, two = await start_camera(), await start_camera()
    fake_cloud.secret_texts |= {"CAM_1": one.secret, "CAM_2": two.secret}
    desire(fake_cloud, "CAM_1")
    running = await office()
    await until(lambda: running.phase() == "streaming")
    desire(fake_cloud, "CAM_1", "CAM_2", version=2)
    await until(lambda: running.phase("CAM_2") == "streaming")
    desire(fake_cloud, "CAM_2", version=3)
    await until(lambda: running.phase("CAM_1") == "absent")
    assert (one.connections, two.connections) == (1, 1)
    desire(fake_cloud, "CAM_2", version=4, enabled=False)
    await until(lambda: running.phase("CAM_2") == "stopped")
    await until(lambda: fake_cloud.observed[-1].version_applied == 4)


async def test_a_start_without_aws_takes_the_last_known_cameras(
    office: Any, fake_cloud: Any, start_camera: Any, until: Any
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    desire(fake_cloud, "CAM_1")
    first = await office()
    await until(lambda: first.phase() == "streaming")
    await first.stop()
    fake_cloud.down = True
    second = await office()
    await until(lambda: second.phase() == "streaming")
    assert "desired" in second.proxy.complaints
    fake_cloud.down = False
    await until(lambda: not second.proxy.complaints)


async def test_waiting_for_the_next_look_leaves_nothing_behind(
    office: Any, fake_cloud: Any, until: Any
) -> None:
    desire(fake_cloud)
    running = await office()
    await until(lambda: fake_cloud.observed)
    before = len(asyncio.all_tasks())
    await asyncio.sleep(0.6)  # some looks at the document
    assert len(asyncio.all_tasks()) <= before + 1
    await running.stop()


async def test_a_disk_that_takes_nothing_stops_no_camera(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any, tmp_path: Path
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    (tmp_path / "spool").write_text("a file where the folder should be")
    desire(fake_cloud, "CAM_1")
    running = await office()
    await until(lambda: put_media.persisted)
    assert "Free space" in running.proxy.complaints["memory"]
    await running.stop()


async def test_a_camera_of_which_the_queue_failed_is_restarted(
    office: Any, fake_cloud: Any, start_camera: Any, put_media: Any, until: Any
) -> None:
    camera = await start_camera()
    fake_cloud.secret_texts["CAM_1"] = camera.secret
    desire(fake_cloud, "CAM_1")
    running = await office()
    await until(lambda: put_media.persisted)
    broken = running.proxy._cameras["CAM_1"]
    broken._tasks["queue"].cancel()
    broken._cut.put_nowait(None)  # what nobody will take any more
    await until(lambda: running.proxy._cameras["CAM_1"] is not broken)
    before = len(put_media.persisted)
    await until(lambda: len(put_media.persisted) > before)
    await running.stop()


async def test_broken_cameras_are_restarted_all_at_once(
    office: Any, fake_cloud: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("CAM_1", "CAM_2", "CAM_3")
    desire(fake_cloud, *names)
    running = await office()
    await until(lambda: len(running.proxy._cameras) == len(names))
    together = asyncio.Barrier(len(names))
    stop = Camera.stop

    async def stop_with_the_others(camera: Camera) -> None:
        await together.wait()
        await stop(camera)

    monkeypatch.setattr(Camera, "stop", stop_with_the_others)
    before = dict(running.proxy._cameras)
    for camera in before.values():
        camera._tasks["queue"].cancel()
    await until(lambda: all(running.proxy._cameras[name] is not before[name] for name in names))
    monkeypatch.undo()
    await running.stop()
