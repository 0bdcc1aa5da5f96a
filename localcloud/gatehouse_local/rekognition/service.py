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


def assemble(state: State) -> Service:
    """Build the service over its state."""
    service = Service("rekognition", {}, start=state.analyst.engine.warm, stop=state.analyst.engine.close)
    for part in _PARTS:
        service.operations |= part(state).operations()
    return service
