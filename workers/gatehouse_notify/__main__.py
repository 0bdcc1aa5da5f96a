"""Run the notifier: `python -m gatehouse_notify --config DIR --health-port P`.

It serves the notification queue of every Region in config/regions.yaml. Environment: DATABASE_URL,
OPENSEARCH_URL, the channels' addresses (config/rules.yaml, `webhook_env`), and AWS's usual ones.
SIGTERM and SIGINT finish the alert in hand and end it.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import boto3
import httpx
from botocore.config import Config
from sqlalchemy import create_engine

from gatehouse.exceptions import ConfigError
from gatehouse.office.config import read_company
from gatehouse_notify.channels import open_channels
from gatehouse_notify.claims import Claims
from gatehouse_notify.deliver import Delivery
from gatehouse_notify.health import health_server
from gatehouse_notify.metrics import Metrics
from gatehouse_notify.queue import WAIT_SECONDS, Queue
from gatehouse_notify.rounds import Rounds
from gatehouse_notify.search import search_client
from gatehouse_notify.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse.office.config import Company

LOG = logging.getLogger("gatehouse_notify")
SWEEP_SECONDS = 15.0
# All attempts of a channel together take less.
DRAIN_SECONDS = 60.0
AWS = Config(connect_timeout=3, read_timeout=WAIT_SECONDS + 10, retries={"mode": "standard"})


@dataclass(frozen=True, slots=True)
class Notifier:
    """Hold the running parts and what they share."""

    delivery: Delivery
    metrics: Metrics
    parts: list[Rounds]

    def trouble(self) -> dict[str, str]:
        """Return what is wrong now, by part."""
        return {part.name: part.trouble for part in self.parts if part.trouble}


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; returns the process's exit status."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("httpx", "opensearch"):  # addresses can hold secrets; refused connections are told once
        logging.getLogger(chatty).setLevel(logging.ERROR)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        notifier = _assemble(read_company(options.config).company, os.environ, stop)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    _run(notifier, stop, options)
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gatehouse_notify", description="Tell people about alerts, once.")
    parser.add_argument("--config", type=Path, required=True, help="folder of regions.yaml and rules.yaml")
    parser.add_argument("--health-port", type=int, required=True)
    parser.add_argument("--health-host", default="127.0.0.1", help="0.0.0.0 inside a container")
    return parser.parse_args(arguments)


def _assemble(company: Company, environment: Mapping[str, str], stop: Event) -> Notifier:
    missing = [name for name in ("DATABASE_URL", "OPENSEARCH_URL") if not environment.get(name)]
    if missing:
        msg = f"The notifier lacks {', '.join(missing)} in its environment. It has not started."
        raise ConfigError(msg)
    metrics = Metrics()
    owner = f"{socket.gethostname()}:{os.getpid()}"
    claims = Claims(create_engine(environment["DATABASE_URL"], pool_pre_ping=True), owner, _now)
    channels = open_channels(company.rules.channels, environment, httpx.Client(), stop.wait)
    delivery = Delivery(claims, channels, metrics)
    search = search_client(environment["OPENSEARCH_URL"])
    sweep = Sweep(search, delivery, metrics, _now, stop.is_set)
    parts = [Rounds("sweep", sweep.serve, stop, metrics, SWEEP_SECONDS)]
    for region, names in company.regions.regions.items():
        sqs = boto3.client("sqs", region_name=region, config=AWS)
        queue = Queue(sqs, names.notify_queue, delivery, metrics, stop.is_set)
        parts.append(Rounds(f"queue {region}", queue.serve, stop, metrics))
    return Notifier(delivery, metrics, parts)


def _run(notifier: Notifier, stop: Event, options: argparse.Namespace) -> None:
    server = health_server(
        options.health_port, notifier.metrics.render, notifier.trouble, options.health_host
    )
    Thread(target=server.serve_forever, name="health", daemon=True).start()
    for part in notifier.parts:
        part.thread.start()
    LOG.info("Serving %s", ", ".join(part.name for part in notifier.parts))
    stop.wait()
    if not notifier.delivery.drain(DRAIN_SECONDS):
        LOG.warning("Stopped with an alert in hand; its claim lapses and another notifier sends it")
    server.shutdown()
    LOG.info("Stopped")


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
