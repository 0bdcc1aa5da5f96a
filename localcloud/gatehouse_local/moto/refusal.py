"""Refuse a call to a forwarded service in that service's protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from gatehouse_local.core.encode import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse_local.core.errors import AwsError

_QUERY = frozenset({"iam", "sts", "sns", "sqs", "cloudformation", "monitoring", "rds", "autoscaling"})


def refuse(service: str, headers: Mapping[str, str], error: AwsError, request_id: str) -> Answer:
    """Write the error as XML for S3 and the query services, as JSON for the rest."""
    if service == "s3":
        return _xml(_s3(error, request_id), error, request_id)
    if "x-amz-target" not in headers and service in _QUERY:
        return _xml(_query(error, request_id), error, request_id)
    kind = headers.get("content-type") or "application/json"
    body = json.dumps({"__type": error.code, "message": error.message} | error.extra).encode()
    known = {"content-type": kind, "x-amzn-RequestId": request_id, "x-amzn-ErrorType": error.code}
    return Answer(error.status, known, body, error.code)


def _xml(body: str, error: AwsError, request_id: str) -> Answer:
    headers = {"content-type": "text/xml", "x-amzn-RequestId": request_id, "x-amz-request-id": request_id}
    return Answer(error.status, headers, body.encode(), error.code)


def _s3(error: AwsError, request_id: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
        f"<RequestId>{request_id}</RequestId></Error>"
    )


def _query(error: AwsError, request_id: str) -> str:
    side = "Sender" if error.status < 500 else "Receiver"
    return (
        f"<ErrorResponse><Error><Type>{side}</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
