from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from threading import Event

import httpx
import pytest

from gatehouse.exceptions import ConfigError
from gatehouse.office.model import Channel
from gatehouse_notify.channels import open_channels
from gatehouse_notify.health import health_server
from gatehouse_notify.metrics import HELP, Metrics
from gatehouse_notify.rounds import Rounds
from ports import free_port

ROOT = Path(__file__).parents[3]


def _get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_health_names_what_fails() -> None:
    broken: dict[str, str] = {}
    server = health_server(0, Metrics().render, lambda: broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    assert _get(port, "/healthz") == (200, '{"status": "ok", "parts": {}}')
    broken["queue eu-central-1"] = "refused"
    assert _get(port, "/healthz") == (
        503,
        '{"status": "failing", "parts": {"queue eu-central-1": "refused"}}',
    )
    assert _get(port, "/else")[0] == 404
    assert "gatehouse_notify_delivered_total 0" in _get(port, "/metrics")[1]
    server.shutdown()
    server.server_close()


def test_every_counter_explains_itself() -> None:
    text = Metrics().render()
    assert all(f"# HELP gatehouse_notify_{name}_total" in text for name in HELP)


def test_failing_round_is_repeated_and_forgotten_once_it_works() -> None:
    stop, tries = Event(), []

    def serve() -> None:
        tries.append(rounds.trouble)
        if len(tries) == 1:
            raise OSError("refused")
        if len(tries) == 3:
            stop.set()

    metrics = Metrics()
    rounds = Rounds("queue", serve, stop, metrics)
    rounds.thread.start()
    rounds.thread.join(10)
    assert tries == ["", "OSError: refused", ""]
    assert metrics.value("errors") == 1


def test_channel_without_its_address_is_named() -> None:
    channels = {"security": Channel(webhook_env="SOME_URL")}
    with pytest.raises(ConfigError, match="SOME_URL"):
        open_channels(channels, {}, httpx.Client(), lambda seconds: None)


def test_process_starts_answers_and_ends_on_sigterm() -> None:
    """Nothing it needs is there, so it says so in its health, and still ends cleanly."""
    port = free_port()
    nowhere = "http://127.0.0.1:9"
    process = subprocess.Popen(
        [sys.executable, "-m", "gatehouse_notify", "--config", ROOT / "config", "--health-port", str(port)],
        env={
            **os.environ,
            "AWS_ENDPOINT_URL": nowhere,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "OPENSEARCH_URL": nowhere,
            "DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:9/none",
            "GATEHOUSE_WEBHOOK_URL": nowhere,
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    assert any("Serving sweep, queue ap-northeast-1" in line for line in process.stderr)
    status, body = _get(port, "/metrics")
    assert (status, "gatehouse_notify_received_total 0" in body) == (200, True)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Stopped" in errors


def test_process_names_what_its_environment_lacks() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "gatehouse_notify", "--config", ROOT / "config", "--health-port", "0"],
        env={
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "OPENSEARCH_URL")
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "lacks DATABASE_URL, OPENSEARCH_URL" in run.stderr
