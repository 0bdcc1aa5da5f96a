"""Wait for Kinesis Video streams."""

from __future__ import annotations

from typing import Any

from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook
from gatehouse_provider.settings import AWS_CONNECTION
from gatehouse_provider.triggers.base import BoundedWaiterTrigger


class KinesisVideoStreamActiveTrigger(BoundedWaiterTrigger):
    """
    Trigger when a video stream reaches the ACTIVE state.

    :param stream_name: name of the stream.
    :param waiter_delay: seconds between attempts.
    :param waiter_max_attempts: attempts at most.
    :param aws_conn_id: the Airflow connection used for AWS credentials.
    """

    aws_hook_class = KinesisVideoHook

    def __init__(
        self,
        *,
        stream_name: str,
        waiter_delay: int = 1,
        waiter_max_attempts: int = 120,
        aws_conn_id: str | None = AWS_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            serialized_fields={"stream_name": stream_name},
            waiter_name="stream_active",
            waiter_args={"StreamName": stream_name},
            failure_message=f"Video stream {stream_name} doesn't become ACTIVE",
            status_message=f"Video stream {stream_name} is",
            status_queries=["StreamInfo.Status"],
            return_key="stream_name",
            return_value=stream_name,
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            aws_conn_id=aws_conn_id,
            **kwargs,
        )
