"""Create and delete single Kinesis Video streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils import validate_execute_complete_event
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import conf
from airflow.sdk.exceptions import AirflowFailException

from gatehouse_provider.hooks.kinesis_video import KinesisVideoHook
from gatehouse_provider.links.kinesis_video import KinesisVideoStreamLink
from gatehouse_provider.triggers.kinesis_video import KinesisVideoStreamActiveTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context


class KinesisVideoCreateStreamOperator(AwsBaseOperator[KinesisVideoHook]):
    """
    Create a video stream and wait until it takes media; one that exists is taken as it is.

    :param stream_name: name of the stream. (templated)
    :param retention_hours: how long fragments are kept.
    :param tags: tags of the stream.
    :param deferrable: whether the triggerer waits instead of the worker.
    :param waiter_delay: seconds between attempts.
    :param waiter_max_attempts: attempts at most.
    """

    aws_hook_class = KinesisVideoHook
    template_fields: Sequence[str] = aws_template_fields("stream_name")
    operator_extra_links = (KinesisVideoStreamLink(),)

    def __init__(
        self,
        *,
        stream_name: str,
        retention_hours: int = 24,
        tags: Mapping[str, str] | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        waiter_delay: int = 1,
        waiter_max_attempts: int = 120,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stream_name = stream_name
        self.retention_hours = retention_hours
        self.tags = dict(tags or {})
        self.deferrable = deferrable
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts

    def execute(self, context: Context) -> str:
        """Create the stream, wait, and return its ARN."""
        KinesisVideoStreamLink.persist(
            context=context,
            operator=self,
            region_name=self.hook.conn_region_name,
            aws_partition=self.hook.conn_partition,
            stream_name=self.stream_name,
        )
        arn = self.hook.create_stream(self.stream_name, self.retention_hours, self.tags)
        if self.deferrable:
            self.defer(
                trigger=KinesisVideoStreamActiveTrigger(
                    stream_name=self.stream_name,
                    waiter_delay=self.waiter_delay,
                    waiter_max_attempts=self.waiter_max_attempts,
                    aws_conn_id=self.aws_conn_id,
                    region_name=self.region_name,
                    verify=self.verify,
                    botocore_config=self.botocore_config,
                ),
                method_name="execute_complete",
                kwargs={"arn": arn},
            )
        config = {"Delay": self.waiter_delay, "MaxAttempts": self.waiter_max_attempts}
        self.hook.get_waiter("stream_active").wait(StreamName=self.stream_name, WaiterConfig=config)
        return arn

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None, arn: str = "") -> str:
        """Return the stream's ARN, or fail with what the trigger saw."""
        seen = validate_execute_complete_event(event)
        if seen["status"] != "success":
            msg = f"{seen['message']}. Look at the stream in AWS and run the task again"
            raise AirflowFailException(msg)
        return arn


class KinesisVideoDeleteStreamOperator(AwsBaseOperator[KinesisVideoHook]):
    """
    Delete a video stream with its media and wait until it is gone; one that is gone already is fine.

    :param stream_name: name of the stream. (templated)
    """

    aws_hook_class = KinesisVideoHook
    template_fields: Sequence[str] = aws_template_fields("stream_name")

    def __init__(self, *, stream_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stream_name = stream_name

    def execute(self, context: Context) -> None:
        """Delete the stream and wait until its name is free."""
        self.hook.delete_stream(self.stream_name)
