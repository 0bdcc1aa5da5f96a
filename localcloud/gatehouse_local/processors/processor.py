"""Say what a stream processor is, in the store's form and in AWS's."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(StrEnum):
    """AWS's states; a FaceSearch processor is never UPDATING."""

    STOPPED = "STOPPED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    FAILED = "FAILED"


LIVE = frozenset({Status.STARTING, Status.RUNNING, Status.STOPPING})
AT_REST = frozenset({Status.STOPPED, Status.FAILED})


@dataclass(frozen=True, slots=True)
class Processor:
    """One FaceSearch stream processor; times in epoch seconds.

    `session` changes with every start, so that a thread of an earlier one can't write into a later.
    """

    account: str
    region: str
    name: str
    video_arn: str
    data_arn: str
    role_arn: str
    collection: str
    threshold: float
    opt_in: bool | None
    created_at: float
    updated_at: float
    status: Status = Status.STOPPED
    message: str = ""
    session: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Return the processor's ARN."""
        return f"arn:aws:rekognition:{self.region}:{self.account}:streamprocessor/{self.name}"

    @property
    def video_name(self) -> str:
        """Return the name of the video stream it reads (`arn:…:stream/NAME/CREATION`)."""
        return self.video_arn.split("/")[1]

    @property
    def data_name(self) -> str:
        """Return the name of the data stream it writes."""
        return self.data_arn.rpartition("/")[2]

    def moved(self, status: Status, now: float, message: str = "") -> Processor:
        """Return the processor in another state."""
        return replace(self, status=status, message=message, updated_at=now)

    def to_body(self) -> dict[str, Any]:
        """Write the store's form."""
        body = asdict(self)
        return {**body, "status": str(self.status)}

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> Processor:
        """Read the store's form."""
        return cls(**{**body, "status": Status(body["status"])})

    def described(self) -> dict[str, Any]:
        """Write DescribeStreamProcessor's answer."""
        answer: dict[str, Any] = {
            "Name": self.name,
            "StreamProcessorArn": self.arn,
            "Status": str(self.status),
            "CreationTimestamp": datetime.fromtimestamp(self.created_at, UTC),
            "LastUpdateTimestamp": datetime.fromtimestamp(self.updated_at, UTC),
            "Input": {"KinesisVideoStream": {"Arn": self.video_arn}},
            "Output": {"KinesisDataStream": {"Arn": self.data_arn}},
            "RoleArn": self.role_arn,
            "Settings": {
                "FaceSearch": {"CollectionId": self.collection, "FaceMatchThreshold": self.threshold}
            },
            **self.extra,
        }
        if self.message:
            answer["StatusMessage"] = self.message
        if self.opt_in is not None:
            answer["DataSharingPreference"] = {"OptIn": self.opt_in}
        return answer
