"""Serve the control operations of Kinesis Video Streams."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.core.service import CallContext, Operation
from gatehouse_local.kinesisvideo.streams import MAX_RETENTION_HOURS, Stream, Streams

Params = dict[str, Any]
_LIST_PAGE = 10_000


class Control:
    """Answer the operations that make, change and list streams."""

    def __init__(self, streams: Streams, now: Callable[[], float]) -> None:
        self._streams = streams
        self._now = now

    def operations(self) -> dict[str, Operation]:
        """Name the operations served; what isn't here is absent."""
        return {
            "CreateStream": self.create_stream,
            "DescribeStream": self.describe_stream,
            "ListStreams": self.list_streams,
            "UpdateStream": self.update_stream,
            "UpdateDataRetention": self.update_data_retention,
            "DescribeStreamStorageConfiguration": self.describe_storage,
            "UpdateStreamStorageConfiguration": self.update_storage,
            "DeleteStream": self.delete_stream,
            "GetDataEndpoint": self.get_data_endpoint,
            "TagStream": self.tag_stream,
            "UntagStream": self.untag_stream,
            "ListTagsForStream": self.list_tags_for_stream,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }

    def create_stream(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """Make a stream; it becomes ACTIVE by itself."""
        return {"StreamARN": self._streams.create(ctx, params).arn}

    def describe_stream(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """Describe one stream."""
        return {"StreamInfo": self._info(self._named(ctx, params))}

    def list_streams(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """List streams by name, a page at a time."""
        condition = params.get("StreamNameCondition", {})
        after = _decode_token(params.get("NextToken"))
        size = int(params.get("MaxResults", _LIST_PAGE))
        found = self._streams.named(ctx.account, ctx.region, condition.get("ComparisonValue", ""), after)
        page = list(islice(found, size + 1))
        more = {"NextToken": _encode_token(page[size - 1].name)} if len(page) > size else {}
        return {"StreamInfoList": [self._info(stream) for stream in page[:size]], **more}

    def update_stream(self, ctx: CallContext, params: Params) -> None:
        """Change device name and media type."""
        stream = self._named(ctx, params)
        self._streams.change(
            stream,
            params["CurrentVersion"],
            device_name=params.get("DeviceName", stream.device_name),
            media_type=params.get("MediaType", stream.media_type),
        )

    def update_data_retention(self, ctx: CallContext, params: Params) -> None:
        """Lengthen or shorten retention by a number of hours."""
        stream = self._named(ctx, params)
        sign = 1 if params["Operation"] == "INCREASE_DATA_RETENTION" else -1
        hours = stream.retention_hours + sign * int(params["DataRetentionChangeInHours"])
        if not 0 <= hours <= MAX_RETENTION_HOURS:
            raise AwsError(
                "InvalidArgumentException",
                f"The stream {stream.name} retains {stream.retention_hours} hours; the change would make it "
                f"{hours}, outside 0 to {MAX_RETENTION_HOURS}.",
            )
        self._streams.change(stream, params["CurrentVersion"], retention_hours=hours)

    def describe_storage(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """Describe the storage tier."""
        stream = self._named(ctx, params)
        tier = {"DefaultStorageTier": stream.storage_tier}
        return {"StreamName": stream.name, "StreamARN": stream.arn, "StreamStorageConfiguration": tier}

    def update_storage(self, ctx: CallContext, params: Params) -> None:
        """Change the storage tier."""
        tier = params["StreamStorageConfiguration"]["DefaultStorageTier"]
        self._streams.change(self._named(ctx, params), params["CurrentVersion"], storage_tier=tier)

    def delete_stream(self, ctx: CallContext, params: Params) -> None:
        """Delete a stream and, at once, its media."""
        stream = self._streams.find(ctx, None, params["StreamARN"])
        self._streams.delete(stream, params.get("CurrentVersion"))

    def get_data_endpoint(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """Answer the front door, which serves every data operation."""
        self._named(ctx, params)
        return {"DataEndpoint": ctx.base_url}

    def tag_stream(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """Add or replace tags."""
        self._streams.retag(self._named(ctx, params), dict(params["Tags"]))
        return {}

    def untag_stream(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """Remove tags; keys that aren't there are no error."""
        self._streams.retag(self._named(ctx, params), {}, frozenset(params["TagKeyList"]))
        return {}

    def list_tags_for_stream(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """List the tags: 50 at most, so there is never a second page."""
        return {"Tags": dict(self._named(ctx, params).tags)}

    def tag_resource(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """Add or replace tags, given as a list."""
        stream = self._streams.find(ctx, None, params["ResourceARN"])
        self._streams.retag(stream, {tag["Key"]: tag["Value"] for tag in params["Tags"]})
        return {}

    def untag_resource(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """Remove tags by ARN."""
        stream = self._streams.find(ctx, None, params["ResourceARN"])
        self._streams.retag(stream, {}, frozenset(params["TagKeyList"]))
        return {}

    def list_tags_for_resource(self, ctx: CallContext, params: Params) -> Mapping[str, Any]:
        """List the tags by ARN."""
        return {"Tags": dict(self._streams.find(ctx, None, params["ResourceARN"]).tags)}

    def _named(self, ctx: CallContext, params: Params) -> Stream:
        return self._streams.find(ctx, params.get("StreamName"), params.get("StreamARN"))

    def _info(self, stream: Stream) -> dict[str, Any]:
        return {
            "DeviceName": stream.device_name,
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "MediaType": stream.media_type,
            "KmsKeyId": stream.kms_key_id,
            "Version": stream.version,
            "Status": stream.status(self._now()),
            "CreationTime": stream.created_at,
            "DataRetentionInHours": stream.retention_hours,
        }


def _encode_token(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decode_token(token: str | None) -> str:
    try:
        return base64.b64decode(token or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AwsError(
            "InvalidArgumentException", "The NextToken is not one that ListStreams gave."
        ) from error
