"""It is never guessed what shall be decommissioned, and other offices' cameras are never ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.exceptions import PlanError
from gatehouse.office.config import Company, load_company
from gatehouse.rollout.decommission import Holdings
from gatehouse.rollout.decommission_place import (
    cameras_of_others,
    check_cameras,
    choose_region,
    listed_in,
    regions_to_search,
    retired_office,
)
from gatehouse.rollout.resources import Orphan

HOME, WEST, EAST = "eu-central-1", "us-west-2", "ap-northeast-1"


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company(Path(__file__).parents[4] / "config")


def test_an_office_is_looked_for_in_its_manifests_region_or_everywhere(company: Company) -> None:
    assert regions_to_search(company, "berlin", "") == (HOME,)
    assert regions_to_search(company, "berlin", WEST) == (WEST,)
    assert regions_to_search(company, "gone", "") == (EAST, HOME, WEST)
    with pytest.raises(PlanError, match="Did you mean 'us-west-2'"):
        regions_to_search(company, "berlin", "us-west-1")


def test_the_one_place_with_something_is_chosen(company: Company) -> None:
    assert choose_region(company, "berlin", {HOME: False}) == HOME
    assert choose_region(company, "gone", {EAST: False, WEST: True}) == WEST
    with pytest.raises(
        PlanError, match=r"Nothing of an office 'berlni' was found in .*Did you mean 'berlin'"
    ):
        choose_region(company, "berlni", {EAST: False, HOME: False})
    with pytest.raises(PlanError, match="Choose one as region"):
        choose_region(company, "gone", {EAST: True, WEST: True})


def test_an_office_that_moved_has_only_remains_where_it_was(company: Company) -> None:
    assert listed_in(company, "berlin", HOME)
    assert not listed_in(company, "berlin", WEST)
    remains = retired_office(company, "berlin", WEST, ["CAM_X"])
    assert (remains.region, remains.cameras) == (WEST, ("CAM_X",))
    assert remains.bucket == company.regions.regions[WEST].bucket
    assert len(retired_office(company, "berlin", HOME).cameras) == 3


def test_cameras_of_other_offices_of_the_region_are_not_ours(company: Company) -> None:
    assert cameras_of_others(company, "berlin", HOME) == frozenset()
    assert "CAM_BER_F0_LOBBY_001" in cameras_of_others(company, "gone", HOME)


def test_a_camera_that_has_nothing_is_refused_with_the_nearest_name() -> None:
    holdings = Holdings("berlin", {}, (Orphan("processor", "gatehouse-CAM_9", "CAM_9"),))
    check_cameras(["CAM_9", "CAM_1"], ["CAM_1"], holdings)
    with pytest.raises(PlanError, match=r"nothing of camera CAM_99; .* Did you mean 'CAM_9'"):
        check_cameras(["CAM_99"], ["CAM_1"], holdings)
