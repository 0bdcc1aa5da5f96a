"""Give our AWS hooks their own waiters, and retries that slow down instead of failing."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

# Quotas are inputs: adaptive mode paces the client by the throttling it meets, and is still bounded.
RETRIES: Any = {"mode": "adaptive", "max_attempts": 12}


class AdaptiveRetries(AwsBaseHook):
    """Retry adaptively, unless the connection says how to retry."""

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
