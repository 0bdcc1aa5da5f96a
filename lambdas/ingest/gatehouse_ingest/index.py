"""Talk to OpenSearch: a few bulks a batch, and the single steps of an alert.

OpenSearch being away is waited out within the invocation, because each attempt of a Kinesis batch is one
of few: after the last one the records leave the stream.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from opensearchpy.exceptions import ConnectionError as UnreachableError
from opensearchpy.exceptions import TransportError

from gatehouse.exceptions import GatehouseError
from gatehouse.ingest.bulk import RETRY_ON_CONFLICT
from gatehouse.office.naming import DETECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opensearchpy import OpenSearch

LOG = logging.getLogger(__name__)
HTTP_ERROR = 300
CONFLICT = "version_conflict_engine_exception"
# OpenSearch's own time to wait for a shard is shorter, so that it answers before the socket gives up.
SOCKET_SECONDS = 30.0
SHARD_WAIT = "10s"
# Full, or not yet able to answer: the same request can succeed later.
RETRIABLE = frozenset({429, 502, 503, 504})
# What is read from a bulk response; the rest would cost more to parse than the batch to build.
BULK_ANSWER = "items.*.status,items.*._index,items.*.error.type,items.*.get._source"


class IndexUnavailableError(GatehouseError):
    """Raise when OpenSearch can't be reached: the batch must come again."""


class Item(NamedTuple):
    """Hold what became of one bulk action.

    `done` tells whether it took effect, now or (a create's 409) in an earlier attempt; `source` is set
    where the action asked for it.
    """

    done: bool
    status: int
    error: str
    backing_index: str
    source: dict[str, Any] | None


class Index:
    """Send requests to OpenSearch until they are answered or `deadline` (monotonic seconds) is near."""

    def __init__(self, client: OpenSearch, deadline: float, detections: str = DETECTIONS) -> None:
        self._client = client
        self._deadline = deadline
        self._bulk_path = f"/{detections}/_bulk"

    def bulk(self, lines: Iterable[bytes]) -> list[Item]:
        """Send bulk actions and return what became of each, in order; creates go to the data stream."""
        body = b"".join(lines)
        if not body:
            return []
        params = {"filter_path": BULK_ANSWER, "timeout": SHARD_WAIT}
        answer = self._patiently(lambda: self._send("POST", self._bulk_path, params, body))
        return [_item(entry) for entry in answer["items"]]

    def get(self, places: Iterable[tuple[str, str]]) -> dict[str, dict[str, Any]]:
        """Return the documents that exist among (index, id) places, by id, as last written."""
        wanted = [{"_index": index, "_id": doc_id} for index, doc_id in places]
        if not wanted:
            return {}
        answer = self._patiently(lambda: self._send("POST", "/_mget", {}, {"docs": wanted}))
        return {found["_id"]: found["_source"] for found in answer["docs"] if found.get("found")}

    def update(self, index: str, doc_id: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a scripted update and return the document as it is afterwards, changed or not."""
        params = {"_source": "true", "retry_on_conflict": str(RETRY_ON_CONFLICT)}
        path = f"/{index}/_update/{doc_id}"
        answer = self._patiently(lambda: self._send("POST", path, params, request))
        source: dict[str, Any] = answer["get"]["_source"]
        return source

    def _send(self, method: str, path: str, params: dict[str, str], body: Any) -> Any:
        return self._client.transport.perform_request(
            method, path, params=params, body=body, timeout=SOCKET_SECONDS
        )

    def _patiently(self, call: Callable[[], Any]) -> Any:
        """Call until answered, with growing, jittered pauses while OpenSearch is away or overloaded."""
        pause = 0.1
        while True:
            try:
                return call()
            except TransportError as error:
                if not isinstance(error, UnreachableError) and error.status_code not in RETRIABLE:
                    raise
                wait = random.uniform(pause / 2, pause)  # noqa: S311 - spreads load, keeps no secret
                if time.monotonic() + wait > self._deadline:
                    msg = (
                        f"OpenSearch doesn't answer ({error.error}). Nothing is lost: the batch comes again. "
                        "If this lasts, look at the cluster's health and at OPENSEARCH_URL."
                    )
                    raise IndexUnavailableError(msg) from error
                LOG.warning("OpenSearch doesn't answer (%s); trying again in %.1f s", error.error, wait)
                time.sleep(wait)
                pause = min(pause * 2, 5.0)


def _item(entry: dict[str, dict[str, Any]]) -> Item:
    ((action, answer),) = entry.items()
    status = answer["status"]
    if status < HTTP_ERROR:
        return Item(True, status, "", answer["_index"], answer["get"]["_source"] if "get" in answer else None)
    error = answer["error"]["type"]
    # Only a create may conflict and be done; an update that conflicts was not made.
    return Item(action == "create" and error == CONFLICT, status, error, answer["_index"], None)
