"""Load in the scheduler what every task needs: LocalExecutor forks the processes that run tasks from it."""

from __future__ import annotations

import importlib
import logging
import sys
from functools import cache

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)

# What a task would import again and again, which takes a second or two of processor time each.
NEEDED = (
    "airflow.sdk.execution_time.task_runner",
    "boto3",
    "opensearchpy",
    "pandas",
    "gatehouse_provider.operators.decommission",
    "gatehouse_provider.operators.gate",
    "gatehouse_provider.operators.probe",
    "gatehouse_provider.operators.reconcile",
    "gatehouse_provider.operators.rollout",
    "gatehouse_provider.operators.roster",
    "gatehouse_provider.operators.verify",
)


@hookimpl
def on_starting() -> None:
    """Import what tasks need before a scheduler forks the first worker; other components go without."""
    # The component has no type yet when it says that it starts.
    if "scheduler" in sys.argv:
        _load()


@cache
def _load() -> None:
    """Load it; tasks are told that they start as well, and find it done."""
    for name in NEEDED:
        importlib.import_module(name)
    log.info("Loaded %d modules for the processes that run tasks", len(NEEDED))
