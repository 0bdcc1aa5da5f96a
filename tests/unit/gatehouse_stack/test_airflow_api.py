"""What an Airflow that refuses, is silent for a while, or stays so means for who waits for a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gatehouse_stack.airflow_api import AirflowApi, AirflowError, AirflowSilentError
from gatehouse_stack.layout import Layout

Answer = dict[str, object] | int | Exception


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


def api(tmp_path: Path, answer: Callable[[str], Answer]) -> AirflowApi:
    """Sign in to an Airflow that answers by path: with JSON, an error's status, or not at all."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        found = answer(request.url.path)
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found, text="no") if isinstance(found, int) else httpx.Response(200, json=found)

    return AirflowApi(Layout(tmp_path, tmp_path, 24900), httpx.MockTransport(handle))


def test_a_run_is_followed_through_an_api_server_that_is_silent_for_a_while(tmp_path: Path) -> None:
    states: list[Answer] = [
        {"state": "running"},
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("restarting"),
        {"state": "success"},
    ]

    def answer(path: str) -> Answer:
        return {"task_instances": []} if path.endswith("taskInstances") else states.pop(0)

    seen = [state for state, _ in api(tmp_path, answer).watch("dag", "run", 60)]
    assert seen == ["running", "success"]


def test_a_run_of_an_airflow_that_stays_silent_times_out(tmp_path: Path) -> None:
    silent = api(tmp_path, lambda _: httpx.ReadTimeout("slow"))
    with pytest.raises(TimeoutError, match="dag run is still silent after 0 s"):
        list(silent.watch("dag", "run", 0.02))


def test_a_refusal_is_told_with_its_words_and_a_silence_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AirflowError, match="answered 404 to PATCH /api/v2/dags/dag: no"):
        api(tmp_path, lambda _: 404).unpause("dag")
    with pytest.raises(AirflowSilentError, match="make logs PART=airflow-api"):
        api(tmp_path, lambda _: httpx.ReadTimeout("slow")).trigger("dag", {})
