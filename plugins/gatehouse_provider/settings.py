"""Find what the environment says, at run time only."""

from __future__ import annotations

import os
from pathlib import Path

AWS_CONNECTION = "aws_default"
OPENSEARCH_CONNECTION = "opensearch_default"
LEDGER_CONNECTION = "gatehouse_ledger"


def config_dir() -> Path:
    """Return the folder of the configuration: GATEHOUSE_CONFIG, else config/ of this checkout."""
    return Path(os.environ.get("GATEHOUSE_CONFIG") or Path(__file__).parents[2] / "config")
