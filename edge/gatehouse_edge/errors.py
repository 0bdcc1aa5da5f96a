"""Every error the edge proxy raises on purpose; none carries a URL or a credential.

EdgeError
├── CameraError            the camera can't be read now: try again
│   └── CameraRefusedError it won't work until somebody changes something
├── UplinkError            Kinesis Video can't be reached now: spool and try again
│   └── FragmentRefusedError Kinesis Video refuses this one fragment: drop it, go on
└── ProbeError             a probe can't be played: it fails, the camera goes on
"""

from __future__ import annotations

from gatehouse.exceptions import GatehouseError


class EdgeError(GatehouseError):
    """Base of the proxy's errors; the message ends with the remedy."""


class CameraError(EdgeError):
    """Raise when a camera can't be read; the proxy reconnects by itself."""


class CameraRefusedError(CameraError):
    """Raise when retrying alone won't help: credentials, codec, secret."""


class UplinkError(EdgeError):
    """Raise when fragments can't be delivered; nothing is lost while the spool has room."""


class FragmentRefusedError(UplinkError):
    """Raise when Kinesis Video refuses one fragment for what it is."""

    def __init__(self, message: str, start_ms: int) -> None:
        super().__init__(message)
        self.start_ms = start_ms


class ProbeError(EdgeError):
    """Raise when an ordered probe can't be played; the camera isn't touched."""
