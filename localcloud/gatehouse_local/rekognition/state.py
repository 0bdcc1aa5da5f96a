"""Gather what every operation of the local Rekognition works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.clients import Clients
from gatehouse_local.engine.faces import PHOTO_UPSAMPLE, shared_engine
from gatehouse_local.rekognition.analysis import Analyst
from gatehouse_local.rekognition.gallery import collection_not_found
from gatehouse_local.rekognition.images import ImageSource
from gatehouse_local.rekognition.records import SERVICE, StoredFace
from gatehouse_local.rekognition.search import gallery_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gatehouse_local.core.quotas import Quotas
    from gatehouse_local.core.runtime import Runtime
    from gatehouse_local.core.service import CallContext
    from gatehouse_local.core.store import Store, Table
    from gatehouse_local.rekognition.gallery import Gallery, Owner


@dataclass(frozen=True, slots=True)
class State:
    """The store's tables, the gallery over them, and the eyes (`analyst`).

    Tables are keyed by collection id (`collections`), `<collection>/<id>` (`faces`, `users`), token
    (`tokens`) and ARN (`tags`). Changes of more than one row run in `store.transaction()`.
    """

    store: Store
    collections: Table
    faces: Table
    users: Table
    tokens: Table
    tags: Table
    gallery: Gallery
    analyst: Analyst
    quotas: Quotas
    clock: Callable[[], float]
    user_update_s: float

    @classmethod
    def of(cls, runtime: Runtime) -> State:
        """Open the tables of a runtime's store."""
        store = runtime.store
        settings = runtime.config.get("rekognition", {})
        upsample = int(settings.get("upsample", PHOTO_UPSAMPLE))
        images = ImageSource(Clients(runtime.endpoint))
        return cls(
            store=store,
            collections=store.table(SERVICE, "collection"),
            faces=store.table(SERVICE, "face"),
            users=store.table(SERVICE, "user"),
            tokens=store.table(SERVICE, "token"),
            tags=store.table(SERVICE, "tag"),
            gallery=gallery_for(runtime),
            analyst=Analyst(shared_engine(runtime.config), images, upsample),
            quotas=runtime.quotas,
            clock=runtime.clock,
            user_update_s=float(settings.get("user_update_s", 0.5)),
        )

    def collection(self, context: CallContext, collection_id: str) -> Owner:
        """Return the collection's owner key; raise ResourceNotFoundException where it doesn't exist."""
        if self.collections.get(context.account, context.region, collection_id) is None:
            raise collection_not_found(collection_id)
        return context.account, context.region, collection_id

    def replace_faces(self, owner: Owner, faces: Sequence[StoredFace]) -> None:
        """Write changed faces; inside a transaction, as its last step."""
        account, region, collection_id = owner
        for face in faces:
            self.faces.put(account, region, f"{collection_id}/{face.face_id}", face.to_body())
        self.gallery.changed(owner, added=faces, removed=[face.face_id for face in faces])

    def users_of(self, owner: Owner) -> list[dict[str, Any]]:
        """Return the collection's users in the order of their ids."""
        account, region, collection_id = owner
        return [body for _, body in self.users.list(account, region, f"{collection_id}/")]
