"""Speak to Airflow over its REST API, as a person's browser would."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx

from gatehouse_stack.layout import AIRFLOW_PASSWORD, AIRFLOW_USER, Layout


class AirflowError(RuntimeError):
    """Raise when Airflow refuses a request or a run ends badly."""


class AirflowSilentError(AirflowError):
    """Raise when Airflow gives no answer; whether it did what was asked is unknown."""


class AirflowApi:
    """Hold one signed-in session; `transport` replaces the network in tests."""

    def __init__(self, layout: Layout, transport: httpx.BaseTransport | None = None) -> None:
        self.client = httpx.Client(base_url=layout.url("airflow"), timeout=30, transport=transport)
        login = {"username": AIRFLOW_USER, "password": AIRFLOW_PASSWORD}
        token = self._send("POST", "/auth/token", json=login)["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **params: Any) -> Any:
        """GET below /api/v2 and return the JSON."""
        return self._send("GET", f"/api/v2/{path}", params=params)

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's runs start; raise AirflowError while it isn't parsed."""
        self._send("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def import_errors(self) -> list[str]:
        """Return the DAG files that don't import, with their errors."""
        found = self.get("importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in found]

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run and return its id."""
        body = {"logical_date": None, "conf": conf}
        return str(self._send("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def watch(self, dag_id: str, run_id: str, seconds: float) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield the run's state and its task instances about once a second until it has ended.

        An API server that is silent meanwhile, busy or being restarted, is asked again. Raise TimeoutError
        when the run isn't known to have ended after `seconds`.
        """
        deadline, state = time.monotonic() + seconds, "silent"
        path = f"dags/{dag_id}/dagRuns/{run_id}"
        while True:
            with contextlib.suppress(AirflowSilentError):
                state = str(self.get(path)["state"])
                tasks = self.get(f"{path}/taskInstances", limit=200)["task_instances"]
                yield state, tasks
                if state in ("success", "failed"):
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{dag_id} {run_id} is still {state} after {seconds:.0f} s")
            time.sleep(1)

    def task_log(self, dag_id: str, run_id: str, task: dict[str, Any], lines: int = 25) -> str:
        """Return the last lines of a task instance's log as text."""
        where = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        answer = self.get(where, map_index=task["map_index"], full_content=True)
        events = answer["content"] if isinstance(answer["content"], list) else [answer["content"]]
        return "\n".join(_line(event) for event in events[-lines:])

    def _send(self, method: str, path: str, **request: Any) -> Any:
        try:
            response = self.client.request(method, path, **request)
        except httpx.TransportError as error:
            raise AirflowSilentError(
                f"Airflow gave no answer to {method} {path} ({type(error).__name__}); whether it acted is "
                "unknown. See `make logs PART=airflow-api`, then run the same command again."
            ) from error
        if response.is_error:
            raise AirflowError(
                f"Airflow answered {response.status_code} to {method} {path}: {response.text[:500]}"
            )
        return response.json()


def _line(event: Any) -> str:
    if not isinstance(event, dict):
        return str(event)
    details = event.get("error_detail") or []
    causes = [f"{cause.get('exc_type')}: {cause.get('exc_value')}" for cause in details]
    return " ".join([str(event.get("event", json.dumps(event))), *causes])
