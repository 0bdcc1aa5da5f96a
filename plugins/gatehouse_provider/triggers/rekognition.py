"""Wait for Rekognition stream processors."""

from __future__ import annotations

from typing import Any

from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.settings import AWS_CONNECTION
from gatehouse_provider.triggers.base import BoundedWaiterTrigger


class RekognitionStreamProcessorRunningTrigger(BoundedWaiterTrigger):
    """
    Trigger when a stream processor reaches the RUNNING state.

    :param processor_name: name of the stream processor.
    :param waiter_delay: seconds between attempts.
    :param waiter_max_attempts: attempts at most.
    :param aws_conn_id: the Airflow connection used for AWS credentials.
    """

    aws_hook_class = RekognitionHook

    def __init__(
        self,
        *,
        processor_name: str,
        waiter_delay: int = 2,
        waiter_max_attempts: int = 60,
        aws_conn_id: str | None = AWS_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            serialized_fields={"processor_name": processor_name},
            waiter_name="stream_processor_running",
            waiter_args={"Name": processor_name},
            failure_message=f"Stream processor {processor_name} doesn't run",
            status_message=f"Stream processor {processor_name} is",
            status_queries=["Status", "StatusMessage"],
            return_key="processor_name",
            return_value=processor_name,
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            aws_conn_id=aws_conn_id,
            **kwargs,
        )
