"""Know AWS's managed policies that the local cloud's services rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse_local.iam.policy import Document

# github.com/awsdocs/amazon-rekognition-developer-guide, "AmazonRekognitionServiceRole": data streams
# and topics only by the prefix AmazonRekognition, video streams without limit.
_REKOGNITION: Document = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["sns:Publish"], "Resource": "arn:aws:sns:*:*:AmazonRekognition*"},
        {
            "Effect": "Allow",
            "Action": ["kinesis:PutRecord", "kinesis:PutRecords"],
            "Resource": "arn:aws:kinesis:*:*:stream/AmazonRekognition*",
        },
        {
            "Effect": "Allow",
            "Action": ["kinesisvideo:GetDataEndpoint", "kinesisvideo:GetMedia"],
            "Resource": "*",
        },
    ],
}

AWS_MANAGED: Mapping[str, Document] = {
    "arn:aws:iam::aws:policy/service-role/AmazonRekognitionServiceRole": _REKOGNITION,
}
