"""Every camera-day has one class and a reason, and what isn't known is never taken for well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.reconcile.camera_day import LOOK, TOTALS, classify, tally, usual_of
from gatehouse.reconcile.policy import Judge

JUDGE = Judge()
DAY = "2026-11-23"
GOOD = {"minutes": 15, "fragments": 150, "frozen": 0, "analysed": 15, "faces": 0, "matches": 0}
NOTHING = pd.DataFrame(
    {"faces_per_hour": pd.Series(dtype=float), "matched": pd.Series(dtype=float)},
    index=pd.Index([], name="camera_id"),
)


def looks(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([{"camera_id": "CAM_1", "day": DAY, **GOOD, **row} for row in rows], columns=LOOK)


def expected(**minutes: float) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples([(camera, DAY) for camera in minutes], names=["camera_id", "day"])
    return pd.DataFrame({"office": "berlin", "expected": list(minutes.values())}, index=index)


def usual(**faces_per_hour: float) -> pd.DataFrame:
    index = pd.Index(faces_per_hour, name="camera_id")
    return pd.DataFrame({"faces_per_hour": list(faces_per_hour.values()), "matched": 0.8}, index=index)


def classed(
    *rows: dict[str, Any], on: float | None = None, known: pd.DataFrame = NOTHING
) -> tuple[str, str, str]:
    minutes = sum(row.get("minutes", 15) for row in rows) if on is None else on
    table = classify(expected(CAM_1=minutes), tally(looks(*rows)), known, JUDGE)
    verdict, cause, reason = table.iloc[0][["verdict", "cause", "reason"]]
    return verdict, cause, reason


@pytest.mark.parametrize(
    ("look", "verdict", "cause", "reason"),
    [
        ({"faces": 4, "matches": 3}, "seen", "", "4 faces, 3 of them matched"),
        ({}, "nobody_there", "", "15 minutes were analysed, and nobody was there"),
        ({"fragments": 0}, "blind", "no_media", "no media came in 15 of 15 minutes"),
        ({"fragments": 0, "frozen": np.nan, "faces": np.nan}, "blind", "no_media", "no media came"),
        ({"frozen": 1}, "blind", "frozen", "its picture stood still in 15 of 15 minutes with media"),
        ({"analysed": 2}, "blind", "not_analysed", "media came, but only 2 of 15 minutes were analysed"),
        ({"fragments": np.nan}, "blind", "unknown", "nothing is known of 15 of 15 minutes"),
        ({"frozen": np.nan}, "blind", "unknown", "nothing is known"),
        ({"faces": np.nan}, "blind", "unknown", "nothing is known"),
        ({"faces": 40, "matches": 3}, "mis_tuned", "unmatched", "3 of 40 faces matched, 10% or more"),
        ({"faces": 29, "matches": 0}, "seen", "", "29 faces"),
        ({"minutes": 0}, "off", "", "it shall be off"),
    ],
)
def test_a_look_is_classed_with_its_reason(
    look: dict[str, Any], verdict: str, cause: str, reason: str
) -> None:
    found = classed(look)
    assert found[:2] == (verdict, cause)
    assert reason in found[2]


def test_minutes_that_nobody_looked_at_are_blind() -> None:
    assert classed({"faces": 9, "matches": 9}, on=60)[:2] == ("blind", "unknown")
    never = classify(expected(CAM_2=1440), tally(looks({})), NOTHING, JUDGE)
    assert never["verdict"].tolist() == ["blind"]


def test_a_camera_is_judged_by_its_own_days_before() -> None:
    strangers = usual(CAM_1=10.0)
    strangers["matched"] = 0.1
    assert classed({"faces": 40, "matches": 2}, known=strangers)[0] == "seen"
    assert classed({"faces": 40, "matches": 6}, known=usual(CAM_1=10.0))[:2] == ("mis_tuned", "unmatched")


def busy(faces: float) -> pd.DataFrame:
    rows = [{"minutes": 600, "analysed": 600}, {"minutes": 600, "analysed": 600, "camera_id": "CAM_2"}]
    rows[1] |= {"faces": faces, "matches": faces}
    both = usual(CAM_1=20.0, CAM_2=20.0)
    return classify(expected(CAM_1=600, CAM_2=600), tally(looks(*rows)), both, JUDGE)


def test_a_camera_without_faces_in_a_busy_office_is_mis_tuned_and_in_an_empty_one_is_not() -> None:
    assert busy(200)["cause"].tolist() == ["faceless", ""]
    assert busy(200)["reason"].iloc[0] == "0 faces, where 200 are usual on such a day of the office"
    assert busy(5)["verdict"].tolist() == ["nobody_there", "seen"]


def test_what_is_usual_comes_from_good_days_alone() -> None:
    days = pd.DataFrame(
        {
            "camera_id": ["CAM_1"] * 3 + ["CAM_2"],
            "verdict": ["seen", "seen", "mis_tuned", "blind"],
            "expected": [600.0, 1200.0, 600.0, 600.0],
            "faces": [100.0, 400.0, 9000.0, 1.0],
            "matches": [50.0, 350.0, 0.0, 0.0],
        }
    )
    found = usual_of(days)
    assert found.loc["CAM_1"].to_dict() == {"faces_per_hour": 15.0, "matched": 0.8}
    assert "CAM_2" not in found.index
    assert usual_of(days.iloc[:0].astype(object)).empty


maybe = st.one_of(st.just(np.nan), st.integers(0, 200).map(float))
any_look = st.fixed_dictionaries(
    {
        "camera_id": st.sampled_from(["CAM_1", "CAM_2", "CAM_3"]),
        "minutes": st.integers(0, 15).map(float),
        "fragments": maybe,
        "frozen": st.sampled_from([0.0, 1.0, np.nan]),
        "analysed": maybe,
        "faces": maybe,
        "matches": maybe,
    }
)
many = st.lists(any_look, min_size=1, max_size=12)


@settings(max_examples=30)
@given(many, many)
def test_days_add_up(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    parts = tally(looks(*first)).add(tally(looks(*second)), fill_value=0.0)
    pd.testing.assert_frame_equal(parts, tally(looks(*first, *second)), check_like=True)


@settings(max_examples=30)
@given(many, st.integers(0, 240))
def test_every_camera_has_one_class_and_none_is_well_unseen(rows: list[dict[str, Any]], on: int) -> None:
    want = expected(CAM_1=on, CAM_2=on, CAM_3=on, CAM_4=on)
    totals = tally(looks(*rows))
    table = classify(want, totals, usual(CAM_1=8.0), JUDGE)
    assert list(table.index) == list(want.index)
    assert set(table["verdict"]) <= {"seen", "nobody_there", "blind", "mis_tuned", "off"}
    assert (table["reason"] != "").all()
    assert ((table["expected"] == 0) == (table["verdict"] == "off")).all()
    well = table["verdict"].isin(["seen", "nobody_there", "mis_tuned"])
    assert (table.loc[well, "known"] >= JUDGE.known * on).all()
    assert table.loc["CAM_4", "verdict"].tolist() == ["blind" if on else "off"]


@settings(max_examples=30)
@given(many, st.integers(0, 11), st.sampled_from(["fragments", "faces"]))
def test_knowing_less_makes_no_camera_better(rows: list[dict[str, Any]], index: int, name: str) -> None:
    want = expected(CAM_1=15.0 * len(rows))
    mine = [{**row, "camera_id": "CAM_1"} for row in rows]
    before = classify(want, tally(looks(*mine)), NOTHING, JUDGE)["verdict"].iloc[0]
    mine[index % len(mine)][name] = np.nan
    after = classify(want, tally(looks(*mine)), NOTHING, JUDGE)["verdict"].iloc[0]
    assert after == "blind" or before != "blind"


def test_the_totals_are_what_a_day_is_kept_as() -> None:
    assert list(tally(looks({})).columns) == TOTALS
