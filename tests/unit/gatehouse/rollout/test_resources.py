"""What an office shall have follows from the configuration and, for its call rates, from the quotas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatehouse.capacity.quotas import load_quotas
from gatehouse.office.config import Company, load_company
from gatehouse.office.frames import FramesRates
from gatehouse.rollout.resources import desired_office

CONFIG = Path(__file__).parents[4] / "config"
COMPANY, QUOTAS = load_company(CONFIG), load_quotas(CONFIG)
PORTLAND = COMPANY.office("portland")


def joined(cameras: int, **settings: str) -> Company:
    """Return the company with one more office in Portland's Region that has so many of its cameras."""
    more = PORTLAND.model_copy(update={"office": "salem", "cameras": PORTLAND.cameras[:cameras], **settings})
    return replace(COMPANY, offices={**COMPANY.offices, "salem": more})


def rates(company: Company, office: str) -> FramesRates:
    return desired_office(company, office, QUOTAS).rates


def test_an_office_alone_in_its_region_has_the_whole_quota() -> None:
    assert rates(COMPANY, "portland") == FramesRates(detect_faces=100, search_faces_by_image=50)


def test_an_office_that_joins_takes_its_share_by_cameras_from_the_others() -> None:
    company = joined(1)
    whole = len(PORTLAND.cameras) + 1
    assert rates(company, "salem").detect_faces == pytest.approx(100 / whole)
    both = [rates(company, name) for name in ("portland", "salem")]
    assert sum(each.detect_faces for each in both) == pytest.approx(100)
    assert sum(each.search_faces_by_image for each in both) == pytest.approx(50)


def test_who_calls_no_image_api_takes_no_share_of_its_quota() -> None:
    assert rates(joined(1, engine="stream_processor"), "portland") == rates(COMPANY, "portland")
    assert rates(COMPANY, "berlin") == FramesRates()
