"""Read who calls, where and which service from a SigV4 credential scope.

The signature itself is not checked: the local cloud has no secrets to check it with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_ACCOUNT = "123456789012"
_ACCOUNT = re.compile(r"\d{12}")
_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")


@dataclass(frozen=True, slots=True)
class Caller:
    """A credential scope: the account that its access key names, Region and signing name."""

    access_key: str
    region: str
    service: str

    @property
    def account(self) -> str:
        """Return the access key where it is 12 digits, else the default account."""
        return self.access_key if _ACCOUNT.fullmatch(self.access_key) else DEFAULT_ACCOUNT


def caller_of(headers: Mapping[str, str], query: str) -> Caller | None:
    """Find the caller in the Authorization header or a presigned query; None if it is unsigned.

    A header of another scheme (basic, SigV2) counts as unsigned; a broken SigV4 one is refused.
    """
    authorization = headers.get("authorization", "")
    if authorization.startswith("AWS4-"):
        found = _CREDENTIAL.search(authorization)
        return _parse(found.group(1) if found else "")
    if "X-Amz-Credential=" in query:
        return _parse(parse_qs(query).get("X-Amz-Credential", [""])[0])
    return None


def _parse(credential: str) -> Caller:
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise AwsError(
            "IncompleteSignatureException",
            f"Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got {len(credential.split('/'))}",
        )
    access_key, _, region, service, _ = parts
    return Caller(access_key, region, service.lower())
