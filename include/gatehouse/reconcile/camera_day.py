"""Class what cameras showed, so that silence is explained: seen, nobody there, blind, mis-tuned or off.

A look covers some minutes of a camera; looks add up to a day, and one look is classed as a day is. No
data is not success: minutes of which nothing is known count as blind ones.

A look has the columns of `LOOK`: `minutes` in which the camera shall be on, `fragments` that arrived,
`frozen` (1 where the proxy sees a still picture, 0 where it changes), `analysed` (minutes with an analysed
frame), `faces` and, of these, `matches`; a probe's apart. NaN is what couldn't be asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from gatehouse.reconcile.policy import Judge

Verdict = Literal["seen", "nobody_there", "blind", "mis_tuned", "off"]
Cause = Literal["", "unknown", "no_media", "frozen", "not_analysed", "unmatched", "faceless"]
KEY = ["camera_id", "day"]
LOOK = [*KEY, "minutes", "fragments", "frozen", "analysed", "faces", "matches"]
# All add up: a day is the sum of its looks. The first four are minutes.
TOTALS = ["known", "media", "frozen", "analysed", "faces", "matches"]

_REASONS: dict[str, str] = {
    "off": "it shall be off",
    "unknown": "nothing is known of {dark:.0f} of {expected:.0f} minutes",
    "no_media": "no media came in {gap:.0f} of {expected:.0f} minutes",
    "frozen": "its picture stood still in {frozen:.0f} of {media:.0f} minutes with media",
    "not_analysed": "media came, but only {analysed:.0f} of {media:.0f} minutes were analysed",
    "unmatched": "{matches:.0f} of {faces:.0f} faces matched, {least:.0%} or more are expected",
    "faceless": "{faces:.0f} faces, where {likely:.0f} are usual on such a day of the office",
    "seen": "{faces:.0f} faces, {matches:.0f} of them matched",
    "nobody_there": "{analysed:.0f} minutes were analysed, and nobody was there",
}


def tally(looks: pd.DataFrame) -> pd.DataFrame:
    """Add looks up by camera and day; the result of two parts is the sum of theirs.

    A look is known if everything that matters of it is: where no media came, nothing else does.
    """
    on = looks["minutes"].clip(lower=0)
    media = looks["fragments"] > 0
    analysis_known = looks[["frozen", "analysed", "faces", "matches"]].notna().all(axis=1)
    known = looks["fragments"].notna() & (~media | analysis_known)
    counts = known & (on > 0)
    parts = pd.DataFrame(
        {
            "camera_id": looks["camera_id"],
            "day": looks["day"],
            "known": on.where(counts, 0.0),
            "media": on.where(counts & media, 0.0),
            "frozen": on.where(counts & media & (looks["frozen"] > 0), 0.0),
            "analysed": looks["analysed"].clip(upper=on).where(counts & media, 0.0),
            "faces": looks["faces"].where(counts & media, 0.0),
            "matches": looks["matches"].where(counts & media, 0.0),
        }
    )
    return parts.groupby(KEY)[TOTALS].sum().astype(float)


def usual_of(days: pd.DataFrame) -> pd.DataFrame:
    """Return what cameras usually show, from classed days before: `faces_per_hour` and share `matched`.

    Days on which a camera was blind or mis-tuned say nothing of it.
    """
    days = days.astype({"expected": float, "faces": float, "matches": float})
    good = days[days["verdict"].isin(["seen", "nobody_there"]) & (days["expected"] > 0)]
    hourly = (good["faces"] / (good["expected"] / 60)).groupby(good["camera_id"]).median()
    sums = good.groupby("camera_id")[["faces", "matches"]].sum()
    matched = (sums["matches"] / sums["faces"].replace(0, np.nan)).astype(float)
    return pd.DataFrame({"faces_per_hour": hourly, "matched": matched}, dtype=float)


def classify(expected: pd.DataFrame, totals: pd.DataFrame, usual: pd.DataFrame, judge: Judge) -> pd.DataFrame:
    """Class every camera and day of `expected`: adds `verdict`, `cause` and `reason` to the totals.

    `expected` is indexed by camera and day and holds `office` and `expected`, the minutes it shall be on;
    what has no totals was never looked at. `usual` is indexed by camera, and may lack some.
    """
    table = _joined(expected, totals, usual, judge)
    blind = {
        "unknown": table["known"] < judge.known * table["expected"],
        "no_media": table["media"] < judge.media * table["known"],
        "frozen": table["frozen"] > judge.frozen * table["media"],
        "not_analysed": table["analysed"] < judge.analysed * table["media"],
    }
    tuning = {"unmatched": _unmatched(table, judge), "faceless": _faceless(table, judge)}
    ends = {"off": table["expected"] <= 0, **blind, **tuning, "seen": table["faces"] > 0}
    found = np.select(list(ends.values()), list(ends), default="nobody_there")
    verdicts = dict.fromkeys(blind, "blind") | dict.fromkeys(tuning, "mis_tuned")
    cause = pd.Series(found, index=table.index, dtype=object)
    table["verdict"] = cause.map(lambda name: verdicts.get(name, name))
    table["cause"] = cause.where(cause.isin(list(verdicts)), "")
    rows = table.to_dict("records")
    table["reason"] = [_REASONS[name].format_map(_named(row)) for name, row in zip(found, rows, strict=True)]
    return table[["office", "expected", *TOTALS, "verdict", "cause", "reason"]]


def _joined(expected: pd.DataFrame, totals: pd.DataFrame, usual: pd.DataFrame, judge: Judge) -> pd.DataFrame:
    """Put everything known of a camera's day into one row, and derive what the reasons quote."""
    table = expected[["office", "expected"]].join(totals[TOTALS])
    table[TOTALS] = table[TOTALS].astype(float).fillna(0.0)
    table = table.join(usual[["faces_per_hour", "matched"]], on="camera_id")
    table["dark"] = table["expected"] - table["known"]
    table["gap"] = table["expected"] - table["media"]
    table["least"] = (judge.usual_share * table["matched"]).fillna(judge.matched)
    table["likely"] = _likely(table)
    return table


def _likely(table: pd.DataFrame) -> pd.Series[float]:
    """Return how many faces a camera would show, had it as usual a part in what the office's others showed.

    So nobody wonders at an empty office on a holiday. Never more than usual, and nothing without others.
    """
    usual = (table["faces_per_hour"] * table["expected"] / 60).fillna(0.0)
    groups = [table["office"], table.index.get_level_values("day")]
    known = table["faces"].where(usual > 0, 0.0)
    others_usual = usual.groupby(groups).transform("sum") - usual
    others_found = known.groupby(groups).transform("sum") - known
    share = (others_found / others_usual.replace(0.0, np.nan)).clip(upper=1.0).fillna(0.0)
    return usual * share


def _unmatched(table: pd.DataFrame, judge: Judge) -> pd.Series[bool]:
    """Tell who saw enough faces to judge by, and recognised too few of them."""
    return (table["faces"] >= judge.least_faces) & (table["matches"] < table["least"] * table["faces"])


def _faceless(table: pd.DataFrame, judge: Judge) -> pd.Series[bool]:
    """Tell who saw far fewer faces than the office's other cameras make likely."""
    enough = table["likely"] >= judge.least_faces
    return enough & (table["faces"] < judge.usual_share * table["likely"])


def _named(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}
