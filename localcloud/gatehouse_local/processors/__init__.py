"""Serve Rekognition stream processors: live video in, one analysis record a sampled frame out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatehouse_local.core.runtime import Runtime
    from gatehouse_local.core.service import Service


def build(runtime: Runtime) -> Service:
    """Build the service; `start` resumes what was running, `stop` ends it without stopping it for good."""
    # Imported here: the pure parts are used without PyAV and boto3.
    from gatehouse_local.processors.service import assemble

    return assemble(runtime)
