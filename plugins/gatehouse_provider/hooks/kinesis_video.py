"""Interact with Kinesis Video Streams."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gatehouse.rollout.resources import VideoStream
from gatehouse_provider.hooks.base_aws import GatehouseAwsHook, error_code, pages

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class KinesisVideoHook(GatehouseAwsHook):
    """Provide a thin wrapper around `boto3.client("kinesisvideo")`."""

    client_type = "kinesisvideo"

    @cached_property
    def _archive_clients(self) -> dict[str, Any]:
        return {}

    def find_stream(self, name: str) -> VideoStream | None:
        """Return a stream, or None if it doesn't exist."""
        try:
            info = self.client.describe_stream(StreamName=name)["StreamInfo"]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
        return _read(info)

    def status(self, name: str) -> str:
        """Return a stream's status, such as CREATING."""
        return str(self.client.describe_stream(StreamName=name)["StreamInfo"]["Status"])

    def create_stream(self, name: str, retention_hours: int, tags: Mapping[str, str]) -> str:
        """Create a stream and return its ARN; one that is already there is taken as it is."""
        try:
            created = self.client.create_stream(
                StreamName=name,
                MediaType="video/h264",
                DataRetentionInHours=retention_hours,
                **({"Tags": dict(tags)} if tags else {}),  # AWS refuses an empty map
            )
        except ClientError as error:
            if error_code(error) != "ResourceInUseException":
                raise
            self.log.info("Kinesis Video stream %s exists already", name)
            return str(self.client.describe_stream(StreamName=name)["StreamInfo"]["StreamARN"])
        return str(created["StreamARN"])

    def change_retention(self, name: str, hours: int) -> None:
        """Bring a stream's retention to `hours`; the API takes the difference (aws.md §3)."""
        stream = self.find_stream(name)
        delta = hours - stream.retention_hours if stream else 0
        if stream is None or not delta:
            return
        self.client.update_data_retention(
            StreamName=name,
            CurrentVersion=stream.version,
            Operation="INCREASE_DATA_RETENTION" if delta > 0 else "DECREASE_DATA_RETENTION",
            DataRetentionChangeInHours=abs(delta),
        )

    def streams(self, prefix: str) -> dict[str, VideoStream]:
        """Return the streams whose names begin so, by name, from one sweep of the Region."""
        condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": prefix}
        found = pages(self.client, "list_streams", "StreamInfoList", StreamNameCondition=condition)
        return {info["StreamName"]: _read(info) for info in found}

    def delete_stream(self, name: str) -> None:
        """Delete a stream with its media and wait until it is gone; one that is gone already is fine."""
        found = self.find_stream(name)
        if found is None:
            return
        if found.status != "DELETING":
            self.client.delete_stream(StreamARN=found.arn)
        self.get_waiter("stream_deleted").wait(StreamName=name)

    def streams_with_prefix(self, prefix: str) -> dict[str, str]:
        """Return `{name: ARN}` of the streams whose names begin so."""
        return {name: stream.arn for name, stream in self.streams(prefix).items()}

    def tags(self, arn: str) -> dict[str, str]:
        """Return a stream's tags."""
        return dict(self.client.list_tags_for_stream(StreamARN=arn).get("Tags", {}))

    def newest_fragment(self, name: str, since: datetime, until: datetime) -> datetime | None:
        """Return when the last fragment of a time span arrived, by the server's clock."""
        span = {"StartTimestamp": since, "EndTimestamp": until}
        selector = {"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": span}
        try:
            # AWS promises no order, so all pages are read.
            found = pages(
                self._archive(name), "list_fragments", "Fragments", StreamName=name, FragmentSelector=selector
            )
            return max((fragment["ServerTimestamp"] for fragment in found), default=None)
        except ClientError:
            self._archive_clients.pop(name, None)
            raise

    def count_fragments(self, name: str, since: datetime, until: datetime) -> int:
        """Count up to 100 fragments that arrived in a time span, by the server's clock."""
        return len(self._fragments(name, "SERVER_TIMESTAMP", since, until))

    def fragments_stored(self, name: str, start: datetime, end: datetime) -> list[datetime]:
        """Return when up to 100 fragments that start in [start, end] of producer time were stored."""
        found = self._fragments(name, "PRODUCER_TIMESTAMP", start, end)
        return [fragment["ServerTimestamp"] for fragment in found]

    def _fragments(self, name: str, clock: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        client = self._archive(name)
        span = {"StartTimestamp": start, "EndTimestamp": end}
        selector = {"FragmentSelectorType": clock, "TimestampRange": span}
        try:
            answer = client.list_fragments(StreamName=name, MaxResults=100, FragmentSelector=selector)
        except ClientError:
            # Caching data endpoints is safe if they are asked for again after a failure (aws.md §3).
            self._archive_clients.pop(name, None)
            raise
        return list(answer["Fragments"])

    def _archive(self, name: str) -> Any:
        if name not in self._archive_clients:
            endpoint = self.client.get_data_endpoint(StreamName=name, APIName="LIST_FRAGMENTS")[
                "DataEndpoint"
            ]
            self._archive_clients[name] = self.client_of("kinesis-video-archived-media", endpoint)
        return self._archive_clients[name]


def _read(info: Mapping[str, Any]) -> VideoStream:
    return VideoStream(
        info["StreamARN"], info["Status"], info.get("DataRetentionInHours", 0), info["Version"]
    )
