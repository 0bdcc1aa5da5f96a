"""Remember each stream's PutMedia endpoint; AWS allows this while it is reloaded on failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse_edge.errors import UplinkError


class EndpointCache:
    """Cache `lookup(stream_name)`, a blocking GetDataEndpoint, per stream."""

    def __init__(self, lookup: Callable[[str], str]) -> None:
        self._lookup = lookup
        self._known: dict[str, str] = {}

    async def get(self, stream_name: str) -> str:
        """Return the stream's endpoint; UplinkError when AWS doesn't tell it."""
        if stream_name not in self._known:
            self._known[stream_name] = await asyncio.to_thread(self._ask, stream_name)
        return self._known[stream_name]

    def forget(self, stream_name: str) -> None:
        """Ask again next time."""
        self._known.pop(stream_name, None)

    def _ask(self, stream_name: str) -> str:
        try:
            return self._lookup(stream_name)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            remedy = {
                "ResourceNotFoundException": "roll the office out (office_rollout)",
                "AccessDeniedException": "allow kinesisvideo:GetDataEndpoint to the proxy's role",
            }.get(code, "the proxy tries again")
            raise UplinkError(f"no endpoint for stream {stream_name} ({code}): {remedy}") from error
        except BotoCoreError as error:
            raise UplinkError(
                f"no endpoint for stream {stream_name} ({type(error).__name__}): check the uplink"
            ) from error
