"""The door hands calls to handlers and routes, and turns whatever they raise into an answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from gatehouse_local.core.calls import CallLog, Filter
from gatehouse_local.core.control import Control
from gatehouse_local.core.door import Door, admit
from gatehouse_local.core.encode import Answer
from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.exchange import Rules
from gatehouse_local.core.faults import Faults
from gatehouse_local.core.quotas import Quotas
from gatehouse_local.core.service import CallContext, Service
from gatehouse_local.core.wire import send_answer
from gatehouse_local.moto.refusal import refuse

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


class Moto:
    """What the door hands calls on to, as it sees it."""

    async def forward(self, exchange: Any, headers: Any, scope: Any, receive: Any, send: Any) -> None:
        await send_answer(Answer(200, {"x-from": "moto"}, b"moto"), scope, receive, send)

    def refuse(self, exchange: Any, headers: Any, error: AwsError) -> Answer:
        return refuse(exchange.service, headers, error, exchange.request_id)


@pytest.fixture
def rules(tmp_path: Path) -> Iterator[Rules]:
    log = CallLog(tmp_path)
    yield Rules(Quotas.defaults(), Faults(), log)
    log.close()


@pytest.fixture
def client(rules: Rules) -> Iterator[httpx.AsyncClient]:
    async def put_media(request: Request) -> StreamingResponse:
        context = await admit(request, "kinesisvideo", "PutMedia", request.headers["x-amzn-stream-name"])
        body = await request.body()

        async def acks() -> AsyncIterator[bytes]:
            yield context.account.encode()
            yield body

        return StreamingResponse(acks())

    Route("/putMedia", put_media, methods=["POST"], name="PutMedia")
    services = [
        Service("rekognition", {"CreateCollection": _create, "ListCollections": _break}),
        Service("rekognition", {"ListFaces": lambda context, params: {"Faces": []}}),
        Service(
            "kinesisvideo", {}, routes=[Route("/putMedia", put_media, methods=["POST"], name="PutMedia")]
        ),
    ]
    control = Control(rules, lambda: {"status": "ok"}, list)
    door = Door(services, rules, Moto(), control.app())  # type: ignore[arg-type]
    transport = httpx.ASGITransport(door, raise_app_exceptions=False)
    yield httpx.AsyncClient(transport=transport, base_url="http://door:1")
    door.close()


def _create(context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
    if params["CollectionId"] == "taken":
        raise AwsError("ResourceAlreadyExistsException", "taken")
    where = (context.account, context.region, context.operation, context.base_url)
    return {"CollectionArn": "|".join(where), "StatusCode": 200}


def _break(context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
    raise KeyError("collection")


def signed(service: str, operation: str = "") -> dict[str, str]:
    scope = f"222222222222/20261123/us-west-2/{service}/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    target = {"x-amz-target": f"RekognitionService.{operation}"} if operation else {}
    return {"authorization": authorization} | target


def outcomes(rules: Rules) -> list[tuple[str, str, str]]:
    return [(row["service"], row["operation"], row["outcome"]) for row in rules.calls.read(Filter())]


async def test_a_handler_learns_who_calls_where(client: httpx.AsyncClient) -> None:
    headers = signed("rekognition", "CreateCollection")
    answer = await client.post("/", headers=headers, content=b'{"CollectionId":"a"}')
    assert answer.json()["CollectionArn"] == "222222222222|us-west-2|CreateCollection|http://door:1"
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert answer.headers["x-amzn-requestid"]


async def test_packages_may_share_a_model(client: httpx.AsyncClient) -> None:
    headers = signed("rekognition", "ListFaces")
    answer = await client.post("/", headers=headers, content=b'{"CollectionId":"a"}')
    assert answer.json() == {"Faces": []}


def test_two_packages_may_not_offer_one_operation(rules: Rules) -> None:
    twice = [Service("rekognition", {"ListFaces": _create})] * 2
    with pytest.raises(ValueError, match="two packages"):
        Door(twice, rules, Moto(), None)  # type: ignore[arg-type]


async def test_a_refusal_is_answered_and_logged(client: httpx.AsyncClient, rules: Rules) -> None:
    headers = signed("rekognition", "CreateCollection")
    answer = await client.post("/", headers=headers, content=b'{"CollectionId":"taken"}')
    assert (answer.status_code, answer.json()["__type"]) == (400, "ResourceAlreadyExistsException")
    assert outcomes(rules) == [("rekognition", "CreateCollection", "ResourceAlreadyExistsException")]


async def test_a_broken_handler_is_a_500_and_its_trace_is_in_the_log(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await client.post("/", headers=signed("rekognition", "ListCollections"), content=b"{}")
    assert (answer.status_code, answer.json()["__type"]) == (500, "InternalFailure")
    assert "KeyError" in caplog.text


async def test_a_streaming_route_is_admitted_and_streams(client: httpx.AsyncClient, rules: Rules) -> None:
    headers = signed("kinesisvideo") | {"x-amzn-stream-name": "cam"}
    answer = await client.post("/putMedia", headers=headers, content=b"mkv")
    assert answer.content == b"222222222222mkv"
    assert outcomes(rules) == [("kinesisvideo", "PutMedia", "ok")]


async def test_a_streaming_route_has_its_quota_and_faults(client: httpx.AsyncClient, rules: Rules) -> None:
    headers = signed("kinesisvideo") | {"x-amzn-stream-name": "cam"}
    rules.quotas.set("kinesisvideo", "PutMedia/resource", 0)
    answer = await client.post("/putMedia", headers=headers, content=b"mkv")
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "ClientLimitExceededException")
    rules.faults.add({"service": "kinesisvideo", "kind": "error", "code": "Gone", "status": 503})
    answer = await client.post("/putMedia", headers=headers, content=b"mkv")
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (503, "Gone")
    assert [outcome for *_, outcome in outcomes(rules)] == ["throttled", "fault:Gone"]


async def test_an_unsigned_stream_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/putMedia", headers={"x-amzn-stream-name": "cam"}, content=b"mkv")
    assert answer.status_code == 403


async def test_a_path_of_ours_signed_for_another_service_is_motos(client: httpx.AsyncClient) -> None:
    answer = await client.put("/putMedia", headers=signed("s3"), content=b"x")
    assert answer.headers["x-from"] == "moto"


async def test_a_body_over_the_limit_is_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatehouse_local.core.wire.read_body.__defaults__", (10,))
    answer = await client.post("/", headers=signed("rekognition", "ListFaces"), content=b" " * 11)
    assert answer.status_code == 413


async def test_faults_are_switched_by_the_control_pages(client: httpx.AsyncClient, rules: Rules) -> None:
    made = await client.post("/_gatehouse/faults", json={"name": "wrong_face", "seed": 4})
    assert made.status_code == 201
    assert rules.faults.active("wrong_face", "us-west-2")
    assert (await client.delete("/_gatehouse/faults", params={"id": made.json()["id"]})).json() == {
        "removed": 1
    }
    for bad in ({"name": "x"}, [1]):
        assert (await client.post("/_gatehouse/faults", json=bad)).status_code == 400
    assert (await client.post("/_gatehouse/quotas", json={"service": "x"})).status_code == 400
    assert (await client.get("/_gatehouse/calls", params={"since": "now"})).status_code == 400


async def test_the_call_log_is_read_whole_or_by_its_end(client: httpx.AsyncClient, rules: Rules) -> None:
    headers = signed("rekognition", "ListFaces")
    for _ in range(3):
        await client.post("/", headers=headers, content=b'{"CollectionId":"a"}')
    await client.get("/other", headers=signed("s3"))
    everything = (await client.get("/_gatehouse/calls", params={"limit": 0})).json()
    assert (len(everything["calls"]), everything["total"]) == (4, 4)
    wanted: dict[str, str | int] = {"service": "rekognition", "operation": "ListFaces", "limit": 2}
    shown = (await client.get("/_gatehouse/calls", params=wanted)).json()
    assert (len(shown["calls"]), shown["total"]) == (2, 3)
    later = everything["calls"][2]["time"]
    since = (await client.get("/_gatehouse/calls", params={"since": later})).json()
    assert [call["operation"] for call in since["calls"]] == ["ListFaces", "-"]
    assert (await client.get("/_gatehouse/calls", params={"service": "sqs"})).json() == {
        "calls": [],
        "total": 0,
    }
