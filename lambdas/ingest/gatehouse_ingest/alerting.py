"""Turn the hits of a batch into alerts that are told, one step at a time.

Every step can be repeated and leaves a state from which the next attempt goes on (`alerts.state`), so
a crash anywhere is repaired by the batch's replay: `firing` and `pending` are simply picked up again.
Where no replay comes any more, the notifier's sweep picks them up.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from gatehouse.alerts.judge import alarm_frame
from gatehouse.alerts.message import alert_message
from gatehouse.alerts.state import AlertState, confirm, hit_frames, move, silence
from gatehouse.ingest.bulk import update_line
from gatehouse.ingest.instant import iso
from gatehouse.ingest.minutes import minute_id, minute_index, minutes_of, stored_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gatehouse.alerts.hits import Hits, Window
    from gatehouse.ingest.frame import Frame
    from gatehouse_ingest.evidence import Evidence, Stored
    from gatehouse_ingest.index import Index
    from gatehouse_ingest.publish import Publisher

LOG = logging.getLogger(__name__)
Document = dict[str, Any]
Alert = Document
# Nothing is to be judged any more; a pending one is told once more.
SETTLED = frozenset({AlertState.PENDING, AlertState.SENT})


class Told(NamedTuple):
    """Hold an alert that was given to the topic, and how to note it: `line` is its bulk update.

    It is noted together with the pointers to `stored`, so that a replay repairs both or neither. Until
    then a replay tells it again under the same id, which the notifier passes on once.
    """

    frame: Frame
    stored: Stored | None
    line: bytes


class Alerting:
    """Judge windows and tell people; `now` gives milliseconds since the epoch."""

    def __init__(
        self, index: Index, evidence: Evidence, publisher: Publisher, now: Callable[[], int]
    ) -> None:
        self._index = index
        self._evidence = evidence
        self._publisher = publisher
        self._now = now

    def settle(
        self, batch: Sequence[Hits], stored: Mapping[str, Alert], frames: Mapping[tuple[str, int], Frame]
    ) -> list[Told]:
        """Judge what a batch touched, earliest window first.

        :param stored: the touched windows' documents after the hits were added, by alert id.
        :param frames: the batch's frames by camera and time.
        """
        known = {**stored, **self._surroundings(batch, stored)}
        touched = {hits.window for hits in batch}
        told = []
        for hits in batch:
            later = hits.window.shifted(1)
            # Hits that come late can complete the window after theirs, too.
            for window in (hits.window,) if later in touched else (hits.window, later):
                alert = self._advance(window, hits, known)
                if alert is not None and alert["state"] == AlertState.PENDING:
                    told.append(self._tell(alert, window, hits, frames))
        return told

    def _surroundings(self, batch: Sequence[Hits], stored: Mapping[str, Alert]) -> dict[str, Document]:
        """Read the windows around those that may still fire, and the camera-minutes they all lie in."""
        places = {
            place
            for hits in batch
            if stored[hits.window.alert_id]["state"] not in SETTLED
            for place in _surroundings(hits.window)
        }
        return self._index.get(place for place in places if place[1] not in stored)

    def _advance(self, window: Window, hits: Hits, known: Mapping[str, Document]) -> Alert | None:
        alert = known.get(window.alert_id)
        if alert is None:
            return None
        if alert["state"] == AlertState.FIRING:
            return self._confirm(window, hits)
        if alert["state"] == AlertState.OPEN and self._alarms(window, hits, known):
            step = move(AlertState.FIRING, AlertState.OPEN, firing_at=iso(self._now()))
            alert = self._index.update(window.index, window.alert_id, step)
            return self._confirm(window, hits) if alert["state"] == AlertState.FIRING else alert
        return alert

    def _alarms(self, window: Window, hits: Hits, known: Mapping[str, Document]) -> bool:
        before = known.get(window.shifted(-1).alert_id)
        seen = [*hit_frames(before), *hit_frames(known[window.alert_id])]
        analysed = []
        for start in minutes_of(window.start_ms - window.length_ms, window.end_ms):
            minute = known.get(minute_id(window.camera_id, start))
            analysed += stored_frames(minute, start, probe=window.probe_id != "") if minute else []
        return alarm_frame(window, hits.rule, seen, analysed) is not None

    def _confirm(self, window: Window, hits: Hits) -> Alert:
        """Silence the next window; give way instead if it has fired already."""
        later = window.shifted(1)
        neighbour = self._index.update(later.index, later.alert_id, silence(later, hits.rule, hits.stream))
        return self._index.update(window.index, window.alert_id, confirm(neighbour, iso(self._now())))

    def _tell(
        self, alert: Alert, window: Window, hits: Hits, frames: Mapping[tuple[str, int], Frame]
    ) -> Told:
        frame = _clearest(hits, frames)
        stored = None if alert.get("s3_location") else self._evidence.store(frame)
        location = stored.location if stored else alert.get("s3_location")
        published = self._publisher.publish(alert_message({**alert, "s3_location": location}))
        state = AlertState.SENT if published else AlertState.PENDING
        sent_at = iso(self._now()) if published else None
        step = move(state, AlertState.PENDING, sent_at=sent_at, s3_location=location)
        LOG.info("Alert %s of %s is %s", alert["alert_id"], window.camera_id, state)
        return Told(frame, stored, update_line(window.index, window.alert_id, step))


def _surroundings(window: Window) -> set[tuple[str, str]]:
    """Return the places of what decides about a window and about the one after it."""
    neighbours = (window.shifted(-1), window.shifted(1))
    minutes = minutes_of(neighbours[0].start_ms, neighbours[1].end_ms)
    return {(neighbour.index, neighbour.alert_id) for neighbour in neighbours} | {
        (minute_index(start), minute_id(window.camera_id, start)) for start in minutes
    }


def _clearest(hits: Hits, frames: Mapping[tuple[str, int], Frame]) -> Frame:
    """Return the batch's hit frame with the most faces, the earliest of several."""
    at = max(hits.frames, key=lambda at: (hits.frames[at], -at))
    return frames[hits.window.camera_id, at]
