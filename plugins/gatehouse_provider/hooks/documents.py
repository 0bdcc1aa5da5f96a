"""Read and change versioned JSON documents in S3 without losing anyone's change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import tenacity
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.exceptions import ClientError
from pydantic import BaseModel

from gatehouse_provider.hooks.base_aws import AdaptiveRetries, error_code

if TYPE_CHECKING:
    from collections.abc import Callable

Document = TypeVar("Document", bound=BaseModel)
# What S3 answers to a conditional write that somebody else overtook.
OVERTAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


def _overtaken(error: BaseException) -> bool:
    return isinstance(error, ClientError) and error_code(error) in OVERTAKEN


class DocumentHook(AdaptiveRetries, S3Hook):
    """Keep one JSON document an object, written only if nobody wrote in between."""

    def read(self, bucket: str, key: str, model: type[Document]) -> tuple[Document | None, str]:
        """Return a document and its ETag; `(None, "")` if it doesn't exist."""
        try:
            answer = self.client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error_code(error) in {"NoSuchKey", "404"}:
                return None, ""
            raise
        return model.model_validate_json(answer["Body"].read()), answer["ETag"]

    def change(
        self,
        bucket: str,
        key: str,
        model: type[Document],
        change: Callable[[Document | None], Document],
    ) -> Document:
        """Apply a pure change to a document and return what is stored now.

        Nothing is written if the change returns what was there; where somebody wrote meanwhile, the
        change is applied again to what they wrote.
        """
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_overtaken),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=2),
            stop=tenacity.stop_after_attempt(10),
            reraise=True,
        )
        stored: Document = attempts(self._change_once, bucket, key, model, change)
        return stored

    def _change_once(
        self,
        bucket: str,
        key: str,
        model: type[Document],
        change: Callable[[Document | None], Document],
    ) -> Document:
        stored, etag = self.read(bucket, key, model)
        wanted = change(stored)
        if stored is not None and wanted == stored:
            return stored
        condition: dict[str, Any] = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        self.client.put_object(
            Bucket=bucket,
            Key=key,
            Body=wanted.model_dump_json(indent=2).encode(),
            ContentType="application/json",
            **condition,
        )
        return wanted
