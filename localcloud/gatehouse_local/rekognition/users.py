"""Create, list and delete users, and associate faces with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.rekognition.idempotency import once
from gatehouse_local.rekognition.pages import page

if TYPE_CHECKING:
    from gatehouse_local.core.service import CallContext, Operation
    from gatehouse_local.rekognition.gallery import Owner
    from gatehouse_local.rekognition.state import State

_PAGE = 500


class Users:
    """CreateUser, DeleteUser and ListUsers."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Operation]:
        """Name the operations as AWS does."""
        return {"CreateUser": self.create, "DeleteUser": self.delete, "ListUsers": self.list}

    def create(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Create a user without faces."""
        with self._state.store.transaction():
            owner = self._state.collection(context, params["CollectionId"])
            return once(self._state, context, params, lambda: self._create(owner, params["UserId"]))

    def delete(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a user; its faces stay in the collection, associated with nobody."""
        with self._state.store.transaction():
            owner = self._state.collection(context, params["CollectionId"])
            return once(self._state, context, params, lambda: self._delete(owner, params["UserId"]))

    def list(self, context: CallContext, params: dict[str, Any]) -> dict[str, Any]:
        """List users by id with their status."""
        owner = self._state.collection(context, params["CollectionId"])
        users, following = page(
            [(user["user_id"], user) for user in self._state.users_of(owner)],
            scope=f"ListUsers/{owner}",
            token=params.get("NextToken"),
            size=params.get("MaxResults", _PAGE),
        )
        now = self._state.clock()
        listed = [{"UserId": user["user_id"], "UserStatus": status(user, now)} for user in users]
        return {"Users": listed, **following}

    def _create(self, owner: Owner, user_id: str) -> dict[str, Any]:
        account, region, collection_id = owner
        limit = self._state.quotas.count("rekognition", "UserVectorsPerCollection", account, region)
        if len(self._state.users_of(owner)) >= limit:
            raise self._state.quotas.exceeded("rekognition", "UserVectorsPerCollection", account, region)
        body = {"user_id": user_id, "faces": 0, "settled_at": 0.0}
        if not self._state.users.insert(account, region, f"{collection_id}/{user_id}", body):
            raise AwsError("ConflictException", f"The user id: {user_id} already exists")
        return {}

    def _delete(self, owner: Owner, user_id: str) -> dict[str, Any]:
        account, region, collection_id = owner
        find_user(self._state, owner, user_id)
        self._state.users.delete(account, region, f"{collection_id}/{user_id}")
        mine = [face for face in self._state.gallery.snapshot(owner).faces if face.user_id == user_id]
        self._state.replace_faces(owner, [face.with_user(None) for face in mine])
        return {}


def find_user(state: State, owner: Owner, user_id: str) -> dict[str, Any]:
    """Return the user's body; raise ResourceNotFoundException where there is none such."""
    account, region, collection_id = owner
    user = state.users.get(account, region, f"{collection_id}/{user_id}")
    if user is None:
        raise AwsError("ResourceNotFoundException", f"The user id: {user_id} does not exist")
    return user


def status(user: dict[str, Any], now: float) -> str:
    """Return AWS's status: a change of faces keeps a user UPDATING until `settled_at`."""
    if now < user["settled_at"]:
        return "UPDATING"
    return "ACTIVE" if user["faces"] else "CREATED"
