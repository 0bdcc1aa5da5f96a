"""Count what was seen against the ground truth, per camera."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from gatehouse_stack.demo import judge
from gatehouse_stack.demo.evidence import Detection, Evidence
from gatehouse_stack.demo.truth import Visit


@dataclass(frozen=True, slots=True)
class Rate:
    """Hold a proportion with its counts and its 95 % Wilson interval; None where nothing was counted."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """Return hits / of."""
        return self.hits / self.of if self.of else None

    def interval(self) -> tuple[float, float] | None:
        """Return the Wilson score interval (Wilson 1927) at 95 %."""
        if not self.of:
            return None
        z, n, p = 1.959964, self.of, self.hits / self.of
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, centre - half), min(1.0, centre + half)

    def json(self) -> dict[str, object]:
        """Return counts, value and interval."""
        return {"hits": self.hits, "of": self.of, "value": self.value, "interval_95": self.interval()}


@dataclass(frozen=True, slots=True)
class CameraFigures:
    """Hold one camera's counts over the observation; delays in seconds.

    Precision: of the faces named as (or flagged as no) employee, those where it was so. Recall: of the
    frames analysed while an employee (a stranger) stood there, those that named that employee (flagged
    a face as nobody's).
    """

    camera_id: str
    fragments_acknowledged: int
    frames_analysed: int
    documents_indexed: int
    employee_visits: Rate
    stranger_visits: Rate
    employee_precision: Rate
    employee_recall: Rate
    stranger_precision: Rate
    stranger_recall: Rate
    alerts_delivered: int
    to_searchable_median: float | None
    to_searchable_p95: float | None
    to_alert_median: float | None
    to_alert_p95: float | None

    def json(self) -> dict[str, object]:
        """Return all figures for a machine."""
        raw = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value.json() if isinstance(value, Rate) else value for name, value in raw.items()}


def of_camera(camera: str, visits: Sequence[Visit], seen: Evidence) -> CameraFigures:
    """Compute one camera's figures."""
    faces = [d for d in seen.detections if d.camera_id == camera and seen.since <= d.at <= seen.until]
    own = [visit for visit in visits if visit.camera_id == camera]
    labelled = [(face, _present(face, own)) for face in faces]
    raised = [alert for alert in seen.alerts if alert.camera_id == camera]
    ids = {alert.alert_id for alert in raised}
    arrived = [d for d in seen.deliveries if d.alert_id in ids and d.evident_at >= seen.since]
    wrong = {finding.visit for finding in judge.judge(own, seen, ()) if finding.camera_id == camera}
    searchable = [face.searchable_at - face.at for face in faces]
    told = [delivery.at - delivery.evident_at for delivery in arrived]
    return CameraFigures(
        camera_id=camera,
        fragments_acknowledged=seen.acknowledged.get(camera, 0),
        frames_analysed=sum(seen.since <= at <= seen.until for at in seen.analysed.get(camera, [])),
        documents_indexed=len(faces),
        employee_visits=_visits("employee", own, seen, wrong),
        stranger_visits=_visits("stranger", own, seen, wrong),
        employee_precision=_rate(right(f, v) for f, v in labelled if f.person is not None),
        employee_recall=_recall("employee", own, seen, [f.at for f, v in labelled if right(f, v)]),
        stranger_precision=_rate(bool(v and v.role == "stranger") for f, v in labelled if f.person is None),
        stranger_recall=_recall("stranger", own, seen, [f.at for f, v in labelled if f.person is None]),
        alerts_delivered=len({delivery.alert_id for delivery in arrived}),
        to_searchable_median=_percentile(searchable, 50),
        to_searchable_p95=_percentile(searchable, 95),
        to_alert_median=_percentile(told, 50),
        to_alert_p95=_percentile(told, 95),
    )


def right(face: Detection, visit: Visit | None) -> bool:
    """Tell whether a document names the employee who stood there."""
    return visit is not None and visit.role == "employee" and face.person == visit.subject


def _present(face: Detection, visits: Iterable[Visit]) -> Visit | None:
    return next((visit for visit in visits if judge.covers(visit, face.at)), None)


def _visits(role: str, own: Sequence[Visit], seen: Evidence, wrong: set[str]) -> Rate:
    within = [visit for visit in judge.judged(own, seen.since, seen.until) if visit.role == role]
    return Rate(sum(visit.name not in wrong for visit in within), len(within))


def _recall(role: str, own: Sequence[Visit], seen: Evidence, hits: Iterable[float]) -> Rate:
    within = [visit for visit in judge.judged(own, seen.since, seen.until) if visit.role == role]
    found = {round(at, 3) for at in hits}
    frames = [
        round(at, 3)
        for visit in within
        for at in seen.analysed.get(visit.camera_id, [])
        if visit.start <= at <= visit.end
    ]
    return Rate(sum(at in found for at in frames), len(frames))


def _rate(outcomes: Iterable[bool]) -> Rate:
    found = list(outcomes)
    return Rate(sum(found), len(found))


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if values else None
