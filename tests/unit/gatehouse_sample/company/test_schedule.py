from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gatehouse_sample.company.schedule import (
    BACK_TO_BACK_SECONDS,
    LOOP_SECONDS,
    CameraPlace,
    assign_offices,
    plan_visits,
)

PLACES = st.lists(st.integers(1, 4), min_size=1, max_size=5).map(
    lambda cameras: [
        CameraPlace(f"CAM_{office}_{camera}", f"office{office}", "lobby")
        for office, count in enumerate(cameras)
        for camera in range(count)
    ]
)
EMPLOYEES = st.integers(1, 30).map(lambda count: [f"E{n}" for n in range(count)])
STRANGERS = st.integers(1, 9).map(lambda count: [f"S{n}" for n in range(count)])


@given(PLACES, EMPLOYEES, STRANGERS)
def test_visits_never_overlap_nor_span_the_loop(
    places: list[CameraPlace], employees: list[str], strangers: list[str]
) -> None:
    plan = plan_visits(places, assign_offices(employees, places), strangers)
    for visits in plan.values():
        assert visits[0].start_s >= 1.0
        assert visits[-1].end_s <= LOOP_SECONDS - 1.0
        assert all(b.start_s - a.end_s >= BACK_TO_BACK_SECONDS - 1e-6 for a, b in pairwise(visits))


@given(PLACES, EMPLOYEES, STRANGERS)
def test_every_camera_shows_one_stranger_and_employees_of_its_office(
    places: list[CameraPlace], employees: list[str], strangers: list[str]
) -> None:
    offices = assign_offices(employees, places)
    plan = plan_visits(places, offices, strangers)
    assert set(plan) == {place.camera_id for place in places}
    for place in places:
        visits = plan[place.camera_id]
        assert [visit.role for visit in visits].count("stranger") == 1
        assert all(place.office in offices[v.subject] for v in visits if v.role == "employee")


@given(PLACES, STRANGERS)
def test_a_stranger_returns_after_every_alert_window(places: list[CameraPlace], strangers: list[str]) -> None:
    for visits in plan_visits(places, assign_offices(["E1"], places), strangers).values():
        (stranger,) = (visit for visit in visits if visit.role == "stranger")
        # The last hit's window (15 s) may have alerted; the next one stays silent. A face counts a little
        # before and after its visit too.
        assert LOOP_SECONDS - (stranger.end_s - stranger.start_s) > 2 * 15.0 + 2 * 0.75


def test_some_employees_have_several_offices_and_one_camera_has_visits_back_to_back() -> None:
    places = [CameraPlace(f"CAM_{n}", f"office{n // 3}", "lobby") for n in range(7)]
    offices = assign_offices([f"E{n}" for n in range(13)], places)
    assert 1 < sum(len(where) > 1 for where in offices.values()) < 7
    plan = plan_visits(places, offices, [f"S{n}" for n in range(6)])
    gaps = [b.start_s - a.end_s for visits in plan.values() for a, b in pairwise(visits)]
    assert gaps.count(BACK_TO_BACK_SECONDS) == 1
