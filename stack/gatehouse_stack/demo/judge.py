"""Decide, visit by visit, whether the platform saw what was there.

Right means: every employee visit has that employee and nobody else, every stranger visit has exactly
one delivered alert, and no employee visit has any. A finding names camera, visit and the first step
of the path that broke.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gatehouse_stack.demo.evidence import Alert, Detection, Evidence
from gatehouse_stack.demo.truth import Visit

Step = Literal["video", "analysis", "detection", "recognition", "alert", "delivery"]

PLUMBING: frozenset[Step] = frozenset({"video", "analysis", "delivery"})
"""Steps in which no face has a say: they must work on anyone's photos."""

EDGE_SECONDS = 0.75
"""Slack at a visit's edges: a sampling interval's worth of a person half in the picture."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Say what went wrong, where; `visit` is empty for a camera as a whole."""

    camera_id: str
    visit: str
    step: Step
    message: str

    def __str__(self) -> str:
        where = f"{self.camera_id} {self.visit}".strip()
        return f"{where}: {self.step}: {self.message}"


def judged(visits: Iterable[Visit], since: float, until: float) -> list[Visit]:
    """Return the visits that lie wholly within the observation."""
    return [visit for visit in visits if visit.start >= since and visit.end <= until]


def judge(visits: Sequence[Visit], seen: Evidence) -> list[Finding]:
    """Return everything that is wrong with the observed cameras; empty means right.

    `visits` are all visits known of these cameras, also those only partly observed: an alert that one
    of these raised is nobody's fault. A camera without a judged visit of each role is a finding too.
    """
    owners = _owners(visits, seen)
    within = judged(visits, seen.since, seen.until)
    findings = [finding for visit in within for finding in _visit(visit, seen, owners)]
    findings += [_nobodys(alert) for alert, visit in owners.items() if visit is None]
    for camera in seen.cameras:
        roles = {visit.role for visit in within if visit.camera_id == camera}
        findings += [_unseen(camera, role) for role in sorted({"employee", "stranger"} - roles)]
    return findings


def arrived(visits: Iterable[Visit], seen: Evidence) -> bool:
    """Tell whether every judged visit is analysed to its end, and right by documents and deliveries.

    That is all that may still change once the visits are over; nobody asks about video here.
    """
    owners = _owners(visits, seen)
    return all(
        max(seen.analysed.get(visit.camera_id, ()), default=0.0) >= visit.end
        and not any(_outcome(visit, seen, owners))
        for visit in judged(visits, seen.since, seen.until)
    )


def _owners(visits: Iterable[Visit], seen: Evidence) -> dict[Alert, Visit | None]:
    return {
        alert: owner(alert, visits, seen.detections)
        for alert in seen.alerts
        if alert.camera_id in seen.cameras
    }


def owner(alert: Alert, visits: Iterable[Visit], detections: Iterable[Detection]) -> Visit | None:
    """Return the visit that raised an alert: the one most of its hits fall into."""
    times = [d.at for d in detections if d.event_id in alert.hits] or [alert.first_seen, alert.last_seen]
    votes = Counter(
        {visit: sum(covers(visit, at) for at in times) for visit in visits if _same(visit, alert)}
    )
    best = votes.most_common(1)
    return best[0][0] if best and best[0][1] else None


def covers(visit: Visit, at: float) -> bool:
    """Tell whether a frame time belongs to a visit."""
    return visit.start - EDGE_SECONDS <= at <= visit.end + EDGE_SECONDS


def _same(visit: Visit, alert: Alert) -> bool:
    return visit.camera_id == alert.camera_id


def _visit(visit: Visit, seen: Evidence, owners: Mapping[Alert, Visit | None]) -> Iterable[Finding]:
    broken = _unwatched(visit, seen) or _unanalysed(visit, seen)
    return [broken] if broken is not None else _outcome(visit, seen, owners)


def _outcome(visit: Visit, seen: Evidence, owners: Mapping[Alert, Visit | None]) -> Iterable[Finding]:
    faces = [d for d in seen.detections if d.camera_id == visit.camera_id and covers(visit, d.at)]
    alerts = [alert for alert, who in owners.items() if who == visit]
    if not faces:
        message = f"{visit.subject} stood there, and no document has a face"
        yield Finding(visit.camera_id, visit.name, "detection", message)
    elif visit.role == "employee":
        yield from _employee(visit, faces, alerts)
    else:
        yield from _stranger(visit, faces, alerts, seen)


def _unwatched(visit: Visit, seen: Evidence) -> Finding | None:
    spans = seen.fragments.get(visit.camera_id, [])
    if any(span.start < visit.end and span.end > visit.start for span in spans):
        return None
    return Finding(visit.camera_id, visit.name, "video", "no fragment of this visit reached Kinesis Video")


def _unanalysed(visit: Visit, seen: Evidence) -> Finding | None:
    if any(visit.start <= at <= visit.end for at in seen.analysed.get(visit.camera_id, [])):
        return None
    message = "its fragments are stored, and no frame of this visit was analysed and indexed"
    return Finding(visit.camera_id, visit.name, "analysis", message)


def _employee(visit: Visit, faces: Sequence[Detection], alerts: Sequence[Alert]) -> Iterable[Finding]:
    matched = {face.person for face in faces if face.person is not None}
    where = (visit.camera_id, visit.name)
    if visit.subject not in matched:
        named = f", but {_list(matched)}" if matched else ""
        yield Finding(*where, "recognition", f"{visit.subject} was not recognised{named}")
    elif matched != {visit.subject}:
        others = _list(matched - {visit.subject})
        yield Finding(*where, "recognition", f"{visit.subject} was also taken for {others}")
    if alerts:
        yield Finding(*where, "alert", f"{len(alerts)} alert(s) for {visit.subject}, an employee")


def _stranger(
    visit: Visit, faces: Sequence[Detection], alerts: Sequence[Alert], seen: Evidence
) -> Iterable[Finding]:
    where = (visit.camera_id, visit.name)
    matched = {face.person for face in faces if face.person is not None}
    if matched:
        yield Finding(*where, "recognition", f"{visit.subject}, a stranger, was taken for {_list(matched)}")
    if len(alerts) != 1:
        yield Finding(*where, "alert", f"{len(alerts)} alerts for {visit.subject}, exactly one is right")
    for alert in alerts:
        times = sum(delivery.alert_id == alert.alert_id for delivery in seen.deliveries)
        if times != 1:
            message = f"alert {alert.alert_id[:12]} ({alert.state}) reached the webhook {times} times"
            yield Finding(*where, "delivery", message)


def _nobodys(alert: Alert) -> Finding:
    return Finding(alert.camera_id, "", "alert", f"alert {alert.alert_id[:12]} while nobody was there")


def _unseen(camera: str, role: str) -> Finding:
    return Finding(camera, "", "video", f"no whole {role} visit fell into the observation")


def _list(people: Iterable[str]) -> str:
    return ", ".join(sorted(people))
