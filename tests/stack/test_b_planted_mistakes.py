"""A demo that is not right must say so: each planted mistake makes it fail, naming camera and step.

One run carries all four at once, in different places, so that each is told apart from the others. The
full suite plants each alone as well.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from running_stack import Demo, Plant, RunningStack, wait_until

pytestmark = [pytest.mark.stack, pytest.mark.full, pytest.mark.timeout(1200)]

SWAPPED = "CAM_BER_F3_LAB_003"
MUTED = "CAM_BER_F0_GARAGE_002"
DROPPED = "CAM_PDX_F1_LOBBY_001"
MISTAKEN = "CAM_TYO_F8_RECEPTION_001"


@contextlib.contextmanager
def swapped_face(stack: RunningStack) -> Iterator[None]:
    """Let somebody else stand where the truth says an employee does."""
    file = stack.layout.company / "truth" / f"{SWAPPED}.json"
    original = file.read_text()
    script = json.loads(original)
    present = {visit["subject"] for visit in script["visits"]}
    employee = next(visit for visit in script["visits"] if visit["role"] == "employee")
    employee["subject"] = next(other for other in _employees(stack) if other not in present)
    _replace(file, json.dumps(script))
    try:
        yield
    finally:
        _replace(file, original)


def _replace(file: Path, text: str) -> None:
    """Change a file that somebody may be reading."""
    draft = file.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(file)


def _employees(stack: RunningStack) -> list[str]:
    return sorted(folder.name for folder in (stack.layout.company / "photos").iterdir())


@contextlib.contextmanager
def muted_camera(stack: RunningStack) -> Iterator[None]:
    """Let a camera send no picture."""
    with stack.camera_faults(**{MUTED: "mute"}):
        yield


@contextlib.contextmanager
def dropped_alert(stack: RunningStack) -> Iterator[None]:
    """Let alerts of a Region go nowhere."""
    sns = stack.client("sns", "us-west-2")
    found = sns.list_subscriptions()["Subscriptions"]
    # A probe's alerts have a topic of their own, and are told to nobody.
    subscription = next(one for one in found if one["TopicArn"].endswith(":gatehouse-alerts"))
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    try:
        yield
    finally:
        sns.subscribe(TopicArn=subscription["TopicArn"], Protocol="sqs", Endpoint=subscription["Endpoint"])


@contextlib.contextmanager
def wrong_answer(stack: RunningStack) -> Iterator[None]:
    """Let the local cloud answer with someone else's face."""
    stack.control("POST", "faults", name="wrong_face", region="ap-northeast-1")
    try:
        yield
    finally:
        stack.control("DELETE", "faults")


PLANTS: dict[str, tuple[Plant, str, str, str]] = {
    "an employee's face swapped": (swapped_face, "berlin", SWAPPED, "recognition"),
    "a camera muted": (muted_camera, "berlin", MUTED, "video"),
    "an alert dropped": (dropped_alert, "portland", DROPPED, "delivery"),
    "someone else's face answered": (wrong_answer, "tokyo", MISTAKEN, "recognition"),
}


@pytest.fixture(scope="module")
def planted(stack: RunningStack, demo: Demo) -> Iterator[Demo]:
    """Run the demo once with all four mistakes."""
    yield stack.demo(plants=[plant for plant, *_ in PLANTS.values()])
    wait_until(lambda: _streaming(stack), 90, "the muted camera streams again")


def _streaming(stack: RunningStack) -> bool:
    s3 = stack.client("s3", "eu-central-1")
    observed = s3.get_object(Bucket="gatehouse-123456789012-eu-central-1", Key="edge/berlin/observed.json")
    cameras: list[dict[str, Any]] = json.loads(observed["Body"].read())["cameras"]
    return all(camera["phase"] == "streaming" for camera in cameras)


@pytest.mark.parametrize("mistake", PLANTS)
def test_a_planted_mistake_is_named_with_its_camera_and_step(planted: Demo, mistake: str) -> None:
    _, _, camera, step = PLANTS[mistake]
    assert planted.status == 1
    assert (camera, step) in {(f["camera_id"], f["step"]) for f in planted.report["findings"]}


def test_cameras_without_a_mistake_are_found_right(planted: Demo) -> None:
    blamed = {finding["camera_id"] for finding in planted.report["findings"]}
    assert "CAM_BER_F0_LOBBY_001" not in blamed


@pytest.mark.parametrize("mistake", PLANTS)
def test_a_mistake_alone_makes_the_demo_fail(stack: RunningStack, planted: Demo, mistake: str) -> None:
    plant, office, camera, step = PLANTS[mistake]
    alone = stack.demo(office, plants=[plant])
    assert alone.status == 1
    assert (camera, step) in {(f["camera_id"], f["step"]) for f in alone.report["findings"]}
