"""Make the AWS clients with which the stack's own tools talk to the local cloud."""

from __future__ import annotations

import functools
from typing import Any

import boto3
from botocore.config import Config

from gatehouse_stack.layout import ACCOUNT, Layout

# Path style: a bucket's name is no host here. The local cloud keeps AWS's quotas, so calls may be throttled.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 6}, s3={"addressing_style": "path"})


@functools.cache
def client(layout: Layout, service: str, region: str, endpoint: str | None = None) -> Any:
    """Return the boto3 client of a service in a Region; each is made only once: it takes 0.1 s.

    `endpoint` replaces the front door where a call has its own, as GetDataEndpoint tells. Clients may be
    shared between threads, but let one thread ask for a new one at a time.
    """
    return _session().client(  # type: ignore[call-overload]
        service, region_name=region, endpoint_url=endpoint or layout.url("cloud"), config=_CONFIG
    )


@functools.cache
def _session() -> boto3.Session:
    # One session, so that a service's model is read once for all Regions.
    return boto3.Session(
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",  # noqa: S106 - the local cloud checks no signature
    )
