"""Say where a camera is, keeping its credentials out of everything that is printed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from gatehouse_edge.errors import CameraRefusedError

_PORTS = {"rtsp": 554, "rtsps": 322}


@dataclass(frozen=True, slots=True)
class RtspTarget:
    """One camera's address; `url` never holds the credentials, which no repr shows."""

    url: str = field(repr=False)
    host: str
    port: int
    tls: bool
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def from_secret(cls, text: str, secret_name: str) -> RtspTarget:
        """Read `{"url", "username", "password"}`; the error names the secret, never its content.

        Credentials inside the URL are taken out of it; the separate fields win.
        """
        try:
            document = json.loads(text)
            parts = urlsplit(document["url"])
            port = parts.port or _PORTS[parts.scheme]
            host = parts.hostname or ""
        except (ValueError, KeyError, TypeError, AttributeError):
            # `from None`: the cause quotes what it couldn't parse.
            raise _unusable(secret_name) from None
        if not host:
            raise _unusable(secret_name)
        shown = f"[{host}]" if ":" in host else host
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return cls(
            url=f"{parts.scheme}://{shown}:{port}{path}",
            host=host,
            port=port,
            tls=parts.scheme == "rtsps",
            username=str(document.get("username") or unquote(parts.username or "")),
            password=str(document.get("password") or unquote(parts.password or "")),
        )


def _unusable(secret_name: str) -> CameraRefusedError:
    return CameraRefusedError(
        f"secret {secret_name} doesn't hold a usable camera: "
        'store {"url": "rtsp://HOST:PORT/PATH", "username": …, "password": …}'
    )
