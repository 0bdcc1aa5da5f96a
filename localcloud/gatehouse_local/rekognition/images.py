"""Fetch the image that a request names: its own bytes or an object in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse_local.core.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse_local.core.clients import Clients
    from gatehouse_local.core.service import CallContext

# Rekognition limits: 15 MB from S3; 5 MB in the request, which the service model already checks.
MAX_S3_BYTES = 15 * 1024 * 1024


class ImageSource:
    """Read images through the front door, as the account that calls."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

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
        client = self._clients.of("s3", context.account, context.region)
        bucket, key = source.get("Bucket"), source.get("Name")
        if not bucket or not key:
            raise AwsError("InvalidParameterException", "Request has invalid parameters")
        located = client.get_bucket_location(Bucket=bucket).get("LocationConstraint") or "us-east-1"
        if located != context.region:
            raise _unreadable()
        version = {"VersionId": source["Version"]} if "Version" in source else {}
        answer = client.get_object(Bucket=bucket, Key=key, **version)
        if answer["ContentLength"] > MAX_S3_BYTES:
            answer["Body"].close()
            raise AwsError("ImageTooLargeException", f"Image size exceeds {MAX_S3_BYTES} bytes")
        data: bytes = answer["Body"].read()
        return data


def _unreadable() -> AwsError:
    return AwsError(
        "InvalidS3ObjectException",
        "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    )


def _s3_unavailable(error: Exception) -> AwsError:
    return AwsError("InternalServerError", f"S3 did not answer, the image was not read: {error}", status=500)
