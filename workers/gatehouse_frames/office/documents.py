"""Read and write an office's documents in S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ValidationError

from gatehouse.office import naming
from gatehouse.office.frames import FramesCheckpoints, FramesDesired, FramesObserved
from gatehouse_frames.errors import DocumentError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Document = TypeVar("Document", bound=BaseModel)
_ABSENT = ("304", "NotModified", "NoSuchKey")


@dataclass(frozen=True, slots=True)
class OfficeDocuments:
    """The documents of one office, in its Region's bucket; every failure is a DocumentError."""

    office: str
    bucket: str
    s3: S3Client

    def read_desired(self, etag: str) -> tuple[FramesDesired, str] | None:
        """Return the desired document and its ETag; None when it is still the one of `etag`, or absent."""
        key = naming.frames_desired_key(self.office)
        found = self._read(key, etag)
        if found is None:
            return None
        desired = self._parse(FramesDesired, key, found[0])
        if desired.office != self.office:
            raise DocumentError(
                f"s3://{self.bucket}/{key} is for office {desired.office}, this is {self.office}: what runs "
                "goes on"
            )
        return desired, found[1]

    def read_checkpoints(self) -> FramesCheckpoints | None:
        """Return what the worker before this one had settled; None if there was none."""
        key = naming.frames_checkpoints_key(self.office)
        found = self._read(key)
        return self._parse(FramesCheckpoints, key, found[0]) if found else None

    def write_checkpoints(self, document: FramesCheckpoints) -> None:
        """Store how far the worker is."""
        self._write(naming.frames_checkpoints_key(self.office), document)

    def write_observed(self, document: FramesObserved) -> None:
        """Store what the worker sees."""
        self._write(naming.frames_observed_key(self.office), document)

    def _read(self, key: str, etag: str = "") -> tuple[bytes, str] | None:
        conditions = {"IfNoneMatch": etag} if etag else {}
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key, **conditions)  # type: ignore[arg-type]
            return answer["Body"].read(), answer["ETag"]
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise DocumentError(
                f"can't read s3://{self.bucket}/{key} ({_code(error)}): allow s3:GetObject to the worker's "
                "role, and check --bucket"
            ) from error
        except BotoCoreError as error:
            raise DocumentError(f"can't reach S3 ({_code(error)}): check the uplink") from error

    def _write(self, key: str, document: BaseModel) -> None:
        body = document.model_dump_json().encode()
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/json")
        except (ClientError, BotoCoreError) as error:
            raise DocumentError(
                f"can't write s3://{self.bucket}/{key} ({_code(error)}): allow s3:PutObject, check the uplink"
            ) from error

    def _parse(self, kind: type[Document], key: str, body: bytes) -> Document:
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "the document"
            raise DocumentError(
                f"s3://{self.bucket}/{key} isn't a {kind.__name__} ({place}: {first['msg']}). What runs goes "
                "on; run office_rollout again, or delete a damaged checkpoint: its office then starts over"
            ) from error


def _code(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "unknown")
    return type(error).__name__
