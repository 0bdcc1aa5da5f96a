"""Put the image API's operations together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse_local.core.service import Service
from gatehouse_local.rekognition.associations import Associations
from gatehouse_local.rekognition.collections import Collections
from gatehouse_local.rekognition.enrolment import Enrolment
from gatehouse_local.rekognition.searches import Searches
from gatehouse_local.rekognition.stateless import Stateless
from gatehouse_local.rekognition.stored_faces import StoredFaces
from gatehouse_local.rekognition.tags import Tags
from gatehouse_local.rekognition.user_searches import UserSearches
from gatehouse_local.rekognition.users import Users

if TYPE_CHECKING:
    from gatehouse_local.rekognition.state import State

_PARTS = (
    Collections,
    Enrolment,
    StoredFaces,
    Searches,
    Stateless,
    Users,
    Associations,
    UserSearches,
    Tags,
)

_SCALE = "similarities are on the local engine's scale, not Rekognition's"
_DETAIL = "no mouth landmarks and no attributes such as age; pose is estimated from five points"
_USER = "a user's vector is the mean of its faces'"
_PARTIAL = {
    "CreateCollection": "FaceModelVersion 7.0 names the local engine's model",
    "DetectFaces": _DETAIL,
    "IndexFaces": f"quality bars are the local engine's; {_DETAIL}",
    "SearchFaces": _SCALE,
    "SearchFacesByImage": f"{_SCALE}; quality bars are the local engine's",
    "CompareFaces": f"{_SCALE}; {_DETAIL}",
    "AssociateFaces": f"{_USER}; {_SCALE}",
    "SearchUsers": f"{_USER}; {_SCALE}",
    "SearchUsersByImage": f"{_USER}; {_SCALE}; {_DETAIL}",
}


def assemble(state: State) -> Service:
    """Build the service over its state."""
    engine = state.analyst.engine
    service = Service("rekognition", {}, start=engine.warm, stop=engine.close, partial=dict(_PARTIAL))
    for part in _PARTS:
        service.operations |= part(state).operations()
    return service
