"""The engine sees real faces in real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest
from PIL import Image

from gatehouse_local.engine.errors import EngineClosedError, ImageTooSmallError, UnreadableImageError
from gatehouse_local.engine.faces import FaceEngine, shared_engine
from gatehouse_local.engine.scale import load_scale

if TYPE_CHECKING:
    from pathlib import Path

GREY = np.full((480, 640, 3), 128, np.uint8)


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_no_face_is_found_in_a_grey_frame(engine: FaceEngine) -> None:
    assert engine.analyse(GREY).result() == []


def test_a_face_is_described_where_it_is(engine: FaceEngine, real_faces: Path) -> None:
    frame = GREY.copy()
    frame[100:350, 300:550] = _pixels(real_faces / "tony_blair" / "2.jpg")

    (face,) = engine.analyse(frame).result()

    middle = (face.box.left + face.box.width / 2, face.box.top + face.box.height / 2)
    assert middle == pytest.approx((425 / 640, 235 / 480), abs=0.05)
    assert len(face.landmarks) == 5
    assert all(face.box.left < x < face.box.left + face.box.width for x, _ in face.landmarks)
    assert face.confidence > 95
    assert 0 < face.quality.brightness < 100
    assert 0 < face.quality.sharpness < 100
    assert abs(face.pose.roll) < 20


def test_one_person_is_nearer_than_another(engine: FaceEngine, real_faces: Path) -> None:
    names = ["tony_blair/2.jpg", "tony_blair/3.jpg", "vladimir_putin/1.jpg"]
    answers = [engine.analyse((real_faces / name).read_bytes(), upsample=1) for name in names]
    first, same, other = (answer.result()[0].vector for answer in answers)

    assert first is not None
    assert first.dtype == np.float32
    assert first.shape == (128,)
    distances = np.array([np.linalg.norm(first - same), np.linalg.norm(first - other)])
    similarities = load_scale().similarity(distances)
    assert similarities[0] > 80
    assert similarities[1] < 1


def test_the_largest_face_comes_first_and_may_alone_be_embedded(engine: FaceEngine, real_faces: Path) -> None:
    frame = np.full((500, 900, 3), 128, np.uint8)
    photo = Image.open(real_faces / "tony_blair" / "2.jpg").convert("RGB")
    frame[10:260, 10:260] = np.asarray(photo)
    frame[20:470, 400:850] = np.asarray(photo.resize((450, 450)))

    faces = engine.analyse(frame, embed_largest=1).result()

    assert [face.box.left > 0.4 for face in faces] == [True, False]
    assert [face.vector is not None for face in faces] == [True, False]


def test_upsampling_finds_a_face_that_a_video_frame_would_miss(engine: FaceEngine, real_faces: Path) -> None:
    frame = np.full((400, 400, 3), 128, np.uint8)
    small = Image.open(real_faces / "tony_blair" / "2.jpg").convert("RGB").resize((125, 125))
    frame[100:225, 100:225] = np.asarray(small)

    assert engine.analyse(frame, embed=False, upsample=0).result() == []
    assert len(engine.analyse(frame, embed=False, upsample=1).result()) == 1


def test_refusals_come_back_from_the_worker_as_they_were_raised(engine: FaceEngine) -> None:
    with pytest.raises(UnreadableImageError):
        engine.analyse(b"%PDF-1.7 not a picture").result()


def test_waiting_threads_leave_the_interpreter_free(engine: FaceEngine) -> None:
    ticks = 0
    pending = engine.analyse(GREY, upsample=2)
    while not pending.done():
        ticks += 1
        time.sleep(0.001)
    assert ticks > 20


def test_a_killed_worker_fails_its_call_and_the_next_call_succeeds() -> None:
    engine = FaceEngine()
    engine.warm()
    try:
        pending = engine.analyse(GREY, upsample=3)
        worker = psutil.Process(*engine.worker_ids())
        worker.send_signal(signal.SIGKILL)
        with pytest.raises(BrokenProcessPool):
            pending.result()
        assert engine.analyse(GREY, embed=False).result() == []
    finally:
        engine.close()


def test_a_closed_engine_refuses_and_warm_opens_it_again() -> None:
    engine = FaceEngine()
    made_before = engine.analyse(GREY, embed=False)
    engine.close()
    assert made_before.result() == []
    with pytest.raises(EngineClosedError):
        engine.analyse(GREY)
    engine.warm()
    assert len(engine.worker_ids()) == 1
    engine.close()
    engine.close()
    assert engine.worker_ids() == []


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\n"
        "from gatehouse_local.engine.faces import FaceEngine\n"
        "if __name__ == '__main__':\n"
        "    engine = FaceEngine()\n"
        "    engine.warm()\n"
        "    print(*engine.worker_ids(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert psutil.wait_procs([worker], timeout=10)[1] == []


def test_one_configuration_shares_one_engine() -> None:
    config = {"engine": {"workers": 3}}
    first, second = shared_engine(config), shared_engine(config)
    assert first is second
    first.close()
    assert shared_engine(config) is not first


def test_image_refusal_survives_pickling() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(ImageTooSmallError("too small")))  # noqa: S301
    assert str(error) == "too small"


def test_many_threads_share_the_engine(engine: FaceEngine) -> None:
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(len(engine.analyse(GREY, embed=False).result())))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 8
    assert os.getpid() not in engine.worker_ids()
