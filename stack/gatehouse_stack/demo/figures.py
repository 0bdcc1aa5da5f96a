"""Count what was seen against the ground truth, per camera."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from gatehouse_stack.demo import judge
from gatehouse_stack.demo.evidence import Alert, Detection, Evidence
from gatehouse_stack.demo.judge import Finding
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


def of_camera(
    camera: str, visits: Sequence[Visit], seen: Evidence, findings: Iterable[Finding]
) -> CameraFigures:
    """Compute one camera's figures; `findings` are what the judge says."""
    faces = [d for d in seen.detections if d.camera_id == camera and seen.since <= d.at <= seen.until]
    own = [visit for visit in visits if visit.camera_id == camera]
    present = [(face, next((v for v in own if judge.covers(v, face.at)), None)) for face in faces]
    whole = judge.judged(own, seen.since, seen.until)
    strange = [face.at for face in faces if face.person is None]
    wrong = {finding.visit for finding in findings if finding.camera_id == camera}
    searchable = [face.searchable_at - face.at for face in faces]
    told = delays_to_alert(camera, seen)
    return CameraFigures(
        camera_id=camera,
        fragments_acknowledged=seen.acknowledged.get(camera, 0),
        frames_analysed=sum(seen.since <= at <= seen.until for at in seen.analysed.get(camera, ())),
        documents_indexed=len(faces),
        employee_visits=_visits("employee", whole, wrong),
        stranger_visits=_visits("stranger", whole, wrong),
        employee_precision=_rate(right(f, v) for f, v in present if f.person is not None),
        employee_recall=_recall("employee", whole, seen, [f.at for f, v in present if right(f, v)]),
        stranger_precision=_rate(bool(v and v.role == "stranger") for f, v in present if f.person is None),
        stranger_recall=_recall("stranger", whole, seen, strange),
        alerts_delivered=len(told),
        to_searchable_median=_percentile(searchable, 50),
        to_searchable_p95=_percentile(searchable, 95),
        to_alert_median=_percentile(told, 50),
        to_alert_p95=_percentile(told, 95),
    )


def delays_to_alert(camera: str, seen: Evidence) -> list[float]:
    """Return how long after the frame that made it due each of a camera's alerts arrived, in seconds.

    Alerts that were due before the observation are left out; of one that arrived twice, the first counts.
    """
    arrived: dict[str, float] = {}
    for delivery in seen.deliveries:
        arrived[delivery.alert_id] = min(delivery.at, arrived.get(delivery.alert_id, delivery.at))
    due = {
        alert.alert_id: due_at(alert, seen.detections) for alert in seen.alerts if alert.camera_id == camera
    }
    return [arrived[one] - at for one, at in due.items() if one in arrived and at >= seen.since]


def due_at(alert: Alert, detections: Iterable[Detection]) -> float:
    """Return the time of the frame with which an alert's rule had the frames it needs.

    Counted by the documents: what the alert says it was last seen at may be a later frame of its batch.
    """
    earliest = alert.window_start - alert.window_seconds
    strange = sorted(
        {d.at for d in detections if d.camera_id == alert.camera_id and d.person is None and d.at >= earliest}
    )
    enough = (at for at in strange[alert.needed - 1 :] if at >= alert.window_start)
    return next(enough, alert.last_seen)


def right(face: Detection, visit: Visit | None) -> bool:
    """Tell whether a document names the employee who stood there."""
    return visit is not None and visit.role == "employee" and face.person == visit.subject


def _visits(role: str, whole: Iterable[Visit], wrong: Container[str]) -> Rate:
    return _rate(visit.name not in wrong for visit in whole if visit.role == role)


def _recall(role: str, whole: Iterable[Visit], seen: Evidence, hits: Iterable[float]) -> Rate:
    found = {round(at, 3) for at in hits}
    return _rate(
        round(at, 3) in found
        for visit in whole
        if visit.role == role
        for at in seen.analysed.get(visit.camera_id, ())
        if visit.start <= at <= visit.end
    )


def _rate(outcomes: Iterable[bool]) -> Rate:
    found = list(outcomes)
    return Rate(sum(found), len(found))


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if values else None
