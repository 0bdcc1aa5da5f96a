"""The gallery follows the store through any changes, from any threads."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse_local.core.faults import Faults
from gatehouse_local.core.runtime import Runtime
from gatehouse_local.core.store import Store
from gatehouse_local.engine.scale import Scale
from gatehouse_local.rekognition.gallery import Gallery, distances
from gatehouse_local.rekognition.pages import page
from gatehouse_local.rekognition.records import StoredFace
from gatehouse_local.rekognition.search import gallery_for, search

if TYPE_CHECKING:
    from collections.abc import Callable

OWNER = ("123456789012", "eu-central-1", "c")
SCALE = Scale("test", 0.6, 0.03)


def face(number: int) -> StoredFace:
    """Make a face whose vector only it has."""
    vector = np.zeros(128, np.float32)
    vector[number] = 1.0
    box = {"Left": 0.0, "Top": 0.0, "Width": 1.0, "Height": 1.0}
    return StoredFace(f"face-{number:03}", "image", None, box, 99.0, "digest", vector)


# A change: the faces to put and those to delete, by number.
CHANGES = st.lists(st.tuples(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9))), max_size=8)


@given(CHANGES)
@settings(max_examples=30, deadline=None)
def test_a_gallery_kept_in_step_equals_one_read_anew(changes: list[tuple[set[int], set[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "state.db")
        store.table("rekognition", "collection").insert(*OWNER, {})
        table = store.table("rekognition", "face")
        kept = Gallery(store, SCALE, Faults())
        for put, dropped in changes:
            kept.snapshot(OWNER)
            faces = [face(number) for number in put]
            with store.transaction():
                for one in faces:
                    table.put(*OWNER[:2], f"c/{one.face_id}", one.to_body())
                for number in dropped - put:
                    table.delete(*OWNER[:2], f"c/{face(number).face_id}")
                gone = [face(number).face_id for number in put | dropped]
                kept.changed(OWNER, added=faces, removed=gone)
        fresh = Gallery(store, SCALE, Faults()).snapshot(OWNER)
        in_step = kept.snapshot(OWNER)
        store.close()
    order = np.argsort([one.face_id for one in in_step.faces])
    assert [in_step.faces[row].face_id for row in order] == [one.face_id for one in fresh.faces]
    assert np.array_equal(in_step.matrix[order], fresh.matrix)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_distances_are_euclidean(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 128)).astype(np.float32)
    vector = random.normal(size=128).astype(np.float32)
    assert distances(matrix, vector) == pytest.approx(np.linalg.norm(matrix - vector, axis=1), rel=1e-5)


@given(st.sets(st.text("abc", min_size=1, max_size=4)), st.integers(1, 5))
def test_pages_together_are_the_whole_list(keys: set[str], size: int) -> None:
    items = [(key, key) for key in sorted(keys)]
    seen: list[str] = []
    token: str | None = None
    while True:
        chosen, following = page(items, scope="any", token=token, size=size)
        seen += chosen
        token = following.get("NextToken")
        if token is None:
            break
    assert seen == [key for key, _ in items]


def test_the_same_image_from_many_threads_is_stored_once(call: Any, image: Any) -> None:
    call("CreateCollection", CollectionId="c")
    found: list[str] = []

    def index() -> None:
        answer = call("IndexFaces", CollectionId="c", Image=image(1), ExternalImageId="one")
        found.append(answer["FaceRecords"][0]["Face"]["FaceId"])

    _together([index] * 12)
    assert len(found) == 12
    assert len(set(found)) == 1


def test_searches_go_on_while_faces_come_and_go(call: Any, image: Any, runtime: Runtime) -> None:
    call("CreateCollection", CollectionId="c")
    call("IndexFaces", CollectionId="c", Image=image(1), ExternalImageId="stays")
    found: list[str | None] = []

    def churn() -> None:
        for _ in range(10):
            record = call("IndexFaces", CollectionId="c", Image=image(2))["FaceRecords"][0]
            call("DeleteFaces", CollectionId="c", FaceIds=[record["Face"]["FaceId"]])

    def look() -> None:
        for _ in range(30):
            matches = search(runtime.store, *OWNER, _vector_of_one(), 80.0, 5)
            found.extend(match.face.external_image_id for match in matches)

    _together([churn, churn, look, look])
    assert found == ["stays"] * 60
    assert call("DescribeCollection", CollectionId="c")["FaceCount"] == 1


def test_one_store_has_one_gallery_on_the_configured_scale(runtime: Runtime) -> None:
    assert gallery_for(runtime) is gallery_for(runtime)
    assert gallery_for(runtime).scale.name == "real-faces"


def _vector_of_one() -> np.ndarray:
    vector = np.zeros(128, np.float32)
    vector[1] = 1.0
    return vector


def _together(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
