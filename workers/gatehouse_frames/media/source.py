"""Follow a camera's stream with GetMedia from a producer time on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from gatehouse_frames.errors import VideoError
from gatehouse_frames.media.ebml import EbmlError
from gatehouse_frames.media.fragments import Fragment, fragments

if TYPE_CHECKING:
    from mypy_boto3_kinesis_video_media import KinesisVideoMediaClient
    from mypy_boto3_kinesisvideo import KinesisVideoClient

# A fragment takes 20 s at most (aws.md §3), so a stream that is silent for longer has no video.
SILENCE_S = 30
# A camera's clock may be ahead of ours, and what GetMedia does with a start in the future isn't written.
PAST_MS = 60_000
_CONTROL = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 2})
_MEDIA = Config(connect_timeout=3, read_timeout=SILENCE_S, retries={"total_max_attempts": 1})


@dataclass(frozen=True, slots=True)
class Footage:
    """Hold an open connection: the stream's ARN, which changes when it is recreated, and its fragments."""

    stream_arn: str
    fragments: Iterator[Fragment]


class VideoSource:
    """Open streams by name; safe to use from several threads."""

    def __init__(self, session: boto3.Session, now: Callable[[], float] = time.time) -> None:
        self._session = session
        self._now = now
        self._control: KinesisVideoClient = session.client("kinesisvideo", config=_CONTROL)
        # Making a client of a session isn't safe in threads, and a Region has few endpoints.
        self._making = Lock()
        self._media: dict[str, KinesisVideoMediaClient] = {}

    @contextmanager
    def open(self, stream_name: str, from_ms: int) -> Iterator[Footage]:
        """Follow a stream from the fragment that holds a producer time, or from the oldest kept.

        What comes from before `from_ms` is the caller's to pass by.

        :raises VideoError: while opening or reading; connect again later
        """
        try:
            arn, body = self._connect(stream_name, from_ms)
            with closing(body):
                yield Footage(arn, fragments(body))
        except ClientError as error:
            raise _refused(stream_name, error) from error
        except (BotoCoreError, HTTPError, OSError) as error:
            raise VideoError(
                f"stream {stream_name} gives no video now ({type(error).__name__}): "
                "see that the edge proxy sends, and the worker's uplink"
            ) from error
        except EbmlError as error:
            raise VideoError(f"stream {stream_name} sends what isn't Matroska: {error}") from error

    def _connect(self, stream_name: str, from_ms: int) -> tuple[str, Any]:
        arn = self._control.describe_stream(StreamName=stream_name)["StreamInfo"]["StreamARN"]
        place = self._control.get_data_endpoint(StreamARN=arn, APIName="GET_MEDIA")["DataEndpoint"]
        start_ms = min(from_ms, round(self._now() * 1000) - PAST_MS)
        answer = self._client(place).get_media(
            StreamARN=arn,
            StartSelector={
                "StartSelectorType": "PRODUCER_TIMESTAMP",
                # Some botocores cut times to whole seconds, so that they start a little early.
                "StartTimestamp": datetime.fromtimestamp(start_ms / 1000, UTC),
            },
        )
        return arn, answer["Payload"]

    def _client(self, endpoint: str) -> KinesisVideoMediaClient:
        with self._making:
            if endpoint not in self._media:
                self._media[endpoint] = self._session.client(
                    "kinesis-video-media", endpoint_url=endpoint, config=_MEDIA
                )
            return self._media[endpoint]


def _refused(stream_name: str, error: ClientError) -> VideoError:
    code = error.response.get("Error", {}).get("Code", "unknown")
    if code == "ResourceNotFoundException":
        return VideoError(f"stream {stream_name} doesn't exist: roll the office out, or take its camera off")
    if "AccessDenied" in code or code == "NotAuthorizedException":
        return VideoError(
            f"stream {stream_name} may not be read ({code}): allow kinesisvideo:DescribeStream, "
            "GetDataEndpoint and GetMedia to the worker's role"
        )
    return VideoError(f"stream {stream_name} can't be read now ({code})")
