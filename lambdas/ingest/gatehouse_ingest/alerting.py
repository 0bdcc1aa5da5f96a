"""Turn the hits of a batch into alerts that are told, one step at a time.

Every step can be repeated and leaves a state from which the next attempt goes on (`alerts.state`), so
a crash anywhere is repaired by the batch's replay: `firing` and `pending` are simply picked up again.
Where no replay comes any more, the notifier's sweep picks them up.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from gatehouse.alerts.judge import alarm_frame
from gatehouse.alerts.message import alert_message
from gatehouse.alerts.state import AlertState, confirm, hit_frames, move, silence
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
Alert = dict[str, Any]


class Alerting:
    """Judge windows and tell people; `now` gives milliseconds since the epoch.

    `settle` returns the frames stored as evidence, for the detection documents to point at.
    """

    def __init__(
        self, index: Index, evidence: Evidence, publisher: Publisher, now: Callable[[], int]
    ) -> None:
        self._index = index
        self._evidence = evidence
        self._publisher = publisher
        self._now = now

    def settle(
        self, batch: Sequence[Hits], stored: Mapping[str, Alert], frames: Mapping[tuple[str, int], Frame]
    ) -> list[tuple[Frame, Stored]]:
        """Judge what a batch touched, earliest window first.

        :param stored: the touched windows' documents after the hits were added, by alert id.
        :param frames: the batch's frames by camera and time.
        """
        alerts = dict(stored)
        alerts.update(self._neighbours(batch, stored))
        touched = {hits.window for hits in batch}
        kept = []
        for hits in batch:
            later = hits.window.shifted(1)
            # Hits that come late can complete the window after theirs, too.
            for window in (hits.window,) if later in touched else (hits.window, later):
                alert = self._advance(window, hits, alerts)
                if alert is not None and alert["state"] == AlertState.PENDING:
                    kept += self._tell(alert, window, hits, frames)
        return kept

    def _neighbours(self, batch: Sequence[Hits], stored: Mapping[str, Alert]) -> dict[str, Alert]:
        """Read the windows around those that may still fire."""
        places = {
            (window.index, window.alert_id)
            for hits in batch
            if stored[hits.window.alert_id]["state"] not in (AlertState.PENDING, AlertState.SENT)
            for window in (hits.window.shifted(-1), hits.window.shifted(1))
            if window.alert_id not in stored
        }
        return self._index.get(places)

    def _advance(self, window: Window, hits: Hits, alerts: Mapping[str, Alert]) -> Alert | None:
        alert = alerts.get(window.alert_id)
        if alert is None:
            return None
        if alert["state"] == AlertState.FIRING:
            return self._confirm(window, hits)
        if alert["state"] == AlertState.OPEN and self._alarms(window, hits, alerts):
            step = move(AlertState.FIRING, AlertState.OPEN, firing_at=iso(self._now()))
            alert = self._index.update(window.index, window.alert_id, step)
            return self._confirm(window, hits) if alert["state"] == AlertState.FIRING else alert
        return alert

    def _alarms(self, window: Window, hits: Hits, alerts: Mapping[str, Alert]) -> bool:
        before = alerts.get(window.shifted(-1).alert_id)
        seen = [*hit_frames(before), *hit_frames(alerts[window.alert_id])]
        # Reading which frames showed nobody unknown is worth it only if there are hits enough.
        if alarm_frame(window, hits.rule, seen, ()) is None:
            return False
        minutes = list(minutes_of(window.start_ms - window.length_ms, window.end_ms))
        ids = {start: minute_id(window.camera_id, start) for start in minutes}
        found = self._index.get((minute_index(start), ids[start]) for start in minutes)
        analysed = [
            at
            for start in minutes
            if ids[start] in found
            for at in stored_frames(found[ids[start]], start, probe=window.probe_id != "")
        ]
        return alarm_frame(window, hits.rule, seen, analysed) is not None

    def _confirm(self, window: Window, hits: Hits) -> Alert:
        """Silence the next window; give way instead if it has fired already."""
        later = window.shifted(1)
        neighbour = self._index.update(later.index, later.alert_id, silence(later, hits.rule, hits.stream))
        return self._index.update(window.index, window.alert_id, confirm(neighbour, iso(self._now())))

    def _tell(
        self, alert: Alert, window: Window, hits: Hits, frames: Mapping[tuple[str, int], Frame]
    ) -> list[tuple[Frame, Stored]]:
        frame = _clearest(hits, frames)
        stored = None if alert.get("s3_location") else self._evidence.store(frame)
        location = stored.location if stored else alert.get("s3_location")
        published = self._publisher.publish(alert_message({**alert, "s3_location": location}))
        state = AlertState.SENT if published else AlertState.PENDING
        sent_at = iso(self._now()) if published else None
        step = move(state, AlertState.PENDING, sent_at=sent_at, s3_location=location)
        self._index.update(window.index, window.alert_id, step)
        LOG.info("Alert %s of %s is %s", alert["alert_id"], window.camera_id, state)
        return [(frame, stored)] if stored else []


def _clearest(hits: Hits, frames: Mapping[tuple[str, int], Frame]) -> Frame:
    """Return the batch's hit frame with the most faces, the earliest of several."""
    at = max(hits.frames, key=lambda at: (hits.frames[at], -at))
    return frames[hits.window.camera_id, at]
