"""Call the other services through the front door, in the name of one account and Region."""

from __future__ import annotations

import threading
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

POOL_SIZE = 64  # connections: every poller thread may be in a call at once


class Clients:
    """Make each boto3 client once and share it; safe from any thread.

    The account id is the access key. `retries` counts botocore's own attempts: callers that must
    outlive an outage retry on top.
    """

    def __init__(self, endpoint: str, retries: int = 2) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str, str, str], Any] = {}
        self._config = Config(
            max_pool_connections=POOL_SIZE,
            retries={"mode": "standard", "total_max_attempts": retries},
            connect_timeout=5,
            read_timeout=30,
            proxies={},
            parameter_validation=False,
            s3={"addressing_style": "path"},
        )

    def of(self, service: str, account: str, region: str, endpoint: str = "") -> Any:
        """Return the client of a service; `endpoint` where a data endpoint differs from the door's."""
        key = (service, account, region, endpoint or self._endpoint)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(*key)
            return self._made[key]

    def _make(self, service: str, account: str, region: str, endpoint: str) -> Any:
        session: Any = session_of(account, region)
        return session.client(service, endpoint_url=endpoint, config=self._config)


def session_of(account: str, region: str) -> boto3.session.Session:
    """Make a session that doesn't look at the user's AWS profile: AWS_PROFILE may name one we lack."""
    nowhere = (None, None, None, None)
    plain = botocore.session.Session(session_vars={"profile": nowhere})
    return boto3.session.Session(account, "local", region_name=region, botocore_session=plain)
