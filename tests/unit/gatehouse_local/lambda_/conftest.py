"""Run Lambda on a real moto and real child processes, without the front door."""

from __future__ import annotations

import io
import textwrap
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from gatehouse_local.core.clients import Clients
from gatehouse_local.core.faults import Faults
from gatehouse_local.core.runtime import Runtime
from gatehouse_local.core.service import CallContext, Service
from gatehouse_local.core.store import Store
from gatehouse_local.lambda_.service import build

ACCOUNT, REGION = "123456789012", "eu-central-1"
FAST = {
    "activation_seconds": 0.0,
    "mapping_settle_seconds": 0.0,
    "poll_seconds": 0.02,
    "idle_poll_seconds": 0.05,
    "retry_base_seconds": 0.02,
    "retry_cap_seconds": 0.1,
    "shard_scan_seconds": 0.2,
    "async_retry_seconds": [0.05, 0.05],
}


class TrustingRoles:
    """Stand in for IAM: every role may do everything."""

    def assume(self, *_: object) -> bool:
        return True

    def allows(self, *_: object) -> bool:
        return True


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def clients(moto: str) -> Clients:
    return Clients(moto)


@pytest.fixture
def make_runtime(moto: str, tmp_path: Path) -> Callable[..., Runtime]:
    def make(**settings: Any) -> Runtime:
        config = {"lambda": {**FAST, **settings}}
        store = Store(tmp_path / "store.db")
        runtime = Runtime(store, tmp_path, moto, time.time, config, Faults())
        runtime.__dict__["roles"] = TrustingRoles()
        return runtime

    return make


class Cloud:
    """Call a built service as the front door would."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def __call__(self, operation: str, **request: Any) -> Any:
        context = CallContext(ACCOUNT, REGION, "lambda", operation, str(uuid.uuid4()), "http://door")
        return self.service.operations[operation](context, request)

    def create(self, name: str, source: str, **more: Any) -> Any:
        request = {"Runtime": "python3.11", "Handler": "app.handler", "Role": role(), "Timeout": 5, **more}
        return self("CreateFunction", FunctionName=name, Code={"ZipFile": zipped(source)}, **request)


@pytest.fixture
def cloud(make_runtime: Callable[..., Runtime]) -> Iterator[Cloud]:
    service = build(make_runtime())
    service.start()
    yield Cloud(service)
    service.stop()


def role() -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/lambda"


def zipped(source: str, **others: str) -> bytes:
    """Zip `app.py` with the given source, and other files by name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("app.py", textwrap.dedent(source))
        for name, text in others.items():
            archive.writestr(name, text)
    return file.getvalue()


def eventually(check: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Wait until `check` returns something true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found
