"""Who may command does so once, with a name and a reason; everybody else changes nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from sqlalchemy import select

from gatehouse.ledger.control import steering
from gatehouse.ledger.rollouts import set_rollout_phase, set_wave_phase
from gatehouse.ledger.tables import control_event
from rollout_story import NOW, RUN, tell_story

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.testclient import TestClient
    from httpx import Response
    from sqlalchemy import Connection

PAGE = f"/rollout/{quote(RUN, safe='')}"


@pytest.fixture
def told(ledger: Connection) -> Connection:
    tell_story(ledger)
    return ledger


def token_of(client: TestClient, path: str = PAGE) -> str:
    return re.findall(r'name="token" value="([^"]+)"', client.get(path).text)[0]


def press(client: TestClient, command: str, token: str | None = None, **more: Any) -> Response:
    form = {"command": command, "reason": "the lens is foggy", **more}
    return client.post(PAGE, data={"token": token or token_of(client), **form})


def events(connection: Connection, who: str = "ana") -> list[Any]:
    rows = connection.execute(select(control_event).where(control_event.c.who == who))
    return list(rows)


def test_without_a_login_nothing_is_seen_or_done(
    told: Connection, sign_in: Callable[..., TestClient]
) -> None:
    client = sign_in(None)
    for path in ("/", "/rollouts", PAGE, "/fleet", "/table/rollouts", f"/table/cameras/{RUN}"):
        assert client.get(path).status_code == 401
    assert client.post(PAGE, data={"token": "x", "command": "pause", "reason": "foggy"}).status_code == 401
    assert client.post("/fleet", data={"token": "x", "command": "stop_all", "reason": "x"}).status_code == 401
    assert events(told) == []


def test_a_viewer_sees_why_and_changes_nothing(told: Connection, sign_in: Callable[..., TestClient]) -> None:
    token = token_of(sign_in("user"))
    client = sign_in("viewer")
    page = client.get(PAGE).text
    assert "<form" not in page
    assert "You may look, not command" in page
    for path, command in ((PAGE, "pause"), ("/fleet", "stop_all")):
        answer = client.post(path, data={"token": token, "command": command, "reason": "foggy"})
        assert answer.status_code == 403
        assert "nothing was changed" in answer.text
    assert events(told) == []


def test_a_user_without_any_role_sees_nothing(told: Connection, sign_in: Callable[..., TestClient]) -> None:
    del told
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user

    client = sign_in()
    client.app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="x", role=None)  # type: ignore[attr-defined]
    assert client.get("/rollouts").status_code == 403


@pytest.mark.parametrize(
    ("command", "desired"), [("pause", "pause"), ("abort", "abort"), ("rollback", "rollback")]
)
def test_a_command_is_an_event_with_name_and_reason(
    told: Connection, sign_in: Callable[..., TestClient], command: str, desired: str
) -> None:
    client = sign_in()
    answer = press(client, command)
    assert answer.status_code == 303
    (event,) = events(told)
    assert (event.command, event.reason, event.at, event.rollout_id) == (
        command,
        "the lens is foggy",
        NOW,
        RUN,
    )
    assert steering(told, RUN).desired == desired
    assert f"Recorded: <strong>{command}" in client.get(answer.headers["location"]).text


def test_sending_a_form_twice_is_pressing_once(told: Connection, sign_in: Callable[..., TestClient]) -> None:
    client = sign_in()
    token = token_of(client)
    assert [press(client, "abort", token).status_code for _ in range(2)] == [303, 303]
    assert len(events(told)) == 1


def test_a_promotion_is_of_the_wave_that_the_page_showed(
    told: Connection, sign_in: Callable[..., TestClient]
) -> None:
    client = sign_in()
    late = press(client, "promote", wave="pilot")
    assert late.status_code == 409
    assert "isn&#39;t under way" in late.text
    assert press(client, "promote", wave="rest").status_code == 303
    assert steering(told, RUN).promoted == {"rest"}
    again = press(client, "promote", wave="rest")
    assert again.status_code == 409
    assert "promoted already" in again.text
    assert len(events(told)) == 1


def test_a_command_that_makes_no_sense_is_refused_with_the_reason(
    told: Connection, sign_in: Callable[..., TestClient]
) -> None:
    client = sign_in()
    answer = press(client, "resume")
    assert answer.status_code == 409
    assert "It isn&#39;t paused" in answer.text
    set_wave_phase(told, RUN, "rest", "Degraded", NOW, ended=True)
    set_rollout_phase(told, RUN, "Degraded", NOW, ended=True)
    for command in ("pause", "abort", "promote", "hotfix"):
        assert "The rollout has ended" in press(client, command, wave="rest").text
    assert press(client, "rollback").status_code == 303


def test_a_hotfix_has_an_end(told: Connection, sign_in: Callable[..., TestClient]) -> None:
    client = sign_in()
    assert press(client, "hotfix", hours="4").status_code == 303
    fix = steering(told, RUN).hotfix
    assert fix is not None
    assert (fix.who, fix.until - fix.at) == ("ana", timedelta(hours=4))
    assert press(client, "hotfix", hours="1000").status_code == 422


@pytest.mark.parametrize("reason", ["", "   ", "x"])
def test_a_command_needs_a_reason(told: Connection, sign_in: Callable[..., TestClient], reason: str) -> None:
    answer = press(sign_in(), "abort", reason=reason)
    assert answer.status_code == 422
    assert "reason" in answer.text
    assert events(told) == []


def test_a_form_counts_only_for_whom_and_what_it_was_made(
    told: Connection, sign_in: Callable[..., TestClient]
) -> None:
    bos = token_of(sign_in("user", "bo"))
    client = sign_in("user", "ana")
    of_the_fleet = token_of(client, "/fleet")
    for token in ("forged", bos, of_the_fleet, "a.b.c"):
        answer = press(client, "abort", token)
        assert answer.status_code == 403
        assert "nothing was changed" in answer.text
    assert events(told) == []


def test_a_dry_run_takes_no_command(told: Connection, sign_in: Callable[..., TestClient]) -> None:
    del told
    page = sign_in().get("/rollout/manual__dry").text
    assert "<form" not in page
    assert page.count("A dry run changes nothing") == 6


def test_everything_is_stopped_and_released_from_the_fleet_page(
    told: Connection, sign_in: Callable[..., TestClient]
) -> None:
    client = sign_in()
    for command in ("stop_all", "release_all"):
        form = {"token": token_of(client, "/fleet"), "command": command, "reason": "AWS is down"}
        answer = client.post("/fleet", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/fleet")
        if command == "stop_all":
            stop = steering(told, RUN).stop
            assert stop is not None
            assert (stop.who, stop.reason) == ("ana", "AWS is down")
    assert len(events(told)) == 2


def test_a_command_for_an_unknown_rollout_is_not_found(sign_in: Callable[..., TestClient]) -> None:
    from gatehouse_ui.press import Presses

    token = Presses("a secret").sign("ana", "run-9")
    answer = sign_in().post("/rollout/run-9", data={"token": token, "command": "abort", "reason": "foggy"})
    assert answer.status_code == 404
    assert "nothing was changed" in answer.text
