"""Give our AWS hooks their own waiters, and retries that slow down instead of failing."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.config import Config
from botocore.exceptions import ClientError

from gatehouse_provider.hooks.pacing import paced
from gatehouse_provider.hooks.retries import retried

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

# Quotas are inputs: adaptive mode paces the client by the throttling it meets, and is still bounded.
RETRIES: Any = {"mode": "adaptive", "max_attempts": 12}


_sessions: dict[tuple[Any, ...], Any] = {}
_user_agents: dict[str, str] = {}
_making = threading.Lock()


class AdaptiveRetries(AwsBaseHook):
    """Retry adaptively, unless the connection says how to retry; share one session a connection.

    The base class makes a session for every client, and each session reads botocore's endpoint and
    service models again: half a second of CPU a client, when the plan of a rollout needs a dozen.
    """

    def get_client_type(
        self, region_name: str | None = None, config: Config | None = None, deferrable: bool = False
    ) -> Any:
        """Make a client from the connection's shared session."""
        if deferrable:
            return super().get_client_type(region_name, config, deferrable)
        service = self._resolve_service_name(is_resource_type=False)
        return self.client_of(service, self.conn_config.get_service_endpoint_url(service), config)

    def client_of(self, service: str, endpoint: str | None, config: Config | None = None) -> Any:
        """Make a client of any service in this hook's Region."""
        with _making:  # making a client isn't thread-safe; using one is
            client = self._shared_session().client(
                service,
                region_name=self.region_name,
                endpoint_url=endpoint,
                config=self._get_config(config),
                verify=self.verify,
            )
        return retried(paced(client, self.region_name))

    def _generate_user_agent_extra_field(self, existing_user_agent_extra: str) -> str:
        """Ask the base class once a process: it walks the call stack with its source lines."""
        if existing_user_agent_extra not in _user_agents:
            generated = super()._generate_user_agent_extra_field(existing_user_agent_extra)
            _user_agents[existing_user_agent_extra] = generated
        return _user_agents[existing_user_agent_extra]

    def _shared_session(self) -> Any:
        conn = self.conn_config
        # A connection that changed is another one; a triggerer lives long enough to see that.
        key = (conn.conn_id, conn.aws_access_key_id, conn.aws_secret_access_key, conn.role_arn)
        if key not in _sessions:
            _sessions[key] = self.get_session(region_name=self.region_name)
        return _sessions[key]

    @property
    def client(self) -> Any:
        """Return the boto3 client, which the amazon provider types as nothing in particular."""
        return self.conn

    def _get_config(self, config: Config | None = None) -> Config:
        merged = super()._get_config(config)
        return merged if getattr(merged, "retries", None) else merged.merge(Config(retries=RETRIES))


class GatehouseAwsHook(AdaptiveRetries):
    """Base of hooks for services that the amazon provider doesn't cover.

    Subclasses set `client_type`.
    """

    client_type: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = type(self).client_type
        super().__init__(*args, **kwargs)

    @cached_property
    def waiter_path(self) -> os.PathLike[str] | None:
        """Look for waiters beside this package; the base class looks beside its own file."""
        path = Path(__file__).parents[1] / "waiters" / f"{self.client_type}.json"
        return path if path.exists() else None


def error_code(error: ClientError) -> str:
    """Return AWS's code of an error, such as ResourceNotFoundException."""
    return str(error.response.get("Error", {}).get("Code", ""))


def pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    """Yield the items of every page of a list operation."""
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page[key]
