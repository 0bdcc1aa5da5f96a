"""Keep the Region's snapshot at hand, asking S3 now and then whether it changed."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from gatehouse.exceptions import ConfigError
from gatehouse.ingest.snapshot import IngestSnapshot
from gatehouse.office.naming import SNAPSHOT_KEY

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOG = logging.getLogger(__name__)
FRESH_SECONDS = 10.0
NOT_MODIFIED = 304


class SnapshotCache:
    """Answer with the snapshot, at most FRESH_SECONDS old unless S3 is away.

    An unchanged snapshot (same ETag) is not transferred or parsed again. One that doesn't parse, or
    can't be read, leaves the last good one in force, with an error in the log; without any there is
    nothing to go by and the batch fails.
    """

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._etag = '"none yet"'
        self._snapshot: IngestSnapshot | None = None
        self._checked = float("-inf")

    def current(self, *, fresh: bool = False) -> IngestSnapshot:
        """Return the snapshot; `fresh` asks S3 even if it was asked a moment ago."""
        if fresh or self._snapshot is None or time.monotonic() - self._checked > FRESH_SECONDS:
            self._refresh()
        if self._snapshot is None:
            msg = (
                f"No ingest snapshot at s3://{self._bucket}/{SNAPSHOT_KEY}. The batch comes again. "
                "Roll an office of this Region out, or check that the function may read the key."
            )
            raise ConfigError(msg)
        return self._snapshot

    def _refresh(self) -> None:
        try:
            self._load()
        except (ClientError, BotoCoreError) as error:
            if not _is_not_modified(error):
                LOG.error("Snapshot not read (%s); the last good one stays in force", error)  # noqa: TRY400
        except ValidationError as error:
            count = error.error_count()
            LOG.error("Snapshot has %s errors; the last good one stays in force", count)  # noqa: TRY400
        self._checked = time.monotonic()

    def _load(self) -> None:
        answer = self._s3.get_object(Bucket=self._bucket, Key=SNAPSHOT_KEY, IfNoneMatch=self._etag)
        self._snapshot = IngestSnapshot.model_validate_json(answer["Body"].read())
        self._etag = answer["ETag"]
        for stream in self._snapshot.streams.values():
            for rule in set(stream.rules) - set(self._snapshot.rules):
                LOG.error("Snapshot: rule %s of camera %s isn't in it; not judged", rule, stream.camera_id)
        LOG.info("Snapshot %s, %s streams", self._snapshot.version, len(self._snapshot.streams))


def _is_not_modified(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    return error.response["ResponseMetadata"]["HTTPStatusCode"] == NOT_MODIFIED
