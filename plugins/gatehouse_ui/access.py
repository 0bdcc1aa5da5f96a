"""Let Airflow's own auth manager decide who sees rollouts and who commands them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from fastapi import Depends, HTTPException, status

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod

DAG_ID = "office_rollout"
# A plan says what it is; a rollout's says nothing.
DAGS = {"": DAG_ID, "decommissioning": "office_decommission"}
Right = Literal["GET", "PUT"]


def dag_of(kind: str) -> str:
    """Name the DAG whose run carries out a plan of this kind."""
    return DAGS.get(kind, DAG_ID)


def may(user: BaseUser, method: Right, dag_id: str = DAG_ID) -> bool:
    """Tell whether a user may read (GET) or steer (PUT) rollouts: what they may do with the DAG's runs."""
    wanted: ResourceMethod = method
    return get_auth_manager().is_authorized_dag(
        method=wanted,
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=dag_id, team_name=_team(dag_id)),
        user=user,
    )


def kinds_for(user: BaseUser, method: Right = "GET") -> frozenset[str]:
    """Return the kinds of plans whose runs a user may read, or steer."""
    return frozenset(kind for kind, dag_id in DAGS.items() if may(user, method, dag_id))


def needs(method: Right, dag_id: str = DAG_ID) -> str:
    """Say which right it takes."""
    return f"It needs the right to {'read' if method == 'GET' else 'edit'} runs of the DAG {dag_id}."


def _team(dag_id: str) -> str | None:
    """Return the team that owns the DAG, where Airflow keeps teams apart."""
    if not conf.getboolean("core", "multi_team", fallback=False):
        return None
    from airflow.models.dag import DagModel  # noqa: TID251 - the API server may use the ORM

    return DagModel.get_team_name(dag_id)


def viewer(user: GetUserDep) -> BaseUser:
    """Return who asks; 401 without a login, 403 without the right to read runs of any of the DAGs."""
    return user if kinds_for(user) else allowed(user, "GET")


def commander(user: GetUserDep) -> BaseUser:
    """Return who commands; 401 without a login, 403 without the right to edit runs of any of the DAGs.

    Whether it is of the right DAG is for the route to ask: only it knows what is commanded.
    """
    return user if kinds_for(user, "PUT") else allowed(user, "PUT")


def allowed(user: BaseUser, method: Right, dag_id: str = DAG_ID) -> BaseUser:
    """Return the user, or refuse with 403 and the right that it takes."""
    if not may(user, method, dag_id):
        what = "see rollouts" if method == "GET" else "command rollouts; nothing was changed"
        msg = f"{user.get_name()} may not {what}. {needs(method, dag_id)}"
        raise HTTPException(status.HTTP_403_FORBIDDEN, msg)
    return user


Viewer = Annotated[BaseUser, Depends(viewer)]
Commander = Annotated[BaseUser, Depends(commander)]
