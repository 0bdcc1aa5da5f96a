"""What the demo's judge calls right, and which step it blames."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatehouse_stack.demo.evidence import Alert, Delivery, Detection, Evidence, Fragment
from gatehouse_stack.demo.figures import Rate, delays_to_alert, due_at, of_camera
from gatehouse_stack.demo.judge import PLUMBING, arrived, judge
from gatehouse_stack.demo.truth import Visit, visits

CAMERA = "CAM_A"
EMPLOYEE = Visit(CAMERA, "v1", 3, "E1001", "employee", 110.0, 119.0)
STRANGER = Visit(CAMERA, "v2", 3, "S1", "stranger", 130.0, 139.0)


def face(at: float, person: str | None) -> Detection:
    return Detection(f"event-{at}", CAMERA, at, person, person is not None, 97.0, at + 2)


def alert(alert_id: str, first: float, last: float, hits: frozenset[str] = frozenset()) -> Alert:
    return Alert(alert_id, CAMERA, first, last, "sent", hits, first - first % 15, 15.0, needed=3)


@pytest.fixture
def seen() -> Evidence:
    """Everything as it should be: E1001 recognised, the stranger alerted and delivered once."""
    strange = [face(131.0 + i, None) for i in range(8)]
    hits = frozenset(d.event_id for d in strange[:3])
    return Evidence(
        cameras=[CAMERA],
        since=100.0,
        until=160.0,
        detections=[face(111.0 + i, "E1001") for i in range(8)] + strange,
        alerts=[alert("a1", 131.0, 133.0, hits)],
        deliveries=[Delivery("a1", 136.0)],
        fragments={CAMERA: [Fragment(100.0 + i, 101.0 + i) for i in range(60)]},
        analysed={CAMERA: [100.0 + i for i in range(60)]},
        acknowledged={CAMERA: 60},
    )


def steps(seen: Evidence, *present: Visit) -> list[tuple[str, str]]:
    found = judge(present or (EMPLOYEE, STRANGER), seen)
    return [(finding.visit, finding.step) for finding in found]


def test_all_right_yields_no_finding(seen: Evidence) -> None:
    assert steps(seen) == []


def test_a_swapped_face_is_a_recognition_fault_of_that_visit(seen: Evidence) -> None:
    seen.detections = [replace(d, person="E1002") if d.person else d for d in seen.detections]
    assert steps(seen) == [("v1 (loop 3)", "recognition")]


def test_one_frame_taken_for_someone_else_is_a_fault(seen: Evidence) -> None:
    seen.detections[4] = replace(seen.detections[4], person="E1002")
    assert steps(seen) == [("v1 (loop 3)", "recognition")]


def test_a_stranger_taken_for_an_employee_is_a_fault(seen: Evidence) -> None:
    seen.detections[-1] = replace(seen.detections[-1], person="E1001")
    assert steps(seen) == [("v2 (loop 3)", "recognition")]


def test_a_muted_camera_is_blamed_on_the_video(seen: Evidence) -> None:
    muted = replace(seen, detections=[], alerts=[], deliveries=[], fragments={CAMERA: []})
    assert [step for _, step in steps(muted)] == ["video", "video"]


def test_fragments_that_nobody_analysed_are_blamed_on_the_analysis_which_no_face_excuses(
    seen: Evidence,
) -> None:
    dead = replace(seen, detections=[], alerts=[], deliveries=[], analysed={})
    assert [step for _, step in steps(dead)] == ["analysis", "analysis"]
    assert "analysis" in PLUMBING


def test_a_camera_without_loops_is_not_right(seen: Evidence) -> None:
    quiet = replace(seen, alerts=[])
    assert [f.step for f in judge([], quiet)] == ["video", "video"]


def test_a_dropped_alert_is_blamed_on_the_delivery(seen: Evidence) -> None:
    seen.deliveries = []
    assert steps(seen) == [("v2 (loop 3)", "delivery")]


def test_an_alert_delivered_twice_is_a_fault(seen: Evidence) -> None:
    seen.deliveries *= 2
    assert steps(seen) == [("v2 (loop 3)", "delivery")]


def test_a_stranger_without_alert_is_a_fault(seen: Evidence) -> None:
    seen.alerts = []
    assert steps(seen) == [("v2 (loop 3)", "alert")]


def test_an_alert_for_an_employee_is_a_fault(seen: Evidence) -> None:
    hits = frozenset(d.event_id for d in seen.detections[:3])
    seen.alerts.append(alert("a2", 111.0, 113.0, hits))
    assert steps(seen) == [("v1 (loop 3)", "alert")]


def test_an_alert_belongs_to_the_visit_of_most_of_its_hits(seen: Evidence) -> None:
    stray = face(118.9, None)
    seen.detections.append(stray)
    seen.alerts[0] = replace(seen.alerts[0], first_seen=118.9, hits=seen.alerts[0].hits | {stray.event_id})
    assert steps(seen) == []


def test_an_alert_while_nobody_was_there_is_a_fault(seen: Evidence) -> None:
    seen.alerts.append(alert("a3", 150.0, 152.0))
    assert steps(seen) == [("", "alert")]


def test_a_visit_only_partly_observed_is_not_judged_but_owns_its_alert(seen: Evidence) -> None:
    before = Visit(CAMERA, "v2", 2, "S1", "stranger", 95.0, 104.0)
    seen.alerts.append(alert("a0", 96.0, 99.0))
    assert steps(seen, before, EMPLOYEE, STRANGER) == []


def test_visits_repeat_with_every_recorded_loop() -> None:
    visit = {"visit_id": "v1", "subject": "E1", "role": "employee", "start_s": 2.0, "end_s": 9.0}
    loops = [{"camera_id": "c", "loop": n, "wall_start": 1000.0 + 60 * n} for n in (0, 1)]
    placed = sorted(visits({"c": {"visits": [visit]}}, loops), key=lambda visit: visit.start)
    assert [(v.loop, v.start, v.end) for v in placed] == [(0, 1002.0, 1009.0), (1, 1062.0, 1069.0)]


def test_figures_count_visits_frames_and_delays(seen: Evidence) -> None:
    figures = of_camera(CAMERA, [EMPLOYEE, STRANGER], seen, [])
    assert (figures.employee_visits, figures.stranger_visits) == (Rate(1, 1), Rate(1, 1))
    assert (figures.employee_precision, figures.stranger_precision) == (Rate(8, 8), Rate(8, 8))
    assert (figures.employee_recall, figures.stranger_recall) == (Rate(8, 10), Rate(8, 10))
    assert figures.frames_analysed == 60
    assert figures.alerts_delivered == 1
    assert figures.to_alert_median == pytest.approx(3.0)
    assert figures.to_searchable_p95 == pytest.approx(2.0)


def test_a_delay_is_counted_from_the_frame_that_made_the_alert_due(seen: Evidence) -> None:
    # Its batch brought more frames than the rule needs, and the window before had one already.
    seen.alerts = [replace(seen.alerts[0], last_seen=138.0, window_start=135.0)]
    assert due_at(seen.alerts[0], seen.detections) == 135.0
    assert due_at(replace(seen.alerts[0], window_start=130.0), seen.detections) == 133.0
    assert due_at(replace(seen.alerts[0], window_start=130.0, needed=30), seen.detections) == 138.0


def test_an_alert_that_was_due_before_the_observation_is_in_no_figure(seen: Evidence) -> None:
    assert delays_to_alert(CAMERA, seen) == [pytest.approx(3.0)]
    assert delays_to_alert(CAMERA, replace(seen, since=134.0)) == []


def test_an_alert_that_came_twice_counts_with_its_first_arrival(seen: Evidence) -> None:
    seen.deliveries.append(Delivery("a1", 140.0))
    assert delays_to_alert(CAMERA, seen) == [pytest.approx(3.0)]


def test_cameras_that_are_not_observed_are_not_judged(seen: Evidence) -> None:
    seen.alerts.append(replace(seen.alerts[0], alert_id="b1", camera_id="CAM_B"))
    assert steps(seen) == []


def test_a_camera_whose_employee_came_too_early_is_not_right(seen: Evidence) -> None:
    (finding,) = judge((EMPLOYEE, STRANGER), replace(seen, since=125.0))
    assert "no whole employee visit" in finding.message


def test_all_has_arrived_once_every_visit_is_analysed_to_its_end_and_right(seen: Evidence) -> None:
    visits = (EMPLOYEE, STRANGER)
    assert arrived(visits, replace(seen, fragments={}, acknowledged={}))
    assert not arrived(visits, replace(seen, analysed={CAMERA: [100.0 + i for i in range(35)]}))
    assert not arrived(visits, replace(seen, deliveries=[]))
    assert not arrived(visits, replace(seen, detections=seen.detections[:8]))


def test_an_interval_is_wilsons() -> None:
    low, high = Rate(9, 10).interval() or (0.0, 0.0)
    assert (low, high) == (pytest.approx(0.5958, abs=1e-4), pytest.approx(0.9821, abs=1e-4))
    assert Rate(0, 0).interval() is None
