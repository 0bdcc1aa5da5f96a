"""GetImages: the picture of an instant is the frame that was on show at it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

START = 1_700_000_000


@pytest.fixture
def filled(cloud: Any, h264: Callable[..., bytes]) -> Any:
    """Start a cloud whose stream holds 35 frames, 25 a second, in fragments of a second."""
    cloud.active_stream()
    cloud.put(h264(35, start_ms=START * 1000))
    return cloud


def ask(cloud: Any, **params: Any) -> dict[str, Any]:
    wanted = {
        "StreamName": "cam",
        "ImageSelectorType": "PRODUCER_TIMESTAMP",
        "StartTimestamp": START,
        "EndTimestamp": START + 1,
        "SamplingInterval": 200,
        "Format": "JPEG",
        **params,
    }
    answer: dict[str, Any] = cloud.client("kinesis-video-archived-media").get_images(**wanted)
    return answer


def picture(image: dict[str, Any]) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(image["ImageContent"])))


def offset_ms(image: dict[str, Any]) -> int:
    offset: float = image["TimeStamp"].timestamp() - START
    return round(offset * 1000)


def refusal(cloud: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        ask(cloud, **params)
    code: str = caught.value.response["Error"]["Code"]
    return code


def test_sampled_pictures_are_the_frames_of_their_instants(
    filled: Any, number_on: Callable[[Image.Image], int]
) -> None:
    images = ask(filled)["Images"]
    assert [number_on(picture(image)) for image in images] == [0, 5, 10, 15, 20, 25]
    assert [offset_ms(image) for image in images] == [0, 200, 400, 600, 800, 1000]


@pytest.mark.parametrize(("instant", "frame"), [(0.04, 1), (0.039, 1), (0.079, 2), (0.061, 1), (1.2, 30)])
def test_a_single_instant_gives_its_frame_and_the_frames_exact_time(
    filled: Any, number_on: Callable[[Image.Image], int], instant: float, frame: int
) -> None:
    (image,) = ask(filled, StartTimestamp=START + instant, EndTimestamp=START + instant)["Images"]
    assert number_on(picture(image)) == frame
    assert offset_ms(image) == frame * 40


def test_instants_without_media_say_so(filled: Any) -> None:
    images = ask(filled, StartTimestamp=START + 1.2, EndTimestamp=START + 2.4, SamplingInterval=400)["Images"]
    assert [image.get("Error") for image in images] == [None, "NO_MEDIA", "NO_MEDIA", "NO_MEDIA"]
    assert [offset_ms(image) for image in images[1:]] == [1600, 2000, 2400]


def test_server_time_selects_by_when_the_fragment_came_in(
    filled: Any, number_on: Callable[[Image.Image], int]
) -> None:
    archived = filled.client("kinesis-video-archived-media")
    fragments = archived.list_fragments(StreamName="cam")["Fragments"]
    came = sorted(one["ServerTimestamp"] for one in fragments)[0]
    (image,) = ask(filled, ImageSelectorType="SERVER_TIMESTAMP", StartTimestamp=came, EndTimestamp=came)[
        "Images"
    ]
    assert number_on(picture(image)) == 0
    assert image["TimeStamp"] == came


def test_media_that_cannot_be_decoded_is_a_media_error(cloud: Any, h264: Callable[..., bytes]) -> None:
    cloud.active_stream()
    cloud.put(h264(25, start_ms=START * 1000))
    (path,) = cloud.folder.glob("kinesisvideo/*/*/*/*.mkv")
    path.write_bytes(path.read_bytes()[:600])
    images = ask(cloud, EndTimestamp=START + 0.4)["Images"]
    assert [image["Error"] for image in images] == ["MEDIA_ERROR"] * 3


def test_pages_of_pictures_add_up(filled: Any) -> None:
    first = ask(filled, MaxResults=4)
    second = ask(filled, MaxResults=4, NextToken=first["NextToken"])
    assert [offset_ms(image) for image in first["Images"] + second["Images"]] == [0, 200, 400, 600, 800, 1000]
    assert "NextToken" not in second


def test_a_page_holds_25_pictures_whatever_is_asked_for(filled: Any) -> None:
    answer = ask(filled, EndTimestamp=START + 10, MaxResults=100)
    assert len(answer["Images"]) == 25
    assert answer["NextToken"]


def test_size_and_format_are_as_asked_for(filled: Any) -> None:
    png = picture(ask(filled, Format="PNG", WidthPixels=80, HeightPixels=30)["Images"][0])
    assert (png.format, png.size) == ("PNG", (80, 30))
    low = ask(filled, FormatConfig={"JPEGQuality": "1"}, HeightPixels=60)["Images"][0]
    assert picture(low).size == (80, 60)
    assert len(low["ImageContent"]) < len(ask(filled, HeightPixels=60)["Images"][0]["ImageContent"])


@pytest.mark.parametrize(
    "params",
    [
        {"EndTimestamp": START + 300.5},
        {"EndTimestamp": START - 1},
        {"SamplingInterval": 199},
        {"WidthPixels": 100},
        {"FormatConfig": {"JPEGQuality": "0"}},
        {"NextToken": "bm8="},
    ],
)
def test_what_aws_does_not_take_is_an_invalid_argument(filled: Any, params: dict[str, Any]) -> None:
    assert refusal(filled, **params) == "InvalidArgumentException"


def test_a_stream_without_retention_has_no_pictures(cloud: Any) -> None:
    cloud.active_stream(hours=0)
    assert refusal(cloud) == "NoDataRetentionException"
