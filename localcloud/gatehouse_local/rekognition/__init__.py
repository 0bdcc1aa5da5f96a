"""Serve Rekognition's image API: collections, faces, users, searches, comparisons and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse_local.core.service import Service

if TYPE_CHECKING:
    from gatehouse_local.core.runtime import Runtime


def build(runtime: Runtime) -> Service:
    """Build the service; `start` warms the face engine's workers, `stop` ends them.

    Stream processors are the same AWS service but another package (`gatehouse_local.processors`).
    """
    # Imported here: `records`, `search` and `shapes` are used without the whole service.
    from gatehouse_local.rekognition.service import assemble
    from gatehouse_local.rekognition.state import State

    return assemble(State.of(runtime), seeing=not runtime.control_plane_only)
