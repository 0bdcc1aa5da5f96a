"""Fetch the analysed frame from Kinesis Video and keep it in S3, where the first write wins."""

from __future__ import annotations

import logging
from base64 import b64decode
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.ingest.evidence import evidence_key, evidence_metadata
from gatehouse.ingest.instant import iso, moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mypy_boto3_kinesis_video_archived_media import KinesisVideoArchivedMediaClient
    from mypy_boto3_kinesisvideo import KinesisVideoClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

    from gatehouse.ingest.frame import Frame

LOG = logging.getLogger(__name__)
# GetImages takes no shorter interval; over a range below it, it gives the image at its start (aws.md §3).
SAMPLING_MS = 200
# A picture further from the analysed frame than this may show somebody else.
TOLERANCE = timedelta(milliseconds=SAMPLING_MS)
# S3 says 403 instead of 404 to a role that may not list; the conditional write decides then.
NOT_SEEN = frozenset({403, 404})
# Another writer was first (412), or is just writing the same key (409).
LOST_RACE = frozenset({409, 412})


@dataclass(frozen=True, slots=True)
class Stored:
    """Say where a camera-second's frame is; `exact` if it is the very frame that was asked for."""

    location: str
    exact: bool


class Evidence(Protocol):
    """Store frames as evidence."""

    def store(self, frame: Frame) -> Stored | None:
        """Store a frame unless its camera-second has one; None (and a log line) if it can't be had."""


class FrameStore:
    """Keep frames in a bucket, one per camera-second, under `naming.frame_key`.

    `media` makes an archived-media client for a data endpoint, one at a time and once for each endpoint,
    because several threads store frames and boto3's session is for one. Which endpoint a stream has is
    kept until a call fails.
    """

    def __init__(
        self,
        s3: S3Client,
        video: KinesisVideoClient,
        media: Callable[[str], KinesisVideoArchivedMediaClient],
        bucket: str,
    ) -> None:
        self._s3 = s3
        self._video = video
        self._media = media
        self._bucket = bucket
        self._endpoints: dict[str, str] = {}
        self._clients: dict[str, KinesisVideoArchivedMediaClient] = {}
        self._making = Lock()

    def store(self, frame: Frame) -> Stored | None:
        """Store a frame unless its camera-second has one; None (and a log line) if it can't be had."""
        try:
            return self._found(frame) or self._write(frame)
        except (ClientError, BotoCoreError) as error:
            self._endpoints.pop(frame.stream_arn, None)
            LOG.warning("No evidence frame of %s at %s: %s", frame.stream.camera_id, iso(frame.at_ms), error)
            return None

    def _found(self, frame: Frame) -> Stored | None:
        key = evidence_key(frame)
        try:
            head = self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _status(error) in NOT_SEEN:
                return None
            raise
        return Stored(f"s3://{self._bucket}/{key}", _is_of(head, frame))

    def _write(self, frame: Frame) -> Stored | None:
        image = self._image(frame)
        if image is None:
            return None
        key = evidence_key(frame)
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=image,
                ContentType="image/jpeg",
                Metadata=evidence_metadata(frame),
                IfNoneMatch="*",
            )
        except ClientError as error:
            if _status(error) in LOST_RACE:
                return self._found(frame)
            raise
        return Stored(f"s3://{self._bucket}/{key}", exact=True)

    def _image(self, frame: Frame) -> bytes | None:
        at = moment(frame.at_ms)
        answer = self._client(frame.stream_arn).get_images(
            StreamARN=frame.stream_arn,
            ImageSelectorType="PRODUCER_TIMESTAMP",
            StartTimestamp=at,
            EndTimestamp=at + timedelta(milliseconds=SAMPLING_MS - 1),
            SamplingInterval=SAMPLING_MS,
            Format="JPEG",
            MaxResults=1,
        )
        for image in answer["Images"]:
            if "ImageContent" in image and _near(image["TimeStamp"], at):
                return b64decode(image["ImageContent"])
        reasons = sorted({image.get("Error", "another frame's picture") for image in answer["Images"]})
        reason = ", ".join(reasons) or "no image"
        LOG.warning("No evidence frame of %s at %s: %s", frame.stream.camera_id, iso(frame.at_ms), reason)
        return None

    def _client(self, stream_arn: str) -> KinesisVideoArchivedMediaClient:
        endpoint = self._endpoints.get(stream_arn)
        if endpoint is None:
            answer = self._video.get_data_endpoint(StreamARN=stream_arn, APIName="GET_IMAGES")
            endpoint = self._endpoints[stream_arn] = answer["DataEndpoint"]
        with self._making:
            if endpoint not in self._clients:
                self._clients[endpoint] = self._media(endpoint)
            return self._clients[endpoint]


def _near(image_time: datetime, wanted: datetime) -> bool:
    return abs(image_time - wanted) <= TOLERANCE


def _is_of(head: HeadObjectOutputTypeDef, frame: Frame) -> bool:
    wanted = evidence_metadata(frame)
    return all(head["Metadata"].get(name) == value for name, value in wanted.items())


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
