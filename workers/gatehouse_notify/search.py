"""Connect to OpenSearch as the sweep needs it."""

from __future__ import annotations

from typing import Any

import boto3
from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth, Urllib3HttpConnection

from gatehouse.search.signing import signing

TIMEOUT_SECONDS = 20


def search_client(url: str) -> OpenSearch:
    """Connect to OpenSearch, signing requests where it is Amazon's."""
    signer: dict[str, Any] = {}
    if needed := signing(url):
        credentials = boto3.Session().get_credentials()
        signer["http_auth"] = Urllib3AWSV4SignerAuth(credentials, needed.region, needed.service)
    return OpenSearch(hosts=[url], connection_class=Urllib3HttpConnection, timeout=TIMEOUT_SECONDS, **signer)
