"""Link tasks to Kinesis Video streams in the AWS Console."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink


class KinesisVideoStreamLink(BaseAwsLink):
    """Lead to a video stream, where its media plays."""

    name = "Kinesis Video Stream"
    key = "kinesis_video_stream"
    format_str = (
        BASE_AWS_CONSOLE_LINK + "/kinesisvideo/home?region={region_name}#/streams/streamName/{stream_name}"
    )

    def format_link(self, *, stream_name: str | None = None, **kwargs: Any) -> str:
        """Return the address; empty if no stream is known."""
        if not stream_name:
            return ""
        return super().format_link(stream_name=quote(stream_name, safe=""), **kwargs)


def stream_name_of(stream_arn: str) -> str:
    """Return a video stream's name, from an ARN such as `arn:aws:kinesisvideo:…:stream/<name>/<created>`."""
    return stream_arn.rpartition(":stream/")[2].partition("/")[0]
