"""Name every AWS resource and S3 key of an office, in one place.

Names are derived, never stored: whoever knows the camera knows its stream.
"""

from __future__ import annotations

from datetime import UTC, datetime

TAG_OFFICE = "gatehouse:office"
TAG_CAMERA = "gatehouse:camera"
TAG_ROLLOUT = "gatehouse:rollout"

DETECTIONS = "gatehouse-detections"
CAMERA_MINUTES = "gatehouse-camera-minutes"
ALERTS_PREFIX = "gatehouse-alerts-"

SNAPSHOT_KEY = "snapshot/ingest.json"
PROBE_CLIP_KEY = "probe/clip.mp4"
PROBE_TRUTH_KEY = "probe/truth.json"
FACE_MODEL_GENERATION = 1
# Of the home Region; one for the whole company.
OPERATIONS_TOPIC = "gatehouse-operations"


def collection_id(office: str, generation: int = FACE_MODEL_GENERATION) -> str:
    """Name an office's face collection for one face-model generation."""
    return f"gatehouse-{office}-g{generation}"


def video_stream(camera_id: str) -> str:
    """Name a camera's Kinesis Video stream."""
    return f"gatehouse-{camera_id}"


def record_stream(camera_id: str) -> str:
    """Name the Kinesis data stream a camera's analysis records go to."""
    return f"gatehouse-records-{camera_id}"


def office_record_stream(office: str) -> str:
    """Name the Kinesis data stream that the records of an office's frame-search worker go to."""
    return f"gatehouse-records-{office}"


def stream_processor(camera_id: str) -> str:
    """Name a camera's Rekognition stream processor."""
    return f"gatehouse-{camera_id}"


def rtsp_secret(camera_id: str) -> str:
    """Name the Secrets Manager secret `{"url", "username", "password"}` of a camera."""
    return f"gatehouse/rtsp/{camera_id}"


def frames_role(office: str) -> str:
    """Name the IAM role that an office's frame-search worker runs with."""
    return f"gatehouse-frames-{office}"


def edge_desired_key(office: str) -> str:
    """Return the S3 key of the document an office's proxy obeys."""
    return f"edge/{office}/desired.json"


def edge_observed_key(office: str) -> str:
    """Return the S3 key of the document an office's proxy writes back."""
    return f"edge/{office}/observed.json"


def frames_desired_key(office: str) -> str:
    """Return the S3 key of the document an office's frame-search worker obeys."""
    return f"frames/{office}/desired.json"


def frames_observed_key(office: str) -> str:
    """Return the S3 key of the document an office's frame-search worker writes back."""
    return f"frames/{office}/observed.json"


def frames_checkpoints_key(office: str) -> str:
    """Return the S3 key where an office's frame-search worker keeps how far it is."""
    return f"frames/{office}/checkpoints.json"


def frame_key(camera_id: str, at: datetime) -> str:
    """Return the S3 key of a stored frame: one per camera-second, UTC.

    Joins go by the object's metadata (frame time in ms, stream, fragment), never by this key.
    """
    utc = at.astimezone(UTC)
    return f"{utc:%Y/%m/%d}/{camera_id}_{utc:%H%M%S}.jpg"


def alerts_index(window_start: datetime) -> str:
    """Return the monthly alert index of a window, by its start in UTC."""
    return f"{ALERTS_PREFIX}{window_start.astimezone(UTC):%Y.%m}"
