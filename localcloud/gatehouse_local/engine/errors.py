"""Say why the engine could not look at an image.

EngineError
├── UnreadableImageError      not a complete JPEG or PNG
├── ImageTooSmallError        fewer pixels than Rekognition looks at
├── ImageTooLargeError        more pixels than Rekognition looks at: refused before decoding
├── ModelMissingError         the packages that carry the weights are not installed
└── EngineClosedError         asked after `close`

All of them cross the process boundary of the pool, so each is built from its `args` alone.
"""

from __future__ import annotations


class EngineError(Exception):
    """Stand for everything the engine refuses or cannot do."""


class UnreadableImageError(EngineError):
    """Refuse bytes that are no complete JPEG or PNG."""


class ImageTooSmallError(EngineError):
    """Refuse an image with a side below the least that Rekognition looks at."""


class ImageTooLargeError(EngineError):
    """Refuse an image by its size in pixels, before any of it is decoded."""


class ModelMissingError(EngineError):
    """Report that a weights file is absent, with the package that carries it."""


class EngineClosedError(EngineError):
    """Refuse work after `FaceEngine.close`."""
