"""Decide whether requests to OpenSearch are signed, by its address alone.

Amazon's hosts are NAME.REGION.es.amazonaws.com (managed) and ID.REGION.aoss.amazonaws.com (serverless),
with `.cn` behind in China. Anything else is somebody's own server and gets no AWS signature.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

_AMAZON = re.compile(r"\.(?P<region>[a-z0-9-]+)\.(?P<service>es|aoss)\.amazonaws\.com(\.cn)?$")


class Signing(NamedTuple):
    """Name what a SigV4 signature is made for."""

    service: str
    region: str


def signing(url: str) -> Signing | None:
    """Return what to sign requests for, or None where they go unsigned."""
    parts = urlsplit(url)
    found = _AMAZON.search(parts.hostname or "")
    if parts.scheme != "https" or found is None:
        return None
    return Signing(found["service"], found["region"])
