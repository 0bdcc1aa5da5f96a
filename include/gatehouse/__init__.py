"""Decide what Gatehouse does: pure functions and the ledger, without Airflow, AWS, clock or chance."""

# Its image installs no distribution of ours, so the version is here as well as in pyproject.toml.
__version__ = "0.1.0"
