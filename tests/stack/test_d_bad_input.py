"""Bad input is named with its place and remedy, and everything else goes on."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from PIL import Image

from running_stack import Demo, RunningStack, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

HOME = ("eu-central-1", "gatehouse-123456789012-eu-central-1")


@contextlib.contextmanager
def edited(*files: Path) -> Iterator[None]:
    """Put these files back afterwards."""
    originals = {file: file.read_text() for file in files}
    try:
        yield
    finally:
        for file, text in originals.items():
            file.write_text(text)


def test_an_unknown_key_and_a_duplicate_camera_are_named_and_the_other_office_goes_on(
    stack: RunningStack, demo: Demo
) -> None:
    offices = stack.layout.config / "offices"
    with edited(offices / "portland.yaml", offices / "tokyo.yaml"):
        _replace(offices / "portland.yaml", "zone: lobby", "zoen: lobby")
        _replace(offices / "tokyo.yaml", "id: CAM_TYO_F9_ARCHIVE_002", "id: CAM_BER_F3_LAB_003")
        done = stack.run("run", "office_rollout")
    assert done.returncode == 1
    for words in ("portland.yaml", "zoen", "zone", "tokyo.yaml", "CAM_BER_F3_LAB_003"):
        assert words in done.stdout


@pytest.mark.full
def test_a_bad_region_and_a_missing_secret_are_named_and_the_other_cameras_go_on(
    stack: RunningStack, demo: Demo
) -> None:
    portland = stack.layout.config / "offices" / "portland.yaml"
    name = "gatehouse/rtsp/CAM_TYO_F9_ARCHIVE_002"
    with edited(portland), _without_secret(stack, "ap-northeast-1", name):
        _replace(portland, "region: us-west-2", "region: eu-north-1")
        done = stack.run("run", "office_rollout")
    assert done.returncode == 1
    for words in ("portland.yaml", "eu-north-1", name):
        assert words in done.stdout
    assert "✓" in next(line for line in done.stdout.splitlines() if "verify · berlin" in line)


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@contextlib.contextmanager
def _without_secret(stack: RunningStack, region: str, name: str) -> Iterator[None]:
    secrets = stack.client("secretsmanager", region)
    value = secrets.get_secret_value(SecretId=name)["SecretString"]
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    try:
        yield
    finally:
        secrets.create_secret(Name=name, SecretString=value)


def test_bad_photos_are_quarantined_with_their_reason_and_good_ones_enrolled(
    stack: RunningStack, demo: Demo
) -> None:
    good = next((stack.layout.company / "photos" / "E1482").glob("*.jpg")).read_bytes()
    other = next((stack.layout.company / "photos" / "E1001").glob("*.jpg")).read_bytes()
    bad = {
        "E9001": (_jpeg(Image.new("RGB", (320, 320), "gray")), "no face"),
        "E9002": (_side_by_side(good, other), "2 faces"),
        "E9003": (_jpeg(Image.open(io.BytesIO(good)).resize((30, 30))), "80"),
        "E9004": (good[: len(good) // 3], "decoded"),
        "E9005": (b"%PDF-1.7\n" + bytes(400), "PDF"),
    }
    photos = {who: data for who, (data, _) in bad.items()} | {"E9000": good}
    before = _enrolled(stack)
    with _joiners(stack, photos):
        done = stack.run("run", "hr_face_sync")
        reasons = _quarantine(stack)
        assert done.returncode == 0, done.stdout
        assert _enrolled(stack) == before + 1
        for who, (_, reason) in bad.items():
            assert reason in reasons[f"photos/{who}/1.jpg"]
    assert stack.run("run", "hr_face_sync").returncode == 0
    assert _enrolled(stack) == before


@contextlib.contextmanager
def _joiners(stack: RunningStack, photos: dict[str, bytes]) -> Iterator[None]:
    region, bucket = HOME
    s3 = stack.client("s3", region)
    roster = s3.get_object(Bucket=bucket, Key="roster/roster.csv")["Body"].read()
    rows = [
        f"{who},active,berlin,2024-03-01,,office_hours,photos/{who}/1.jpg,2024-03-01T09:00:00+00:00,2024-01,,employee"
        for who in photos
    ]
    for who, data in photos.items():
        s3.put_object(Bucket=bucket, Key=f"photos/{who}/1.jpg", Body=data)
    joined = roster.rstrip() + b"\n" + "\n".join(rows).encode() + b"\n"
    s3.put_object(Bucket=bucket, Key="roster/roster.csv", Body=joined)
    try:
        yield
    finally:
        s3.put_object(Bucket=bucket, Key="roster/roster.csv", Body=roster)


def _quarantine(stack: RunningStack) -> dict[str, str]:
    with psycopg.connect(stack.layout.database_url.replace("+psycopg", "")) as ledger:
        return dict(ledger.execute("SELECT s3_key, reason FROM photo WHERE state = 'quarantined'").fetchall())


def _enrolled(stack: RunningStack) -> int:
    collection = stack.client("rekognition", "eu-central-1").describe_collection(
        CollectionId="gatehouse-berlin-g1"
    )
    return int(collection["FaceCount"])


def _jpeg(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG")
    return data.getvalue()


def _side_by_side(left: bytes, right: bytes) -> bytes:
    faces = [Image.open(io.BytesIO(data)) for data in (left, right)]
    both = Image.new("RGB", (sum(face.width for face in faces), max(face.height for face in faces)))
    both.paste(faces[0], (0, 0))
    both.paste(faces[1], (faces[0].width, 0))
    return _jpeg(both)


def test_cameras_that_refuse_or_hang_say_so_and_the_others_go_on(stack: RunningStack, demo: Demo) -> None:
    bad = {
        "CAM_BER_F0_LOBBY_001": ("unauthorised", ("401",)),
        "CAM_BER_F0_GARAGE_002": ("h265", ("h265",)),
        # Whichever is due first, the next frame or the answer to a keep-alive.
        "CAM_BER_F3_LAB_003": ("hang", ("no video", "did not answer")),
    }
    untouched = _observed(stack, "portland")
    with stack.camera_faults(**{camera: fault for camera, (fault, _) in bad.items()}):

        def told() -> bool:
            now = _observed(stack, "berlin")
            return all(
                now[camera]["phase"] in ("refused", "reconnecting") and now[camera]["reason"]
                for camera in bad
            )

        wait_until(told, 90, "every bad camera has a phase and a reason")
        found = _observed(stack, "berlin")
        for camera, (_, words) in bad.items():
            reason = found[camera]["reason"]
            assert any(word in reason.lower() for word in words), reason
    for camera, before in untouched.items():
        after = _observed(stack, "portland")[camera]
        assert after["phase"] == "streaming"
        assert after["fragments_persisted"] > before["fragments_persisted"]
    wait_until(
        lambda: all(camera["phase"] == "streaming" for camera in _observed(stack, "berlin").values()),
        120,
        "all cameras stream again",
    )


def _observed(stack: RunningStack, office: str) -> dict[str, dict[str, Any]]:
    region, bucket = {
        "berlin": HOME,
        "portland": ("us-west-2", "gatehouse-123456789012-us-west-2"),
    }[office]
    body = stack.client("s3", region).get_object(Bucket=bucket, Key=f"edge/{office}/observed.json")["Body"]
    return {camera["camera_id"]: camera for camera in json.loads(body.read())["cameras"]}
