"""A plan that doesn't fit is known before it starts, with what to ask AWS for."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gatehouse.capacity.demand import Fleet, Sampling, fleet_demand
from gatehouse.capacity.headroom import check_headroom, short
from gatehouse.capacity.quotas import load_quotas

QUOTAS = load_quotas(Path(__file__).parents[4] / "config")
SAMPLING = Sampling(frames_per_second=1, peak_motion_share=0.5, peak_face_share=0.5, faces_per_frame=1.2)
REGIONS = ("eu-central-1", "us-west-2")

fleets = st.lists(
    st.builds(
        Fleet,
        region=st.sampled_from(REGIONS),
        engine=st.sampled_from(["stream_processor", "frame_search"]),
        cameras=st.integers(1, 20_000),
        offices=st.integers(1, 40),
    ),
    max_size=6,
)
in_use = st.fixed_dictionaries(
    {
        region: st.dictionaries(st.sampled_from(["shards", "video_streams"]), st.floats(0, 5000))
        for region in REGIONS
    }
)


@given(fleets, in_use)
def test_granting_exactly_what_is_requested_leaves_no_shortfall(
    planned: list[Fleet], used: dict[str, dict[str, float]]
) -> None:
    demands = fleet_demand(planned, SAMPLING).values()
    granted = QUOTAS
    for row in short(check_headroom(QUOTAS, demands, used)):
        assert row.request >= (row.in_use + row.needed) * 1.2
        granted = granted.with_observed(row.region, {row.quota.key: row.request})
    assert not short(check_headroom(granted, demands, used))


@given(fleets, in_use)
def test_only_what_exceeds_its_limit_is_short_and_comes_first(
    planned: list[Fleet], used: dict[str, dict[str, float]]
) -> None:
    rows = check_headroom(QUOTAS, fleet_demand(planned, SAMPLING).values(), used)
    for row in rows:
        assert (row.short > 0) == (row.in_use + row.needed > row.limit)
    assert [row.short > 0 for row in rows] == sorted([row.short > 0 for row in rows], reverse=True)


def test_the_eleventh_camera_of_a_region_needs_a_higher_quota() -> None:
    demand = fleet_demand([Fleet("eu-central-1", "stream_processor", 11)], SAMPLING)
    (row,) = short(check_headroom(QUOTAS, demand.values(), {}))
    assert row.found.startswith(
        "Face search stream processors per account that can be processed concurrently"
    )
    assert "10 allowed, 0 in use, 11 needed by the plan, 1 short" in row.found
    assert row.remedy.startswith("Request 14 for quota L-8D9029A2 of service rekognition in eu-central-1")


def test_frame_search_is_bound_by_the_image_api_and_not_by_processors() -> None:
    demand = fleet_demand([Fleet("eu-central-1", "frame_search", 100, offices=4)], SAMPLING)
    rows = short(check_headroom(QUOTAS, demand.values(), {}))
    assert {row.quota.key for row in rows} == {"rekognition:DetectFaces", "rekognition:SearchFacesByImage"}
    assert demand["eu-central-1"].total()["shards"] == 4


def test_what_runs_already_counts() -> None:
    demand = fleet_demand([Fleet("us-west-2", "stream_processor", 4)], SAMPLING)
    used = {"us-west-2": {"face_search_processors": 7.0}}
    assert [row.short for row in short(check_headroom(QUOTAS, demand.values(), used))] == [1]
