"""Be the Lambda function: a batch of analysis records in, the numbers of those to come again out.

Needs ReportBatchItemFailures on the event source mapping. Environment: OPENSEARCH_URL,
GATEHOUSE_BUCKET (snapshot and frames), GATEHOUSE_ALERT_TOPIC_ARN, GATEHOUSE_PROBE_TOPIC_ARN (for probes).
"""

from __future__ import annotations

import logging
import time
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from gatehouse_ingest.index import Index
from gatehouse_ingest.settings import Settings, make_ingest, search_client

if TYPE_CHECKING:
    from opensearchpy import OpenSearch

    from gatehouse_ingest.batch import Ingest

# How much of the time left may go into waiting for OpenSearch, and at most how long (seconds).
PATIENCE_SHARE = 0.5
PATIENCE_SECONDS = 20.0

logging.getLogger("gatehouse_ingest").setLevel(logging.INFO)
# It logs a traceback for every refused connection; Index says the same in a line.
logging.getLogger("opensearch").setLevel(logging.ERROR)


class Context(Protocol):
    """Describe what is used of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still run."""


def handler(event: dict[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Ingest one Kinesis batch.

    An exception fails the whole batch, whatever the mapping is set to report; only records that are
    poison by themselves, or that OpenSearch refused one by one, are reported.
    """
    ingest, client = _parts()
    left = context.get_remaining_time_in_millis() / 1000
    index = Index(client, time.monotonic() + min(left * PATIENCE_SHARE, PATIENCE_SECONDS))
    failed = ingest.process(event["Records"], index)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}


@cache
def _parts() -> tuple[Ingest, OpenSearch]:
    settings = Settings.read()
    return make_ingest(settings), search_client(settings.opensearch_url)
