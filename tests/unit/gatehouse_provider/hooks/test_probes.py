"""A look finds the proof of each probe, keeps others' alerts, and tells not knowing from nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from gatehouse.ingest.instant import moment
from gatehouse.ledger.probes import Probe, plan_probes, probes_of, set_probe_state
from gatehouse.ledger.rollouts import record_plan
from gatehouse.office.edge import EdgeObserved, ObservedCamera
from gatehouse.rollout.probe import ClipTruth, ProbeFace
from gatehouse_provider.hooks.probes import QUEUE_KEEPS_MS, ProbeHook

if TYPE_CHECKING:
    from sqlalchemy import Connection

CAMERA = "CAM_BER_F0_LOBBY_001"
TRUTH = ClipTruth("p-7", (0, 5_000), (5_000, 11_000), 11_000)
ALLOWANCE_MS = 90_000
AWAY = EndpointConnectionError(endpoint_url="http://gone")


class Found:
    """Play every service that a look asks; an exception is raised instead of an answer."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.state: Any = "played"
        self.reported_ms = probe.end_ms + 1_000
        self.stored: Any = [moment(probe.start_ms + 2_000)]
        self.frames: Any = 11
        known = ProbeFace(probe.start_ms + 2_000, "p-7", probe.start_ms + 4_000)
        stranger = ProbeFace(probe.start_ms + 8_000, None, probe.start_ms + 10_000)
        self.faces: Any = [known, stranger]
        self.alerts: Any = {probe.probe_id: probe.start_ms + 9_000}
        self.asked: list[str] = []

    def read(self, *_: Any) -> tuple[EdgeObserved, str]:
        at = moment(self.reported_ms)
        says = ObservedCamera(
            camera_id=CAMERA, phase="streaming", probe_id=self.probe.probe_id, probe_state=self.state
        )
        return EdgeObserved(office="berlin", at=at, started_at=at, version_applied=1, cameras=(says,)), ""

    def fragments_stored(self, name: str, start: datetime, end: datetime) -> Any:
        assert (start, end) == (moment(self.probe.start_ms), moment(self.probe.end_ms - 1))
        return self._answer(name, self.stored)

    def probe_frames(self, spans: Any) -> Any:
        return {camera: self._answer("frames", self.frames) for camera in spans}

    def probe_faces(self, cameras: Any, since_ms: int) -> Any:
        assert since_ms == self.probe.start_ms
        return {probe_id: self._answer("faces", self.faces) for probe_id in cameras}

    def take(self, keep: Any) -> None:
        keep(self._answer("alerts", self.alerts))

    def _answer(self, what: str, answer: Any) -> Any:
        self.asked.append(what)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Looking:
    """One probe that began so many milliseconds ago, and what a look finds of it."""

    def __init__(self, ledger: Connection, began_ms: int) -> None:
        start_ms = (int(time.time() * 1000) - began_ms) // 1000 * 1000
        self.ledger, self.probe = ledger, Probe("p1", "run-1", CAMERA, "arn:1", start_ms, start_ms + 11_000)
        judged_by = {"probe": {"allowance_seconds": ALLOWANCE_MS // 1000}}
        now = datetime.now(UTC)
        record_plan(ledger, "run-1", {"judgement": judged_by}, "h", [], dry_run=False, at=now)
        plan_probes(ledger, [self.probe], datetime.now(UTC))
        set_probe_state(ledger, "p1", "ordered", datetime.now(UTC))
        self.found = Found(self.probe)
        self.hook = ProbeHook("run-1", "berlin", ["p1"], TRUTH)
        vars(self.hook).update(dict.fromkeys(("documents", "video", "detections", "queue"), self.found))

    def judged(self) -> tuple[str, str | None, str] | None:
        verdict = self.hook.look().get("p1")
        return (verdict.result, verdict.step, verdict.reason) if verdict else None

    def stored(self, rollout_id: str = "run-1") -> Probe:
        (probe,) = probes_of(self.ledger, rollout_id)
        return probe


def test_a_probe_with_every_proof_passes_and_the_ledger_knows_how_far_it_is(ledger: Connection) -> None:
    look = Looking(ledger, 20_000)
    judged = look.judged()
    assert judged is not None
    assert judged[:2] == ("Successful", None)
    assert (look.stored().state, look.stored().notified_ms) == ("played", look.probe.start_ms + 9_000)


def test_before_its_interval_only_the_order_can_fail(ledger: Connection) -> None:
    look = Looking(ledger, -20_000)
    look.found.state = "waiting"
    assert look.judged() is None
    assert look.found.asked == ["alerts"]
    look.found.state = "failed"
    judged = look.judged()
    assert judged is not None
    assert judged[:2] == ("Failed", "proxy")


def test_fragments_that_were_found_arent_asked_for_again(ledger: Connection) -> None:
    look = Looking(ledger, 20_000)
    look.found.faces = []
    assert look.judged() is None
    assert look.judged() is None
    assert look.found.asked.count(f"gatehouse-{CAMERA}") == 1


def test_the_alert_of_another_rollouts_probe_is_kept_for_it(ledger: Connection) -> None:
    look = Looking(ledger, 20_000)
    other = Probe("p2", "run-2", "CAM_2", "arn:2", look.probe.start_ms, look.probe.end_ms)
    plan_probes(ledger, [other], datetime.now(UTC))
    look.found.alerts = {"p2": 1_764_000_000_000}
    assert look.judged() is None
    assert look.stored("run-2").notified_ms == 1_764_000_000_000


def test_what_couldnt_be_asked_is_named_with_its_cause_when_time_is_up(ledger: Connection) -> None:
    look = Looking(ledger, 11_000 + ALLOWANCE_MS + 5_000)
    look.found.faces = AWAY
    judged = look.judged()
    assert judged is not None
    assert judged[:2] == ("Inconclusive", "documents")
    assert "EndpointConnectionError" in judged[2]


@pytest.mark.parametrize(
    ("began_ms", "result"), [(110_000, "Failed"), (QUEUE_KEEPS_MS + 20_000, "Inconclusive")]
)
def test_a_queue_that_forgets_doesnt_prove_that_no_alert_came(
    ledger: Connection, began_ms: int, result: str
) -> None:
    look = Looking(ledger, began_ms)
    look.found.alerts = {}
    judged = look.judged()
    assert judged is not None
    assert judged[:2] == (result, "notification")


def test_a_proxy_that_fell_silent_has_not_refused_to_play(ledger: Connection) -> None:
    look = Looking(ledger, 11_000 + ALLOWANCE_MS + 5_000)
    look.found.state, look.found.reported_ms = "waiting", look.probe.start_ms
    judged = look.judged()
    assert judged is not None
    assert judged[:2] == ("Inconclusive", "proxy")
