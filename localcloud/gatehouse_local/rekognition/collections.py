"""Create, describe, list and delete collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.rekognition.pages import page
from gatehouse_local.rekognition.records import FACE_MODEL_VERSION
from gatehouse_local.rekognition.tags import check_tags, collection_arn

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.rekognition.state import State

_PAGE = 1000


class Collections:
    """The collections of every account and Region."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Operation]:
        """Name the operations as AWS does."""
        return {
            "CreateCollection": self.create,
            "DescribeCollection": self.describe,
            "ListCollections": self.list,
            "DeleteCollection": self.delete,
        }

    def create(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Create an empty collection, pinned to the engine's face model."""
        collection_id, tags = params["CollectionId"], params.get("Tags", {})
        check_tags(tags)
        body = {
            "collection_id": collection_id,
            "created_at": self._state.clock(),
            "face_model_version": FACE_MODEL_VERSION,
        }
        arn = collection_arn(context, collection_id)
        with self._state.store.transaction():
            if not self._state.collections.insert(context.account, context.region, collection_id, body):
                raise AwsError(
                    "ResourceAlreadyExistsException", f"The collection id: {collection_id} already exists"
                )
            self._state.tags.put(context.account, context.region, arn, {"tags": tags})
        # AWS writes this one ARN without "arn:" (its documentation's own examples); Describe has it whole.
        return {
            "StatusCode": 200,
            "CollectionArn": arn.removeprefix("arn:"),
            "FaceModelVersion": FACE_MODEL_VERSION,
        }

    def describe(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Count the collection's faces and users."""
        owner = self._state.collection(context, params["CollectionId"])
        body = self._state.collections.get(*owner)
        assert body is not None  # noqa: S101  (collection() has just found it)
        return {
            "FaceCount": len(self._state.gallery.snapshot(owner).faces),
            "UserCount": len(self._state.users_of(owner)),
            "FaceModelVersion": body["face_model_version"],
            "CollectionARN": collection_arn(context, params["CollectionId"]),
            "CreationTimestamp": body["created_at"],
        }

    def list(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """List collection ids in their order, with each one's model version at the same place."""
        chosen, following = page(
            list(self._state.collections.list(context.account, context.region)),
            scope=f"ListCollections/{context.account}/{context.region}",
            token=params.get("NextToken"),
            size=params.get("MaxResults") or _PAGE,
        )
        return {
            "CollectionIds": [body["collection_id"] for body in chosen],
            "FaceModelVersions": [body["face_model_version"] for body in chosen],
            **following,
        }

    def delete(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Delete the collection with its faces, users, idempotency tokens and tags."""
        collection_id = params["CollectionId"]
        with self._state.store.transaction():
            owner = self._state.collection(context, collection_id)
            for table in (self._state.faces, self._state.users, self._state.tokens):
                for key, _ in table.list(context.account, context.region, f"{collection_id}/"):
                    table.delete(context.account, context.region, key)
            self._state.tags.delete(context.account, context.region, collection_arn(context, collection_id))
            self._state.collections.delete(*owner)
            self._state.gallery.forget(owner)
        return {"StatusCode": 200}
