"""Run contract tests against a local cloud of their own or, with GATEHOUSE_TEST_AWS=1, real AWS.

Write them against the `aws` fixture and assert `Error.Code`. Mark each with
`@pytest.mark.asserts("rekognition", "CreateCollection")`: docs/local-cloud-coverage.md rests on it.
"""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from ports import free_port
from processor_place import Place

ON_AWS = os.environ.get("GATEHOUSE_TEST_AWS") == "1"
# FaceSearch exists here, and the face operations have 50 calls per second.
REGION = os.environ.get("GATEHOUSE_TEST_REGION", "us-west-2")
ACCOUNT = "123456789012"
_START_SECONDS = 60

Aws = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder as a contract test."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("contract")


@dataclass
class LocalCloud:
    """A moto_server and a front door as processes of their own, which tests may kill and restart."""

    folder: Path
    arguments: list[str] = field(default_factory=list)
    door_port: int = field(default_factory=free_port)
    moto_port: int = field(default_factory=free_port)
    moto: subprocess.Popen[bytes] | None = None
    door: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where the front door answers."""
        return f"http://127.0.0.1:{self.door_port}"

    @property
    def moto_endpoint(self) -> str:
        """Where moto_server answers by itself."""
        return f"http://127.0.0.1:{self.moto_port}"

    def start(self) -> LocalCloud:
        """Start both and wait until the door says that it is well."""
        self.start_moto()
        self.start_door()
        return self

    def start_moto(self) -> None:
        """Start moto_server; the front door waits for it."""
        program = "from moto.server import main; main()"
        self.moto = self._spawn("moto", "-c", program, "-p", str(self.moto_port))

    def start_door(self) -> None:
        """Start the front door on the same state folder and wait for its health page."""
        places = ["--port", str(self.door_port), "--state", str(self.folder / "state")]
        moto = ["--moto-endpoint", self.moto_endpoint]
        self.door = self._spawn("door", "-m", "gatehouse_local", *places, *moto, *self.arguments)
        self.wait_for(lambda health: health is not None)

    def wait_for(self, wanted: Callable[[dict[str, Any] | None], bool]) -> dict[str, Any]:
        """Poll the health page until it is as wanted; fail with the door's log."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            health = self.health()
            if wanted(health):
                return health or {}
            if self.door is not None and self.door.poll() is not None:
                break
            time.sleep(0.05)
        pytest.fail(f"the front door is not as wanted; its log:\n{self.log()}")

    def health(self) -> dict[str, Any] | None:
        """Return the health page, or None while nothing answers."""
        try:
            page: dict[str, Any] = httpx.get(f"{self.endpoint}/_gatehouse/health", timeout=5).json()
        except httpx.TransportError:
            return None
        return page

    def log(self) -> str:
        """Return what the front door wrote."""
        return (self.folder / "door.log").read_text(encoding="utf-8")

    def client(self, service: str, region: str = REGION, account: str = ACCOUNT, **config: Any) -> Any:
        """Make a boto3 client that talks to this cloud."""
        options: dict[str, Any] = {"retries": {"mode": "standard", "max_attempts": 10}, **config}
        session: Any = boto3.session.Session(account, "secret", region_name=region)
        return session.client(service, endpoint_url=self.endpoint, config=Config(**options))

    def stop(self) -> None:
        """End both, the door first; repeating it is harmless."""
        for process in (self.door, self.moto):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(timeout=20)

    def kill(self, process: subprocess.Popen[bytes] | None) -> None:
        """Kill one of them with -9."""
        assert process is not None
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)

    def _spawn(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The local cloud that all tests of a run share; a test that needs it by name skips on AWS."""
    if ON_AWS:
        pytest.skip("looks into the local cloud itself")
    running = LocalCloud(tmp_path_factory.mktemp("cloud"))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def own_cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    """A local cloud for one test that kills parts of it; the test starts it."""
    if ON_AWS:
        pytest.skip("kills parts of the local cloud")
    running = LocalCloud(tmp_path)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def aws(request: pytest.FixtureRequest) -> Aws:
    """Make boto3 clients: `aws("rekognition")`, `aws("s3", region="eu-central-1")`."""
    if not ON_AWS:
        client: Aws = request.getfixturevalue("cloud").client
        return client

    def real(service: str, region: str = REGION, **config: Any) -> Any:
        options: dict[str, Any] = {"retries": {"mode": "standard", "max_attempts": 10}, **config}
        session: Any = boto3.session.Session(region_name=region)
        return session.client(service, config=Config(**options))

    return real


@pytest.fixture
def control(cloud: LocalCloud) -> Iterator[httpx.Client]:
    """A client of `/_gatehouse/…`; faults that the test switched on are off again afterwards."""
    with httpx.Client(base_url=f"{cloud.endpoint}/_gatehouse") as client:
        yield client
        client.delete("/faults")


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Make a name that no other test and no former run uses: `unique("lobby")`."""
    return lambda name: f"gatehouse-contract-{name}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def place(aws: Aws, unique: Callable[[str], str]) -> Iterator[Place]:
    """Everything one stream processor needs, made for the test and removed after it."""
    made = Place(functools.cache(aws), unique("processor")).make()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def portraits() -> list[list[bytes]]:
    """Return at least two photos (JPEG, one face) of each of three people.

    Real faces where the machine has them (`GATEHOUSE_TEST_FACES`, DIR/<person>/<n>.jpg), else the sample
    company's drawn ones. Only real faces mean anything to real AWS.
    """
    root = Path(__file__).parents[2]
    real = Path(os.environ.get("GATEHOUSE_TEST_FACES", root.parent / "shared" / "faces"))
    drawn = root / "sample" / "gatehouse_sample" / "people" / "pictures" / "employee"
    folder = real if real.is_dir() or ON_AWS else drawn
    if not folder.is_dir():
        pytest.skip(f"no faces: neither {real} nor {drawn} exists")
    # People whom no similarity scale was calibrated on (engine/scales/real-faces.json), if they are here.
    known = [folder / name for name in ("tony_blair", "vladimir_putin", "jacques_chirac")]
    people = known if all(path.is_dir() for path in known) else sorted(folder.iterdir())
    photos = [sorted(person.glob("*.jpg")) for person in people]
    return [[photo.read_bytes() for photo in own] for own in photos if len(own) > 1][:3]
