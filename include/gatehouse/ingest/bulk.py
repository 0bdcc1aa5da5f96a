"""Write bulk requests as OpenSearch reads them: newline-delimited JSON, action line before body line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

if TYPE_CHECKING:
    from gatehouse.ingest.document import Document

# An update lost to another writer of the same document is tried again by the server.
RETRY_ON_CONFLICT = 5


def create_line(document: Document) -> bytes:
    """Return the action that creates a detection document in the request's own index, once."""
    return b'{"create":{"_id":"%b"}}\n%b\n' % (document["event_id"].encode(), to_json(document))


def update_line(index: str, doc_id: str, request: dict[str, Any], *, returning: bool = False) -> bytes:
    """Return an update action; `returning` asks for the document as it is afterwards."""
    action: dict[str, Any] = {"_index": index, "_id": doc_id, "retry_on_conflict": RETRY_ON_CONFLICT}
    if returning:
        action["_source"] = True
    return b"%b\n%b\n" % (to_json({"update": action}), to_json(request))
