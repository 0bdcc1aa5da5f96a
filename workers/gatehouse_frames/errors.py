"""What can go wrong in the worker; each message says of which camera or part, and what to do."""

from __future__ import annotations

from gatehouse.exceptions import GatehouseError


class FramesError(GatehouseError):
    """Base of the worker's errors."""


class DocumentError(FramesError):
    """Raise when a document in S3 can't be read or written; what runs goes on."""


class VideoError(FramesError):
    """Raise when a camera's video can't be had now; it is tried again."""


class FragmentError(FramesError):
    """Raise for a fragment that can't be decoded; the next one is tried."""


class ImageRefusedError(FramesError):
    """Raise when Rekognition refuses this picture for what it is: trying again would change nothing."""


class StoppedError(FramesError):
    """Raise when the worker is told to end before an answer came; nothing was recorded."""
