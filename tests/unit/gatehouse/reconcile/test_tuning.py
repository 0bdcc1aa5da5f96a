"""A mis-tuned camera is news once it lasts, and again only when it lastingly isn't."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd

from gatehouse.reconcile.alarms import Notice
from gatehouse.reconcile.policy import ReconcileSettings
from gatehouse.reconcile.tuning import tuning_news

FIRST = date(2026, 11, 9)
ONE_DAY = timedelta(days=1)
POLICY = ReconcileSettings()
# Verdict and faces: mis-tuned, mis-tuned by showing none, well, with too few faces, nobody there, blind.
DAYS = {
    "m": ("mis_tuned", 40),
    "n": ("mis_tuned", 0),
    "w": ("seen", 40),
    "f": ("seen", 3),
    "e": ("nobody_there", 0),
    "b": ("blind", 0),
}


def table(letters: str, camera: str = "CAM_1") -> pd.DataFrame:
    rows = []
    for number, letter in enumerate(letters):
        verdict, faces = DAYS[letter]
        named = {"camera_id": camera, "day": FIRST + number * ONE_DAY, "office": "berlin", "verdict": verdict}
        rows.append({**named, "cause": "", "reason": f"day {number}", "faces": faces})
    columns = ["camera_id", "day", "office", "verdict", "cause", "reason", "faces"]
    return pd.DataFrame(rows, columns=columns)


def news(letters: str) -> list[Notice]:
    """Return what the last of these days made news of."""
    return tuning_news(table(letters), FIRST + (len(letters) - 1) * ONE_DAY, "Europe/Berlin", POLICY)


def says(letters: str) -> list[str]:
    """Return what is told day by day, one letter or dash a day."""
    told = [news(letters[: number + 1]) for number in range(len(letters))]
    return ["".join(notice.now[0] for notice in found) or "-" for found in told]


def test_one_mis_tuned_day_is_no_news_and_two_are_told_once() -> None:
    assert "".join(says("wmw")) == "---"
    assert "".join(says("wmmmmm")) == "--m---"
    assert "".join(says("nn")) == "-m"


def test_three_good_days_clear_it_once() -> None:
    assert "".join(says("mmwwmwwwww")) == "-m-----w--"


def test_days_that_say_nothing_of_the_tuning_neither_raise_nor_clear() -> None:
    assert "".join(says("mfem")) == "---m"
    assert "".join(says("mmfebfebw")) == "-m-------"


def test_it_tells_since_which_day_and_why() -> None:
    [notice] = news("wmm")
    assert (notice.camera_id, notice.office, notice.reason) == ("CAM_1", "berlin", "day 2")
    assert notice.since == datetime(2026, 11, 9, 23, tzinfo=UTC)


def test_cameras_are_told_apart_and_no_days_are_no_news() -> None:
    both = pd.concat([table("mm"), table("wm", "CAM_2")])
    found = tuning_news(both, FIRST + ONE_DAY, "Europe/Berlin", POLICY)
    assert [notice.camera_id for notice in found] == ["CAM_1"]
    assert news("") == []
