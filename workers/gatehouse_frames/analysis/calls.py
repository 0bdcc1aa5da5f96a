"""Call Rekognition under the Region's quota, for as long as it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatehouse.frames.rate import TokenBucket
from gatehouse.office.frames import FramesRates
from gatehouse_frames.analysis.complaints import Complaints
from gatehouse_frames.backoff import Backoff
from gatehouse_frames.errors import ImageRefusedError, StoppedError

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

# What Rekognition says of a picture and not of the moment.
_OF_THE_IMAGE = {"InvalidParameterException", "InvalidImageFormatException", "ImageTooLargeException"}
_THROTTLED = {"ProvisionedThroughputExceededException", "ThrottlingException"}
# How many of the people who resemble a face are asked for; ingest reads the best.
MOST_MATCHES = 10
_ADVICE = {
    "AccessDeniedException": "allow rekognition:DetectFaces and SearchFacesByImage to the worker's role",
    "ResourceNotFoundException": "create the collection: roll the office out again",
}


@dataclass(slots=True)
class Gauge:
    """Space one operation's calls, for all cameras together; safe to use from several threads."""

    bucket: TokenBucket
    lock: Lock = field(default_factory=Lock)
    made: int = 0
    throttled: int = 0

    def reserve(self, now: float) -> float:
        """Take a place; returns the seconds until it."""
        with self.lock:
            self.made += 1
            return self.bucket.reserve(now)

    def slow_down(self, now: float, pause_s: float) -> None:
        """Count a throttled call and hold the others back."""
        with self.lock:
            self.throttled += 1
            self.bucket.slow_down(now, pause_s)

    def set_rate(self, rate: float) -> None:
        """Obey another rate from the next call on."""
        with self.lock:
            self.bucket.rate = rate


class Rekognition:
    """Ask what is in a picture; every attempt, a retry too, waits for its place under the quota.

    A call that fails for the moment (throttling, a 5xx, a missing right or collection) is repeated with
    growing pauses until it succeeds or `stopping` is set: a record that says "nobody" must mean it.
    """

    def __init__(self, client: RekognitionClient, stopping: Event, complaints: Complaints) -> None:
        self._client = client
        self._stopping = stopping
        self._complaints = complaints
        rates = FramesRates()
        self.gauges: Mapping[str, Gauge] = {
            "DetectFaces": Gauge(TokenBucket(rates.detect_faces)),
            "SearchFacesByImage": Gauge(TokenBucket(rates.search_faces_by_image)),
        }

    def obey(self, rates: FramesRates) -> None:
        """Take over the rates of a new desired document."""
        self.gauges["DetectFaces"].set_rate(rates.detect_faces)
        self.gauges["SearchFacesByImage"].set_rate(rates.search_faces_by_image)

    def detect(self, jpeg: bytes) -> Sequence[Mapping[str, Any]]:
        """Return the picture's FaceDetails, with no attribute that isn't asked for by default.

        :raises ImageRefusedError: for what the picture is; StoppedError
        """
        answer = self._call("DetectFaces", lambda: self._client.detect_faces(Image={"Bytes": jpeg}))
        details: Sequence[Mapping[str, Any]] = answer["FaceDetails"]
        return details

    def search(self, collection: str, threshold: float, jpeg: bytes) -> Mapping[str, Any]:
        """Search the picture's largest face.

        :raises ImageRefusedError: no face is found in it; StoppedError
        """
        answer: Mapping[str, Any] = self._call(
            "SearchFacesByImage",
            lambda: self._client.search_faces_by_image(
                CollectionId=collection,
                Image={"Bytes": jpeg},
                FaceMatchThreshold=threshold,
                MaxFaces=MOST_MATCHES,
            ),
        )
        return answer

    def _call(self, operation: str, ask: Callable[[], Any]) -> Any:
        gauge, backoff = self.gauges[operation], Backoff(first_s=0.2, cap_s=20)
        while not self._stopping.wait(gauge.reserve(time.monotonic())):
            try:
                answer = ask()
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "unknown")
                if code in _OF_THE_IMAGE:
                    raise ImageRefusedError(f"{operation}: {code}") from error
            except BotoCoreError as error:
                code = type(error).__name__
            else:
                self._complaints.clear(operation)
                return answer
            pause = backoff.next_delay()
            if code in _THROTTLED:
                gauge.slow_down(time.monotonic(), pause)
            else:
                advice = _ADVICE.get(code, "it is tried again")
                self._complaints.set(operation, f"{operation} fails ({code}): {advice}")
            self._stopping.wait(pause)
        raise StoppedError(f"{operation} was not made: the worker ends")
