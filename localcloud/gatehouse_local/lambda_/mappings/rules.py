"""Decide what a mapping's parameters may be: AWS's defaults and refusals for Kinesis, no state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatehouse_local.lambda_ import errors
from gatehouse_local.lambda_.mappings.buffer import Batching
from gatehouse_local.lambda_.mappings.planner import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULTS: Mapping[str, Any] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
}
UNSUPPORTED = ("FilterCriteria", "TumblingWindowInSeconds", "Topics", "Queues", "SelfManagedEventSource")
BOUNDS = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "ParallelizationFactor": (1, 10),
    "MaximumRetryAttempts": (-1, 10_000),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
}
STARTING_POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
MIN_RECORD_AGE = 60  # seconds, unless it is -1


def changes(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration members that a request sets, checked."""
    for member in UNSUPPORTED:
        if request.get(member):
            raise errors.invalid_parameter(
                f"{member} isn't offered by the local cloud for Kinesis; nothing was changed."
            )
    for member, (low, high) in BOUNDS.items():
        value = request.get(member)
        if value is not None and not low <= value <= high:
            raise errors.invalid_parameter(f"{member} must be between {low} and {high}, not {value}.")
    age = request.get("MaximumRecordAgeInSeconds")
    if age is not None and -1 < age < MIN_RECORD_AGE:
        raise errors.invalid_parameter(f"MaximumRecordAgeInSeconds must be -1 or at least {MIN_RECORD_AGE}.")
    _check_destination(request.get("DestinationConfig") or {})
    return {name: request[name] for name in DEFAULTS if request.get(name) is not None}


def start(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the starting position's members, checked; the timestamp in epoch seconds."""
    position = request.get("StartingPosition")
    if position is None:
        raise errors.member_missing("startingPosition")
    if position not in STARTING_POSITIONS:
        raise errors.invalid_parameter(f"Unsupported starting position for Kinesis: {position}")
    timestamp = request.get("StartingPositionTimestamp")
    if (position == "AT_TIMESTAMP") != (timestamp is not None):
        raise errors.invalid_parameter("StartingPositionTimestamp goes with AT_TIMESTAMP and only with it.")
    members: dict[str, Any] = {"StartingPosition": position}
    if timestamp is not None:
        members["StartingPositionTimestamp"] = timestamp.timestamp()
    return members


def check_source(arn: str | None, account: str, region: str) -> None:
    """Refuse a source that this service can't poll: all but Kinesis streams of this account and Region."""
    if not arn:
        raise errors.member_missing("eventSourceArn")
    parts = arn.split(":")
    if len(parts) < 6 or parts[2] != "kinesis" or not parts[5].startswith("stream/"):
        raise errors.invalid_parameter(f"Unrecognized event source, must be a Kinesis stream here: {arn}")
    if (parts[3], parts[4]) != (region, account) or "/consumer/" in arn:
        raise errors.invalid_parameter(f"The event source must be a stream in {region} of {account}: {arn}")


def policy(configuration: Mapping[str, Any]) -> Policy:
    """Read what a mapping says about failures."""
    return Policy(
        max_retries=configuration["MaximumRetryAttempts"],
        max_age=configuration["MaximumRecordAgeInSeconds"],
        bisect=configuration["BisectBatchOnFunctionError"],
        report_items="ReportBatchItemFailures" in configuration["FunctionResponseTypes"],
    )


def batching(configuration: Mapping[str, Any]) -> Batching:
    """Read what a mapping says about batches."""
    return Batching(
        configuration["BatchSize"],
        float(configuration["MaximumBatchingWindowInSeconds"]),
        configuration["ParallelizationFactor"],
    )


def destination(configuration: Mapping[str, Any]) -> str:
    """Return the on-failure destination's ARN, or nothing."""
    arn: str = configuration["DestinationConfig"].get("OnFailure", {}).get("Destination", "")
    return arn


def _check_destination(config: Mapping[str, Any]) -> None:
    arn = config.get("OnFailure", {}).get("Destination")
    if arn and arn.split(":")[2] not in ("sqs", "sns", "s3"):
        raise errors.invalid_parameter(f"The destination ARN must be of SQS, SNS or S3: {arn}")
