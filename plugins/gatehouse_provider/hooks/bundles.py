"""Write a rollout's evidence to S3, once: what is there is never replaced."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.exceptions import ClientError

from gatehouse.exceptions import LedgerError
from gatehouse_provider.hooks.base_aws import AdaptiveRetries, error_code
from gatehouse_provider.hooks.documents import OVERTAKEN

if TYPE_CHECKING:
    from gatehouse.rollout.evidence import Bundle


class BundleHook(AdaptiveRetries, S3Hook):
    """Keep evidence bundles in a bucket."""

    def write(self, bucket: str, bundle: Bundle) -> str:
        """Write a bundle and return its version in S3, empty where the bucket keeps none.

        One that a killed task wrote already is taken as it is. Raises LedgerError where the key holds
        something else.
        """
        try:
            written = self.client.put_object(
                Bucket=bucket,
                Key=bundle.key,
                Body=bundle.body,
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error_code(error) not in OVERTAKEN:
                raise
            return self._found(bucket, bundle)
        return str(written.get("VersionId", ""))

    def _found(self, bucket: str, bundle: Bundle) -> str:
        stored = self.client.get_object(Bucket=bucket, Key=bundle.key)
        if hashlib.sha256(stored["Body"].read()).hexdigest() != bundle.sha256:
            msg = (
                f"Bucket {bucket} holds other evidence under {bundle.key}, which the ledger doesn't list; "
                "it was not replaced. See who wrote it, and move it away"
            )
            raise LedgerError(msg)
        return str(stored.get("VersionId", ""))
