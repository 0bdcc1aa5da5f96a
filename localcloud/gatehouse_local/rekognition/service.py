"""Put the image API's operations together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
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
    from collections.abc import Mapping

    from gatehouse_local.core.service import CallContext
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
# What needs the face engine.
_SEEING = ("IndexFaces", "DetectFaces", "CompareFaces", "SearchFacesByImage", "SearchUsersByImage")


def assemble(state: State, *, seeing: bool = True) -> Service:
    """Build the service over its state; without `seeing`, what needs the face engine is refused."""
    engine = state.analyst.engine
    service = Service("rekognition", {}, partial=dict(_PARTIAL))
    for part in _PARTS:
        service.operations |= part(state).operations()
    if seeing:
        service.start, service.stop = engine.warm, engine.close
    else:
        service.operations |= dict.fromkeys(_SEEING, _blind)
    return service


def _blind(context: CallContext, params: dict[str, Any]) -> Mapping[str, Any]:
    raise AwsError(
        "NotImplementedException",
        f"The local cloud runs with control_plane_only, so {context.operation} looks at no image; nothing "
        "was done. Start it without that to work with faces.",
        501,
    )
