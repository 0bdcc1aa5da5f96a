"""Decide what a stream processor may be, and where there may be one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatehouse_local.core.errors import AwsError
from gatehouse_local.processors.processor import Processor
from gatehouse_local.processors.settings import FACE_SEARCH_REGIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatehouse_local.core.faults import Faults
    from gatehouse_local.core.service import CallContext

MIN_THRESHOLD = 80.0
_VIDEO_ARN = re.compile(r"arn:aws[a-z-]*:kinesisvideo:[a-z0-9-]+:\d{12}:stream/[a-zA-Z0-9_.-]+/[0-9]+")
_DATA_ARN = re.compile(r"arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{12}:stream/[a-zA-Z0-9_.-]+")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[a-zA-Z0-9+=,.@_/-]+")


def check_region(context: CallContext, faults: Faults) -> None:
    """Refuse a Region without streaming video, as AWS seems to: a bare AccessDeniedException."""
    without = faults.active("region_without_streaming", context.region, account=context.account)
    if context.region not in FACE_SEARCH_REGIONS or without:
        raise AwsError("AccessDeniedException", (without or {}).get("message") or "")


def check_account(context: CallContext, faults: Faults) -> None:
    """Refuse an account that AWS closed to streaming video on 2026-04-30.

    What AWS answers such an account is not published; the code is the one its Region check uses.
    """
    closed = faults.active("streaming_video_closed", context.region, account=context.account)
    if closed:
        message = closed.get("message") or (
            "Amazon Rekognition Streaming Video is no longer available to new customers."
        )
        raise AwsError("AccessDeniedException", message)


def new_processor(context: CallContext, request: Mapping[str, Any], now: float) -> Processor:
    """Read CreateStreamProcessor's request; a threshold below 80 becomes 80, silently, as in AWS."""
    search = request["Settings"].get("FaceSearch")
    if not search or request["Settings"].get("ConnectedHome"):
        raise _invalid("The local cloud offers FaceSearch stream processors only: set Settings.FaceSearch.")
    if not search.get("CollectionId"):
        raise _invalid("Settings.FaceSearch.CollectionId is required.")
    for member in ("NotificationChannel", "RegionsOfInterest", "KmsKeyId"):
        if request.get(member):
            raise _invalid(f"{member} is not supported for FaceSearch stream processors.")
    threshold = float(search.get("FaceMatchThreshold") or MIN_THRESHOLD)
    preference = request.get("DataSharingPreference")
    return Processor(
        account=context.account,
        region=context.region,
        name=request["Name"],
        video_arn=_arn(request["Input"], "KinesisVideoStream", _VIDEO_ARN),
        data_arn=_arn(request["Output"], "KinesisDataStream", _DATA_ARN),
        role_arn=_matching(request["RoleArn"], "RoleArn", _ROLE_ARN),
        collection=search["CollectionId"],
        threshold=max(MIN_THRESHOLD, threshold),
        opt_in=None if preference is None else preference["OptIn"],
        created_at=now,
        updated_at=now,
    )


def _arn(holder: Mapping[str, Any], member: str, pattern: re.Pattern[str]) -> str:
    arn = (holder.get(member) or {}).get("Arn")
    if not arn:
        raise _invalid(f"{member}.Arn is required for FaceSearch stream processors.")
    return _matching(arn, f"{member}.Arn", pattern)


def _matching(value: str, member: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise _invalid(f"Invalid {member}: {value}")
    return value


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
