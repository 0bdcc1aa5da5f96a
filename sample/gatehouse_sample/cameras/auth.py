"""Check RTSP credentials, Basic and Digest (RFC 2617), as cameras do."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

REALM = "gatehouse camera"
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


@dataclass(frozen=True, slots=True)
class Credentials:
    """Hold the name and password a camera asks for."""

    username: str
    password: str


class Gate:
    """Challenge one connection and check what it answers; the nonce lives as long as the connection."""

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(16)

    def challenges(self) -> list[str]:
        """Return the WWW-Authenticate values, the better one first."""
        return [f'Digest realm="{REALM}", nonce="{self._nonce}"', f'Basic realm="{REALM}"']

    def admits(self, authorization: str | None, method: str, credentials: Credentials) -> bool:
        """Tell whether a request's Authorization header proves the credentials."""
        scheme, _, rest = (authorization or "").partition(" ")
        if scheme.lower() == "basic":
            return _basic(rest, credentials)
        return scheme.lower() == "digest" and self._digest(rest, method, credentials)

    def _digest(self, answer: str, method: str, credentials: Credentials) -> bool:
        """Recompute the response that a client with the password gives."""
        fields = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(answer)}
        if fields.get("nonce") != self._nonce or fields.get("username") != credentials.username:
            return False
        secret = _md5(f"{credentials.username}:{REALM}:{credentials.password}")
        asked = _md5(f"{method}:{fields.get('uri', '')}")
        expected = _md5(f"{secret}:{self._nonce}:{asked}")
        return hmac.compare_digest(expected, fields.get("response", ""))


def _basic(encoded: str, credentials: Credentials) -> bool:
    """Compare the decoded name and password."""
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, f"{credentials.username}:{credentials.password}".encode())


def _md5(text: str) -> str:
    """Hash as the Digest scheme says; RTSP cameras know nothing newer."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
