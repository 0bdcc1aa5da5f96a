"""Manage the mappings that lead from data streams to the ingest function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.lambda_function import LambdaHook
from botocore.exceptions import ClientError

from gatehouse.rollout.resources import EventMapping
from gatehouse_provider.hooks.base_aws import AdaptiveRetries, error_code, pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse.rollout.resources import DesiredOffice


class EventMappingHook(AdaptiveRetries, LambdaHook):
    """Create, find and correct Kinesis event source mappings."""

    def mappings(self, function: str) -> dict[str, EventMapping]:
        """Return `{data stream ARN: mapping}` of a function."""
        found = pages(self.client, "list_event_source_mappings", "EventSourceMappings", FunctionName=function)
        return {
            item["EventSourceArn"]: _read(item)
            for item in found
            if item.get("EventSourceArn") and item.get("State") != "Deleting"
        }

    def create(self, desired: DesiredOffice, stream_arn: str, tags: Mapping[str, str]) -> None:
        """Map a data stream to the ingest function, from its oldest record on."""
        self.client.create_event_source_mapping(
            EventSourceArn=stream_arn,
            FunctionName=desired.ingest_function,
            StartingPosition="TRIM_HORIZON",
            Tags=dict(tags),
            **_settings(desired),
        )

    def correct(self, desired: DesiredOffice, uuid: str) -> None:
        """Give an existing mapping the wanted settings."""
        settings = _settings(desired)
        self.client.update_event_source_mapping(UUID=uuid, **settings)

    def delete(self, uuid: str) -> None:
        """Delete a mapping; one that is gone already is fine."""
        try:
            self.client.delete_event_source_mapping(UUID=uuid)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise


def _settings(desired: DesiredOffice) -> dict[str, Any]:
    wanted = desired.mapping
    return {
        "Enabled": True,
        "BatchSize": wanted.batch_size,
        "MaximumBatchingWindowInSeconds": wanted.window_seconds,
        "ParallelizationFactor": wanted.parallelization_factor,
        "MaximumRetryAttempts": wanted.maximum_retry_attempts,
        "MaximumRecordAgeInSeconds": wanted.maximum_record_age_seconds,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": desired.failure_destination}},
    }


def _read(item: Mapping[str, Any]) -> EventMapping:
    return EventMapping(
        uuid=item["UUID"],
        enabled=item.get("State") not in {"Disabled", "Disabling"},
        batch_size=item.get("BatchSize", 100),
        window_seconds=item.get("MaximumBatchingWindowInSeconds", 0),
        parallelization_factor=item.get("ParallelizationFactor", 1),
        maximum_retry_attempts=item.get("MaximumRetryAttempts", -1),
        maximum_record_age_seconds=item.get("MaximumRecordAgeInSeconds", -1),
        bisects=item.get("BisectBatchOnFunctionError", False),
        reports_item_failures="ReportBatchItemFailures" in item.get("FunctionResponseTypes", []),
        failure_destination=item.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
    )
