"""Manage the data streams that analysis records go to, and read what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.amazon.aws.hooks.kinesis import KinesisHook
from botocore.exceptions import ClientError

from gatehouse.rollout.resources import RecordStream
from gatehouse_provider.hooks.base_aws import AdaptiveRetries, error_code, pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

# ListStreams gives 100 at most, and may be called 5 times a second (aws.md §4).
_PAGE = {"PageSize": 100}


class RecordStreamHook(AdaptiveRetries, KinesisHook):
    """Create and describe provisioned data streams, one a camera."""

    def find_stream(self, name: str) -> RecordStream | None:
        """Return a stream, or None if it doesn't exist."""
        try:
            summary = self.client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
        return RecordStream(summary["StreamARN"], summary["StreamStatus"])

    def status(self, name: str) -> str:
        """Return a stream's status, such as CREATING."""
        summary = self.client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        return str(summary["StreamStatus"])

    def create_stream(self, name: str, shards: int, tags: Mapping[str, str]) -> None:
        """Create a stream; one that is already there is taken as it is.

        Provisioned, because on-demand streams are limited to 50 by default (aws.md §4).
        """
        try:
            self.client.create_stream(
                StreamName=name,
                ShardCount=shards,
                StreamModeDetails={"StreamMode": "PROVISIONED"},
                **({"Tags": dict(tags)} if tags else {}),  # AWS refuses an empty map
            )
        except ClientError as error:
            if error_code(error) != "ResourceInUseException":
                raise

    def delete_stream(self, name: str) -> None:
        """Delete a stream and the records in it; one that is gone already is fine."""
        try:
            self.client.delete_stream(StreamName=name)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise

    def streams(self, prefix: str) -> dict[str, RecordStream]:
        """Return the streams whose names begin so, by name, from one sweep of the Region."""
        found = pages(self.client, "list_streams", "StreamSummaries", PaginationConfig=_PAGE)
        return {
            item["StreamName"]: RecordStream(item["StreamARN"], item["StreamStatus"])
            for item in found
            if item["StreamName"].startswith(prefix)
        }

    def names_with_prefix(self, prefix: str) -> list[str]:
        """Return the streams whose names begin so."""
        found = pages(self.client, "list_streams", "StreamNames", PaginationConfig=_PAGE)
        return [name for name in found if name.startswith(prefix)]

    def tags(self, name: str) -> dict[str, str]:
        """Return a stream's tags."""
        tags = self.client.list_tags_for_stream(StreamName=name)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in tags}

    def shards(self, name: str) -> list[str]:
        """Return a stream's shards; none of one that is gone."""
        try:
            found = pages(self.client, "list_shards", "Shards", StreamName=name)
            return [shard["ShardId"] for shard in found]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return []
            raise

    def payloads(self, name: str, shard: str, since: datetime) -> Iterator[bytes]:
        """Yield what a shard took since a time, up to now, in order."""
        place = {"StreamName": name, "ShardId": shard}
        answer = self.client.get_shard_iterator(**place, ShardIteratorType="AT_TIMESTAMP", Timestamp=since)
        iterator = answer["ShardIterator"]
        while iterator:
            answer = self.client.get_records(ShardIterator=iterator)
            yield from (record["Data"] for record in answer["Records"])
            # An empty answer may have records behind it; only this says that there are none.
            iterator = answer.get("NextShardIterator") if answer["MillisBehindLatest"] else None

    def wait_until_active(self, name: str, timeout_seconds: int) -> None:
        """Wait until a stream takes records."""
        self.client.get_waiter("stream_exists").wait(
            StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": timeout_seconds}
        )
