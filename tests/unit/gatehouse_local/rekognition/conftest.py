"""A local Rekognition whose engine reads faces from the image bytes, and real faces where they exist."""

from __future__ import annotations

import json
import os
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gatehouse_local.core.clients import Clients
from gatehouse_local.core.faults import Faults
from gatehouse_local.core.quotas import Quotas
from gatehouse_local.core.runtime import Runtime
from gatehouse_local.core.service import CallContext, Service
from gatehouse_local.core.store import Store
from gatehouse_local.engine.detected import Box, Face
from gatehouse_local.engine.errors import UnreadableImageError
from gatehouse_local.engine.pose import Pose
from gatehouse_local.engine.quality import Quality
from gatehouse_local.rekognition.analysis import Analyst
from gatehouse_local.rekognition.images import ImageSource
from gatehouse_local.rekognition.service import assemble
from gatehouse_local.rekognition.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_CHECKOUT = Path(__file__).parents[4]


@pytest.fixture(scope="session")
def real_faces() -> Path:
    """Return the folder of real faces, DIR/<person>/<n>.jpg."""
    folder = Path(os.environ.get("GATEHOUSE_TEST_FACES", _CHECKOUT.parent / "shared" / "faces"))
    if not folder.is_dir():
        pytest.skip("no real faces on this machine: set GATEHOUSE_TEST_FACES to DIR/<person>/<n>.jpg")
    return folder


class DescribedFaces:
    """An engine that sees the faces that the image's JSON describes (see `described`)."""

    def analyse(
        self, image: bytes, *, embed: bool = True, upsample: int = 0, embed_largest: int | None = None
    ) -> Future[list[Face]]:
        """Answer at once, as the real engine answers later."""
        answer: Future[list[Face]] = Future()
        try:
            answer.set_result([_face(**one) for one in json.loads(image)])
        except json.JSONDecodeError:
            answer.set_exception(UnreadableImageError("no JSON"))
        return answer

    def warm(self) -> None:
        """Need no warming."""

    def close(self) -> None:
        """Hold nothing."""


def _face(person: float, left: float = 0.1, size: float = 0.4, **other: float) -> Face:
    return Face(
        box=Box(left, 0.1, size, size),
        confidence=other.get("confidence", 99.9),
        landmarks=((0.3, 0.2), (0.25, 0.2), (0.15, 0.2), (0.2, 0.2), (0.22, 0.3)),
        pose=Pose(0.0, other.get("yaw", 0.0), 0.0),
        quality=Quality(other.get("brightness", 60.0), other.get("sharpness", 60.0)),
        pixels=size * 400,
        vector=vector(person),
    )


def vector(person: float) -> np.ndarray:
    """Whole numbers are people, far apart; 1.1 is a photo of person 1 at a distance of 0.1."""
    row = np.zeros(128, np.float32)
    row[int(person)] = 1.0
    row[127] = person - int(person)
    return row


def described(*faces: float | dict[str, float]) -> dict[str, bytes]:
    """Describe an image, the largest face first, side by side; a number is a face of that person."""
    wanted = [
        {"left": place / 10, **(face if isinstance(face, dict) else {"person": face})}
        for place, face in enumerate(faces)
    ]
    return {"Bytes": json.dumps(wanted).encode()}


@dataclass
class Client:
    """Call operations as the front door does."""

    service: Service
    account: str = "123456789012"
    region: str = "eu-central-1"
    answers: list[Mapping[str, Any]] = field(default_factory=list)

    def __call__(self, operation: str, **params: object) -> dict[str, Any]:
        """Call one operation."""
        context = CallContext(
            self.account, self.region, "rekognition", operation, "request", "http://127.0.0.1:1"
        )
        return dict(self.service.operations[operation](context, dict(params)) or {})

    def elsewhere(self, *, account: str | None = None, region: str | None = None) -> Client:
        """Return a client of another account or Region."""
        return Client(self.service, account or self.account, region or self.region)


class Clock:
    """A clock that tests move."""

    now = 1_700_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def runtime(tmp_path: Path, clock: Clock) -> Iterator[Runtime]:
    """Return a runtime on an empty store."""
    store = Store(tmp_path / "state.db")
    yield Runtime(store, tmp_path, "http://127.0.0.1:1", clock, {}, Faults(), Quotas.defaults())
    store.close()


@pytest.fixture
def call(runtime: Runtime) -> Client:
    """Return a client of a Rekognition that sees described faces."""
    return rekognition(runtime)


def rekognition(runtime: Runtime) -> Client:
    """Build a Rekognition that sees described faces."""
    engine: Any = DescribedFaces()
    analyst = Analyst(engine, ImageSource(Clients(runtime.endpoint)))
    return Client(assemble(replace(State.of(runtime), analyst=analyst)))


@pytest.fixture
def image() -> Callable[..., dict[str, bytes]]:
    """Return `described`, which makes an image of described faces."""
    return described


@pytest.fixture
def reopened(runtime: Runtime) -> Callable[[], Client]:
    """Return a function that starts a second Rekognition on the same state file."""

    def reopen() -> Client:
        return rekognition(replace(runtime, store=Store(runtime.store.path)))

    return reopen
