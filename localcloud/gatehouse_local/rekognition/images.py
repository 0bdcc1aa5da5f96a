"""Fetch the image that a request names: its own bytes or an object in S3."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.client import S3Client

    from gatehouse_local.core.service import CallContext

# Rekognition limits: 15 MB from S3; 5 MB in the request, which the service model already checks.
MAX_S3_BYTES = 15 * 1024 * 1024
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=15,
    retries={"mode": "standard", "max_attempts": 2},
    s3={"addressing_style": "path"},
)


class ImageSource:
    """Read images through the front door, as the account that calls."""

    def __init__(self, endpoint: str) -> None:
        self._client = lru_cache(maxsize=64)(lambda account, region: _s3(endpoint, account, region))

    def read(self, context: CallContext, image: Mapping[str, Any]) -> bytes:
        """Return the image's bytes.

        :raises AwsError: InvalidParameterException unless exactly one source is given,
            InvalidS3ObjectException for an object that is absent or in another Region,
            ImageTooLargeException above 15 MB
        """
        if ("Bytes" in image) == ("S3Object" in image):
            raise AwsError("InvalidParameterException", "Request has invalid parameters")
        if "Bytes" in image:
            return bytes(image["Bytes"])
        try:
            return self._fetch(context, image["S3Object"])
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise _s3_unavailable(error) from error
            raise _unreadable() from error
        except BotoCoreError as error:
            raise _s3_unavailable(error) from error

    def _fetch(self, context: CallContext, source: Mapping[str, str]) -> bytes:
        client: S3Client = self._client(context.account, context.region)
        bucket, key = source.get("Bucket"), source.get("Name")
        if not bucket or not key:
            raise AwsError("InvalidParameterException", "Request has invalid parameters")
        located = client.get_bucket_location(Bucket=bucket).get("LocationConstraint") or "us-east-1"
        if located != context.region:
            raise _unreadable()
        version = {"VersionId": source["Version"]} if "Version" in source else {}
        answer = client.get_object(Bucket=bucket, Key=key, **version)  # type: ignore[arg-type]
        if answer["ContentLength"] > MAX_S3_BYTES:
            answer["Body"].close()
            raise AwsError("ImageTooLargeException", f"Image size exceeds {MAX_S3_BYTES} bytes")
        return answer["Body"].read()


def _s3(endpoint: str, account: str, region: str) -> S3Client:
    return boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=account,
        aws_secret_access_key="local",  # noqa: S106  (the front door reads the account from the key alone)
        config=_CONFIG,
    )


def _unreadable() -> AwsError:
    return AwsError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    )


def _s3_unavailable(error: Exception) -> AwsError:
    return AwsError("InternalServerError", f"S3 did not answer, the image was not read: {error}", status=500)
