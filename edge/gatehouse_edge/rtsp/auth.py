"""Answer a camera's 401 (RFC 7616 digest, RFC 7617 basic)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from gatehouse_edge.errors import CameraRefusedError

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
# MD5 is what cameras speak; it is their choice, not a use of ours.
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}


@dataclass(slots=True)
class Authenticator:
    """Hold one camera's credentials and the server's latest challenge; neither shows in a repr."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    _answer: Callable[[str, str], str] | None = field(default=None, init=False, repr=False)

    def challenge(self, offers: list[str]) -> None:
        """Take the strongest of the `WWW-Authenticate` offers; CameraRefusedError when none is known."""
        digests = [offer for offer in offers if offer.lower().startswith("digest")]
        for algorithm in ("SHA-256", "MD5"):
            for offer in digests:
                values = {key.lower(): quoted or bare for key, quoted, bare in _PARAMETER.findall(offer)}
                if values.get("algorithm", "MD5").upper() == algorithm:
                    self._answer = _Digest(self.username, self.password, algorithm, values)
                    return
        if any(offer.lower().startswith("basic") for offer in offers):
            token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            self._answer = lambda _method, _uri: f"Basic {token}"
            return
        raise CameraRefusedError(
            "the camera asks for a login that isn't basic or digest: enable one of them for RTSP"
        )

    def header(self, method: str, uri: str) -> str | None:
        """Return the Authorization value for a request; None before the first challenge."""
        return self._answer(method, uri) if self._answer else None


class _Digest:
    def __init__(self, username: str, password: str, algorithm: str, values: dict[str, str]) -> None:
        self._hash = _HASHES[algorithm]
        self._algorithm = algorithm
        self._values = values
        self._username = username
        self._secret = self._digest(f"{username}:{values.get('realm', '')}:{password}")
        self._count = 0

    def __call__(self, method: str, uri: str) -> str:
        nonce = self._values.get("nonce", "")
        request = self._digest(f"{method}:{uri}")
        fields = {
            "username": self._username,
            "realm": self._values.get("realm", ""),
            "nonce": nonce,
            "uri": uri,
        }
        bare = ""
        if "auth" in self._values.get("qop", "").replace(" ", "").split(","):
            self._count += 1
            count, own = f"{self._count:08x}", secrets.token_hex(8)
            fields["response"] = self._digest(f"{self._secret}:{nonce}:{count}:{own}:auth:{request}")
            fields["cnonce"] = own
            bare = f", qop=auth, nc={count}"
        else:
            fields["response"] = self._digest(f"{self._secret}:{nonce}:{request}")
        if "opaque" in self._values:
            fields["opaque"] = self._values["opaque"]
        if "algorithm" in self._values:
            bare += f", algorithm={self._algorithm}"
        return "Digest " + ", ".join(f'{key}="{value}"' for key, value in fields.items()) + bare

    def _digest(self, text: str) -> str:
        return hashlib.new(self._hash, text.encode(), usedforsecurity=False).hexdigest()
