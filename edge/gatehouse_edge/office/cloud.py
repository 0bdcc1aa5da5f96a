"""Ask AWS for what an office's proxy needs: its documents, its secrets, its stream endpoints.

Blocking boto3, called in threads; `AWS_ENDPOINT_URL` is honoured by boto3 itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from gatehouse.office.edge import EdgeDesired, EdgeObserved
from gatehouse.office.naming import edge_desired_key, edge_observed_key
from gatehouse_edge.errors import CameraError, CameraRefusedError, EdgeError, ProbeError, UplinkError

if TYPE_CHECKING:
    from mypy_boto3_kinesis_video_archived_media import KinesisVideoArchivedMediaClient
    from mypy_boto3_kinesisvideo import KinesisVideoClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

log = logging.getLogger(__name__)

_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 2})
_THROTTLED = {"ClientLimitExceededException", "ThrottlingException", "TooManyRequestsException"}
_LARGEST_CLIP = 20 << 20
_NO_SUCH_SECRET = {"ResourceNotFoundException", "InvalidRequestException", "DecryptionFailure"}


@dataclass(frozen=True, slots=True)
class OfficeCloud:
    """One office's view of AWS."""

    office: str
    bucket: str
    region: str
    session: boto3.Session
    s3: S3Client
    secrets: SecretsManagerClient
    video: KinesisVideoClient
    _archives: dict[str, KinesisVideoArchivedMediaClient] = field(default_factory=dict)
    # Clients may be shared by threads; making one of a session may not be.
    _making: Lock = field(default_factory=Lock)

    @classmethod
    def connect(cls, office: str, bucket: str, region: str) -> OfficeCloud:
        """Build the clients; nothing is asked yet."""
        session = boto3.Session(region_name=region)
        return cls(
            office,
            bucket,
            region,
            session,
            session.client("s3", config=_CONFIG),
            session.client("secretsmanager", config=_CONFIG),
            session.client("kinesisvideo", config=_CONFIG),
        )

    def read_desired(self, etag: str) -> tuple[EdgeDesired, str] | None:
        """Return the desired document and its ETag; None when it is still the one of `etag`, or absent."""
        key = edge_desired_key(self.office)
        conditions = {"IfNoneMatch": etag} if etag else {}
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key, **conditions)  # type: ignore[arg-type]
            body = answer["Body"].read()
        except ClientError as error:
            code = _code(error)
            if code in ("304", "NotModified", "NoSuchKey"):
                return None
            raise EdgeError(
                f"can't read s3://{self.bucket}/{key} ({code}): allow s3:GetObject to the proxy's role, "
                "and check --bucket"
            ) from error
        except BotoCoreError as error:
            raise EdgeError(f"can't reach S3 ({type(error).__name__}): check the uplink") from error
        return self._parse(body, key), answer["ETag"]

    def write_observed(self, document: EdgeObserved) -> None:
        """Store the observed document; EdgeError when S3 doesn't take it."""
        key = edge_observed_key(self.office)
        try:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=document.model_dump_json().encode(),
                ContentType="application/json",
            )
        except (ClientError, BotoCoreError) as error:
            raise EdgeError(
                f"can't write s3://{self.bucket}/{key} ({_code(error)}): allow s3:PutObject, check the uplink"
            ) from error

    def clip(self, key: str) -> bytes:
        """Return a probe's clip; EdgeError when S3 doesn't give it, ProbeError when it is none."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
            if answer["ContentLength"] > _LARGEST_CLIP:
                raise ProbeError(
                    f"s3://{self.bucket}/{key} is over {_LARGEST_CLIP >> 20} MB: give a shorter clip"
                )
            return answer["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise EdgeError(
                f"can't read s3://{self.bucket}/{key} ({_code(error)}): upload the clip, and allow "
                "s3:GetObject to the proxy's role"
            ) from error

    def secret(self, name: str) -> str:
        """Return a camera's secret; CameraRefusedError when it doesn't exist or isn't readable to us."""
        try:
            return self.secrets.get_secret_value(SecretId=name)["SecretString"]
        except ClientError as error:
            code = _code(error)
            if code in _NO_SUCH_SECRET:
                raise CameraRefusedError(
                    f"secret {name} can't be had ({code}): "
                    f"create it in {self.region} with url, username and password"
                ) from error
            raise CameraError(
                f"secret {name} can't be read ({code}): "
                "allow secretsmanager:GetSecretValue to the proxy's role"
            ) from error
        except BotoCoreError as error:
            raise CameraError(
                f"can't reach Secrets Manager ({type(error).__name__}): check the uplink"
            ) from error

    def put_media_endpoint(self, stream_name: str) -> str:
        """Ask for a stream's PutMedia endpoint; botocore's errors pass."""
        return self.video.get_data_endpoint(StreamName=stream_name, APIName="PUT_MEDIA")["DataEndpoint"]

    def stored_fragments(self, stream_name: str, from_ms: int, to_ms: int) -> set[int]:
        """Return the producer times, in ms, of a stream's fragments that start in the range.

        Where the role may not ask, or the stream keeps nothing, nothing is known, and what is doubtful is
        sent again. Throttling and failures of AWS's are UplinkError: asked again later, or what is stored
        would be stored twice. The index lags behind PERSISTED by moments on AWS, so a fragment stored just
        now may be missed.
        """
        try:
            endpoint = self.video.get_data_endpoint(StreamName=stream_name, APIName="LIST_FRAGMENTS")
            archive = self._archive(endpoint["DataEndpoint"])
            # Older botocores cut times off to whole seconds: ask for one more on either side.
            span = {
                "StartTimestamp": datetime.fromtimestamp(from_ms // 1000 - 1, UTC),
                "EndTimestamp": datetime.fromtimestamp(to_ms // 1000 + 2, UTC),
            }
            pages = archive.get_paginator("list_fragments").paginate(
                StreamName=stream_name,
                FragmentSelector={"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": span},  # type: ignore[typeddict-item]
            )
            return {
                round(fragment["ProducerTimestamp"].timestamp() * 1000)
                for page in pages
                for fragment in page.get("Fragments", [])
            }
        except ClientError as error:
            if _passing(error):
                raise UplinkError(
                    f"stream {stream_name} can't be asked what it holds now ({_code(error)}): asked again"
                ) from error
            log.warning("stream %s can't be asked what it holds (%s)", stream_name, _code(error))
            return set()
        except BotoCoreError as error:
            raise UplinkError(
                f"can't reach Kinesis Video ({type(error).__name__}): check the uplink"
            ) from error

    def credentials(self) -> Credentials:
        """Return the current credentials, refreshed if they were about to expire."""
        found = self.session.get_credentials()
        if found is None:
            raise UplinkError("no AWS credentials: give the proxy a role or AWS_ACCESS_KEY_ID")
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token)

    def _archive(self, endpoint: str) -> KinesisVideoArchivedMediaClient:
        """Return the one client of a data endpoint, of which a Region has few."""
        with self._making:
            if endpoint not in self._archives:
                self._archives[endpoint] = self.session.client(
                    "kinesis-video-archived-media", endpoint_url=endpoint, config=_CONFIG
                )
            return self._archives[endpoint]

    def _parse(self, body: bytes, key: str) -> EdgeDesired:
        try:
            desired = EdgeDesired.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise EdgeError(
                f"s3://{self.bucket}/{key} isn't a desired document ({place}: {first['msg']}): "
                "run office_rollout again; what ran goes on"
            ) from error
        if desired.office != self.office:
            raise EdgeError(f"s3://{self.bucket}/{key} is for office {desired.office}, this is {self.office}")
        return desired


def _passing(error: ClientError) -> bool:
    """Tell whether the same question may be answered in a moment."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or _code(error) in _THROTTLED


def _code(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "unknown")
    return type(error).__name__
