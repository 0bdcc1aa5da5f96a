"""Rollouts and decommissionings are seen and commanded each by the right on its own DAG's runs."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from gatehouse.ledger.control import steering
from gatehouse.ledger.rollouts import record_plan
from gatehouse_ui import access
from gatehouse_ui.tables import TABLES
from rollout_story import NOW, RUN, tell_story

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fastapi.testclient import TestClient
    from sqlalchemy import Connection

END = "manual__end-of-berlin"
PLAN = {"kind": "decommissioning", "offices": {"berlin": {}}, "waves": [], "kept": []}
PAGE = f"/rollout/{quote(RUN, safe='')}"


@pytest.fixture
def told(ledger: Connection) -> Connection:
    """Tell of a rollout and of a decommissioning, both under way."""
    tell_story(ledger)
    record_plan(ledger, END, PLAN, "abc", [], dry_run=False, at=NOW)
    return ledger


@pytest.fixture
def granted(sign_in: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """Return a way to browse with rights on the runs of single DAGs, which SimpleAuthManager can't give."""

    def browse(read: Collection[str], edit: Collection[str] = ()) -> TestClient:
        def is_authorized_dag(*, method: str, details: Any, **_: Any) -> bool:
            return details.id in (edit if method == "PUT" else read)

        manager = SimpleNamespace(is_authorized_dag=is_authorized_dag)
        monkeypatch.setattr(access, "get_auth_manager", lambda: manager)
        return sign_in()

    return browse


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_refused_to_whom_its_page_is(
    told: Connection, granted: Callable[..., TestClient], name: str
) -> None:
    del told
    client = granted({"office_rollout"})
    assert client.get(f"/rollout/{END}").status_code == 403
    answer = client.get(f"/table/{name}/{END}")
    assert answer.status_code == 403
    assert "runs of the DAG office_decommission" in answer.text
    assert client.get(f"/table/{name}/{quote(RUN, safe='')}").status_code == 200


def test_lists_leave_out_what_a_user_may_not_see(
    told: Connection, granted: Callable[..., TestClient]
) -> None:
    del told
    for dag_id, seen, unseen in (
        ("office_rollout", RUN, END),
        ("office_decommission", END, RUN),
    ):
        client = granted({dag_id})
        for path in ("/rollouts", "/table/rollouts"):
            text = client.get(path).text
            assert seen in text
            assert unseen not in text
    client = granted({"office_rollout"})
    assert END not in client.get("/fleet").text
    both = granted({"office_rollout", "office_decommission"})
    for path in ("/rollouts", "/table/rollouts", "/fleet"):
        assert END in both.get(path).text


def test_a_decommissioning_is_commanded_without_the_right_on_rollouts(
    told: Connection, granted: Callable[..., TestClient]
) -> None:
    own = {"office_decommission"}
    client = granted(own, own)
    token = re.findall(r'name="token" value="([^"]+)"', client.get(f"/rollout/{END}").text)[0]
    form = {"token": token, "command": "pause", "reason": "the lens is foggy"}
    assert client.post(f"/rollout/{END}", data=form).status_code == 303
    assert steering(told, END).desired == "pause"


def test_neither_a_rollout_nor_everything_is_commanded_by_the_right_on_decommissionings(
    told: Connection, granted: Callable[..., TestClient]
) -> None:
    both = {"office_rollout", "office_decommission"}
    client = granted(both, both)
    tokens = {
        path: re.findall(r'name="token" value="([^"]+)"', client.get(path).text)[0]
        for path in (PAGE, "/fleet")
    }
    client = granted(both, {"office_decommission"})
    for path, command in ((PAGE, "abort"), ("/fleet", "stop_all")):
        form = {"token": tokens[path], "command": command, "reason": "the lens is foggy"}
        answer = client.post(path, data=form)
        assert answer.status_code == 403
        assert "runs of the DAG office_rollout" in answer.text
    assert steering(told, RUN).desired == "run"
    assert steering(told, RUN).stop is None


def test_a_table_of_no_rollout_is_not_found(sign_in: Callable[..., TestClient]) -> None:
    assert sign_in("viewer").get("/table/events/run-9").status_code == 404
