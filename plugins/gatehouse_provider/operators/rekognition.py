"""Create, start, stop and delete single Rekognition stream processors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils import validate_execute_complete_event
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import conf
from airflow.sdk.exceptions import AirflowFailException

from gatehouse.rollout.resources import Processor
from gatehouse_provider.hooks.rekognition import RekognitionHook
from gatehouse_provider.links.kinesis_video import KinesisVideoStreamLink, stream_name_of
from gatehouse_provider.links.rekognition import RekognitionConsoleLink
from gatehouse_provider.triggers.rekognition import RekognitionStreamProcessorRunningTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context


class RekognitionCreateStreamProcessorOperator(AwsBaseOperator[RekognitionHook]):
    """
    Create a stopped face-search stream processor.

    :param processor_name: name of the processor. (templated)
    :param video_stream_arn: ARN of the Kinesis Video stream to read. (templated)
    :param record_stream_arn: ARN of the Kinesis data stream to write. (templated)
    :param collection_id: face collection to search. (templated)
    :param role_arn: role that the processor assumes. (templated)
    :param face_match_threshold: similarity from which on a face matches; AWS raises less than 80 to 80.
    :param tags: tags of the processor.
    :param if_exists: what to do if the name is taken.
    """

    aws_hook_class = RekognitionHook
    template_fields: Sequence[str] = aws_template_fields(
        "processor_name", "video_stream_arn", "record_stream_arn", "collection_id", "role_arn"
    )
    operator_extra_links = (RekognitionConsoleLink(), KinesisVideoStreamLink())

    def __init__(
        self,
        *,
        processor_name: str,
        video_stream_arn: str,
        record_stream_arn: str,
        collection_id: str,
        role_arn: str,
        face_match_threshold: float = 80.0,
        tags: Mapping[str, str] | None = None,
        if_exists: str = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.processor_name = processor_name
        self.video_stream_arn = video_stream_arn
        self.record_stream_arn = record_stream_arn
        self.collection_id = collection_id
        self.role_arn = role_arn
        self.face_match_threshold = face_match_threshold
        self.tags = dict(tags or {})
        self.if_exists = if_exists

    def execute(self, context: Context) -> str:
        """Create the processor and return its name."""
        place = {"region_name": self.hook.conn_region_name, "aws_partition": self.hook.conn_partition}
        RekognitionConsoleLink.persist(context=context, operator=self, **place)
        stream_name = stream_name_of(self.video_stream_arn)
        KinesisVideoStreamLink.persist(context=context, operator=self, stream_name=stream_name, **place)
        if self.if_exists == "skip" and self.hook.find_processor(self.processor_name) is not None:
            self.log.info("Stream processor %s exists already", self.processor_name)
            return self.processor_name
        wanted = Processor(
            status="STOPPED",
            video_arn=self.video_stream_arn,
            record_arn=self.record_stream_arn,
            collection=self.collection_id,
            threshold=self.face_match_threshold,
            role_arn=self.role_arn,
        )
        self.hook.create_processor(self.processor_name, wanted, self.tags)
        return self.processor_name


class RekognitionStartStreamProcessorOperator(AwsBaseOperator[RekognitionHook]):
    """
    Start a stream processor and wait until it runs; one that runs already is left alone.

    :param processor_name: name of the processor. (templated)
    :param deferrable: whether the triggerer waits instead of the worker.
    :param waiter_delay: seconds between attempts.
    :param waiter_max_attempts: attempts at most.
    """

    aws_hook_class = RekognitionHook
    template_fields: Sequence[str] = aws_template_fields("processor_name")
    operator_extra_links = (RekognitionConsoleLink(),)

    def __init__(
        self,
        *,
        processor_name: str,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        waiter_delay: int = 2,
        waiter_max_attempts: int = 60,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.processor_name = processor_name
        self.deferrable = deferrable
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts

    def execute(self, context: Context) -> str:
        """Start the processor and wait."""
        RekognitionConsoleLink.persist(
            context=context,
            operator=self,
            region_name=self.hook.conn_region_name,
            aws_partition=self.hook.conn_partition,
        )
        self.hook.start_processor(self.processor_name)
        if self.deferrable:
            self.defer(
                trigger=RekognitionStreamProcessorRunningTrigger(
                    processor_name=self.processor_name,
                    waiter_delay=self.waiter_delay,
                    waiter_max_attempts=self.waiter_max_attempts,
                    aws_conn_id=self.aws_conn_id,
                    region_name=self.region_name,
                    verify=self.verify,
                    botocore_config=self.botocore_config,
                ),
                method_name="execute_complete",
            )
        config = {"Delay": self.waiter_delay, "MaxAttempts": self.waiter_max_attempts}
        waiter = self.hook.get_waiter("stream_processor_running")
        waiter.wait(Name=self.processor_name, WaiterConfig=config)
        return self.processor_name

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Return the processor's name, or fail with what the trigger saw."""
        seen = validate_execute_complete_event(event)
        if seen["status"] != "success":
            msg = f"{seen['message']}. Put right what AWS names and start it again"
            raise AirflowFailException(msg)
        return self.processor_name


class RekognitionStopStreamProcessorOperator(AwsBaseOperator[RekognitionHook]):
    """
    Stop a stream processor and wait until it is at rest; one that is, or is gone, is fine.

    :param processor_name: name of the processor. (templated)
    """

    aws_hook_class = RekognitionHook
    template_fields: Sequence[str] = aws_template_fields("processor_name")
    operator_extra_links = (RekognitionConsoleLink(),)

    def __init__(self, *, processor_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.processor_name = processor_name

    def execute(self, context: Context) -> str:
        """Stop the processor and return its name."""
        RekognitionConsoleLink.persist(
            context=context,
            operator=self,
            region_name=self.hook.conn_region_name,
            aws_partition=self.hook.conn_partition,
        )
        if not self.hook.stop_processor(self.processor_name):
            self.log.info("There is no stream processor %s", self.processor_name)
        return self.processor_name


class RekognitionDeleteStreamProcessorOperator(AwsBaseOperator[RekognitionHook]):
    """
    Stop and delete a stream processor; one that is gone already is fine.

    :param processor_name: name of the processor. (templated)
    """

    aws_hook_class = RekognitionHook
    template_fields: Sequence[str] = aws_template_fields("processor_name")

    def __init__(self, *, processor_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.processor_name = processor_name

    def execute(self, context: Context) -> None:
        """Delete the processor and wait until its name is free."""
        self.hook.delete_processor(self.processor_name)
