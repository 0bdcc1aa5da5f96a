"""Read the function's environment and make its clients."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from opensearchpy import JSONSerializer, OpenSearch, Urllib3AWSV4SignerAuth, Urllib3HttpConnection
from pydantic_core import from_json

from gatehouse.exceptions import ConfigError
from gatehouse.search.signing import signing
from gatehouse_ingest.batch import Ingest
from gatehouse_ingest.evidence import FrameStore
from gatehouse_ingest.publish import TopicPublisher
from gatehouse_ingest.snapshots import SnapshotCache
from gatehouse_ingest.writing import SENDERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_kinesis_video_archived_media import KinesisVideoArchivedMediaClient

# An alert waits for its frame, so a slow answer is given up on soon.
AWS = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})


class _Json(JSONSerializer):
    """Read answers four times as fast: a bulk's has a part for every document."""

    def loads(self, s: str) -> Any:
        return from_json(s)


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold what the environment says."""

    opensearch_url: str
    bucket: str
    topic_arn: str
    probe_topic_arn: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment; raises ConfigError naming what is missing."""
        names = ("OPENSEARCH_URL", "GATEHOUSE_BUCKET", "GATEHOUSE_ALERT_TOPIC_ARN")
        missing = [name for name in names if not environment.get(name)]
        if missing:
            msg = (
                f"The ingest function lacks {', '.join(missing)}. No record was read. "
                "Set them in the function's environment; the foundation step does."
            )
            raise ConfigError(msg)
        url, bucket, topic_arn = (environment[name] for name in names)
        return cls(url, bucket, topic_arn, environment.get("GATEHOUSE_PROBE_TOPIC_ARN", ""))


def search_client(url: str) -> OpenSearch:
    """Connect to OpenSearch, signing requests where it is Amazon's."""
    signer: dict[str, Any] = {}
    if needed := signing(url):
        credentials = boto3.Session().get_credentials()
        signer["http_auth"] = Urllib3AWSV4SignerAuth(credentials, needed.region, needed.service)
    return OpenSearch(
        hosts=[url],
        connection_class=Urllib3HttpConnection,
        serializer=_Json(),
        max_retries=0,  # Index waits and tries again by itself
        pool_maxsize=SENDERS + 1,
        **signer,
    )


def make_ingest(settings: Settings) -> Ingest:
    """Make everything a batch needs, once per execution environment."""
    s3 = boto3.client("s3", config=AWS)

    def media(endpoint: str) -> KinesisVideoArchivedMediaClient:
        return boto3.client("kinesis-video-archived-media", endpoint_url=endpoint, config=AWS)

    return Ingest(
        snapshots=SnapshotCache(s3, settings.bucket),
        evidence=FrameStore(s3, boto3.client("kinesisvideo", config=AWS), media, settings.bucket),
        publisher=TopicPublisher(
            boto3.client("sns", config=AWS), settings.topic_arn, settings.probe_topic_arn
        ),
        now=lambda: time.time_ns() // 1_000_000,
    )
