"""Register Gatehouse with Airflow: the one file of plugins/ that Airflow runs by itself."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class GatehousePlugin(AirflowPlugin):
    """Carry Gatehouse's pages and links."""

    name = "gatehouse"
