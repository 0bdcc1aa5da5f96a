"""The whole service on real photos and the real engine."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.service import CallContext
from gatehouse_local.rekognition import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gatehouse_local.core.runtime import Runtime


@pytest.fixture
def call(runtime: Runtime) -> Iterator[Callable[..., Any]]:
    """Return a caller of the service that `build` makes, started and later stopped."""
    service = build(runtime)
    service.start()

    def call(operation: str, **params: Any) -> Any:
        context = CallContext(
            "123456789012", "eu-central-1", "rekognition", operation, "request", "http://127.0.0.1:1"
        )
        return service.operations[operation](context, params)

    yield call
    service.stop()


def photo(folder: Path, name: str) -> dict[str, bytes]:
    """Return a photo as the parameter Image."""
    return {"Bytes": (folder / name).read_bytes()}


def test_enrolled_people_are_recognised_and_strangers_are_not(
    call: Callable[..., Any], real_faces: Path
) -> None:
    call("CreateCollection", CollectionId="c")
    for person in ("tony_blair", "vladimir_putin"):
        for number in (1, 2, 3):
            image = photo(real_faces, f"{person}/{number}.jpg")
            answer = call("IndexFaces", CollectionId="c", Image=image, ExternalImageId=person, MaxFaces=1)
            assert len(answer["FaceRecords"]) == 1

    def recognised(name: str) -> set[str]:
        image = photo(real_faces, name)
        found = call("SearchFacesByImage", CollectionId="c", Image=image)["FaceMatches"]
        return {match["Face"]["ExternalImageId"] for match in found}

    assert recognised("tony_blair/5.jpg") == {"tony_blair"}
    assert recognised("vladimir_putin/5.jpg") == {"vladimir_putin"}
    assert recognised("x_vm_stock_models_1/1.jpg") == set()


def test_bad_images_are_refused_as_aws_refuses_them(call: Callable[..., Any], real_faces: Path) -> None:
    whole = (real_faces / "tony_blair" / "1.jpg").read_bytes()
    small = io.BytesIO()
    Image.open(io.BytesIO(whole)).resize((30, 30)).save(small, "JPEG")
    wide = io.BytesIO()
    Image.new("RGB", (10_001, 90)).save(wide, "PNG")
    refusals = {}
    for name, data in {
        "pdf named .jpg": b"%PDF-1.7\n",
        "truncated": whole[: len(whole) // 2],
        "30x30": small.getvalue(),
        "too wide": wide.getvalue(),
    }.items():
        with pytest.raises(AwsError) as refused:
            call("DetectFaces", Image={"Bytes": data})
        refusals[name] = refused.value.code
    assert refusals == {
        "pdf named .jpg": "InvalidImageFormatException",
        "truncated": "InvalidImageFormatException",
        "30x30": "InvalidParameterException",
        "too wide": "ImageTooLargeException",
    }
