"""Register Gatehouse with Airflow: the one file of plugins/ that Airflow runs by itself.

Every process of Airflow imports it, the DAG processor included, so it imports no page: those come with the
first request for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from gatehouse_provider import listeners
from gatehouse_provider.links.kinesis_video import KinesisVideoStreamLink
from gatehouse_provider.links.rekognition import RekognitionConsoleLink

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve Gatehouse's pages (an ASGI application)."""
    from gatehouse_ui.app import application

    await application()(scope, receive, send)


class GatehousePlugin(AirflowPlugin):
    """Carry Gatehouse's pages and links, and what listens to Airflow's own processes."""

    name = "gatehouse"
    listeners: ClassVar[list[Any]] = [listeners]
    # What a provider registers as extra-links: every process knows them by this.
    operator_extra_links: ClassVar[list[Any]] = [RekognitionConsoleLink(), KinesisVideoStreamLink()]
    fastapi_apps: ClassVar[list[Any]] = [{"app": pages, "url_prefix": "/gatehouse", "name": "Gatehouse"}]
    # Addresses are relative to Airflow's own, which may lie under a path.
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Rollouts",
            "href": "gatehouse/rollouts",
            "destination": "nav",
            "url_route": "rollouts",
            "icon": "gatehouse/static/rollouts.svg",
            "icon_dark_mode": "gatehouse/static/rollouts-dark.svg",
            "nav_top_level": True,
        },
        {
            "name": "Rollout",
            "href": "gatehouse/run/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "rollout",
            "icon": "gatehouse/static/rollouts.svg",
            "icon_dark_mode": "gatehouse/static/rollouts-dark.svg",
        },
    ]
