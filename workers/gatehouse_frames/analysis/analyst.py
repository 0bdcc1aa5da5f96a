"""See who is in a sampled frame: gate it, detect faces, search each one, write the record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatehouse.frames.crops import Box, Crop, crop_of, is_of
from gatehouse.frames.motion import MotionGate, Reference, passage
from gatehouse.frames.record import SearchedFace, analysis_record
from gatehouse_frames.analysis.calls import Rekognition
from gatehouse_frames.analysis.desk import Desk
from gatehouse_frames.analysis.sample import Deliver, Sample
from gatehouse_frames.errors import ImageRefusedError, StoppedError
from gatehouse_frames.media.picture import cut, jpeg, thumbnail

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Search:
    """Say in which collection faces are searched, and which frames needn't be looked at."""

    collection: str
    threshold: float
    gate: MotionGate


class Analyst:
    """Take frames from the desk one by one; several of them work side by side, each in a thread."""

    def __init__(
        self, desk: Desk, rekognition: Rekognition, deliver: Deliver, search: Callable[[], Search]
    ) -> None:
        self._desk = desk
        self._rekognition = rekognition
        self._deliver = deliver
        self._search = search

    def run(self) -> None:
        """Work until the desk is closed and empty."""
        while (sample := self._desk.take()) is not None:
            try:
                self._work(sample)
            except StoppedError:
                log.info("camera %s: a frame is left to the next start", sample.track.camera_id)
            except Exception:  # a defect of ours costs a frame, not the camera
                log.exception("camera %s: a frame could not be analysed", sample.track.camera_id)
                sample.track.dropped(sample.origin.at_ms, "defect")
            finally:
                self._desk.done(sample)

    def _work(self, sample: Sample) -> None:
        if sample.track.ended:
            return
        try:
            faces = self._faces(sample)
        except ImageRefusedError as error:
            log.warning("camera %s: a frame was refused: %s", sample.track.camera_id, error)
            sample.track.dropped(sample.origin.at_ms, "refused")
            return
        self._deliver(sample, analysis_record(sample.origin, faces))

    def _faces(self, sample: Sample) -> Sequence[SearchedFace]:
        """Return every face of the frame; none without a call where nothing moved."""
        track, small, search = sample.track, thumbnail(sample.frame), self._search()
        if passage(search.gate, track.reference, small, sample.origin.at_ms) is None:
            track.status.count("gated_motion")
            return ()
        details = self._rekognition.detect(jpeg(sample.frame))
        track.reference = Reference(sample.origin.at_ms, small, bool(details))
        if not details:
            track.status.count("gated_face")
            return ()
        return self._searched(sample, details, search)

    def _searched(
        self, sample: Sample, details: Sequence[Mapping[str, Any]], search: Search
    ) -> Sequence[SearchedFace]:
        pixels = sample.frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
        boxes = [_box(detail["BoundingBox"]) for detail in details]
        searched = []
        for index, detail in enumerate(details):
            crop = crop_of(boxes, index, sample.frame.width, sample.frame.height)
            matches = self._matches(sample, cut(pixels, crop), crop, search) if crop else ()
            searched.append(SearchedFace(detail, matches))
        return searched

    def _matches(
        self, sample: Sample, picture: bytes, crop: Crop, search: Search
    ) -> Sequence[Mapping[str, Any]]:
        """Search one face; nobody matches where Rekognition finds no face in the crop, or another one."""
        status = sample.track.status
        status.count("searches")
        try:
            answer = self._rekognition.search(search.collection, search.threshold, picture)
        except ImageRefusedError:
            status.count("unsearchable")
            return ()
        if not is_of(crop, _box(answer["SearchedFaceBoundingBox"])):
            status.count("misaimed")
            return ()
        matches: Sequence[Mapping[str, Any]] = answer["FaceMatches"]
        return matches


def _box(box: Mapping[str, float]) -> Box:
    return Box(box["Left"], box["Top"], box["Width"], box["Height"])
