"""Connect to OpenSearch as the sweep needs it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import boto3
from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth, Urllib3HttpConnection

TIMEOUT_SECONDS = 20


def search_client(url: str) -> OpenSearch:
    """Connect to OpenSearch, signing requests where it is Amazon's (NAME.REGION.es.amazonaws.com)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    signer: dict[str, Any] = {}
    if parts.scheme == "https" and host.endswith(".es.amazonaws.com"):
        credentials = boto3.Session().get_credentials()
        signer["http_auth"] = Urllib3AWSV4SignerAuth(credentials, host.split(".")[-4], "es")
    return OpenSearch(hosts=[url], connection_class=Urllib3HttpConnection, timeout=TIMEOUT_SECONDS, **signer)
