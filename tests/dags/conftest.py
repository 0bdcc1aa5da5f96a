"""Airflow settings that must be in place before Airflow is imported."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

_HOME = tempfile.mkdtemp(prefix="airflow-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ.setdefault("AIRFLOW_HOME", _HOME)
os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "True")
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{_HOME}/airflow.db")

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="session")
def dags() -> DagBag:
    """Parse every DAG file once."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAGS))
