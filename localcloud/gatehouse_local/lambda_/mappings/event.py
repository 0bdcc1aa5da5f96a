"""Write what a function is given, and what a destination is told: pure, in AWS's shapes."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatehouse_local.lambda_.mappings.planner import Discard, Record


@dataclass(frozen=True, slots=True)
class Source:
    """Where records come from and which function they go to."""

    mapping: str
    stream_arn: str
    shard: str
    function_arn: str
    role_arn: str

    @property
    def region(self) -> str:
        """Return the stream's Region."""
        return self.stream_arn.split(":")[3]

    @property
    def account(self) -> str:
        """Return the stream's account."""
        return self.stream_arn.split(":")[4]

    @property
    def stream_name(self) -> str:
        """Return the stream's name."""
        return self.stream_arn.rpartition("/")[2]


def batch_event(source: Source, records: Sequence[Record]) -> bytes:
    """Build the event of one invocation."""
    return json.dumps({"Records": [_record(source, record) for record in records]}).encode()


def _record(source: Source, record: Record) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.partition_key,
            "sequenceNumber": record.sequence,
            "data": base64.b64encode(record.data).decode(),
            "approximateArrivalTimestamp": record.arrival,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{source.shard}:{record.sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": source.role_arn,
        "awsRegion": source.region,
        "eventSourceARN": source.stream_arn,
    }


def invocation_record(
    source: Source, discard: Discard, request_id: str, function_error: str | None, now: float
) -> dict[str, Any]:
    """Build what SQS and SNS get about discarded records: metadata only.

    A batch that was never invoked has no responseContext to tell of.
    """
    first, last = discard.records[0], discard.records[-1]
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
    if function_error:
        response["functionError"] = function_error
    return {
        "requestContext": {
            "requestId": request_id,
            "functionArn": source.function_arn,
            "condition": discard.condition.value,
            "approximateInvokeCount": discard.invocations,
        },
        **({"responseContext": response} if discard.invocations else {}),
        "version": "1.0",
        "timestamp": _iso(now),
        "KinesisBatchInfo": {
            "shardId": source.shard,
            "startSequenceNumber": first.sequence,
            "endSequenceNumber": last.sequence,
            "approximateArrivalOfFirstRecord": _iso(first.arrival),
            "approximateArrivalOfLastRecord": _iso(last.arrival),
            "batchSize": len(discard.records),
            "streamArn": source.stream_arn,
        },
    }


def object_key(source: Source, now: float) -> str:
    """Name the S3 object of an invocation record as AWS does."""
    moment = datetime.fromtimestamp(now, UTC)
    day, second = moment.strftime("%Y/%m/%d"), moment.strftime("%Y-%m-%dT%H.%M.%S")
    return f"aws/lambda/{source.mapping}/{source.shard}/{day}/{second}-{uuid.uuid4()}"


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
