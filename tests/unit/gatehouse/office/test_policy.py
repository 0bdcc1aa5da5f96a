"""Every wrong policy in rollout.yaml is named with file, line and remedy."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from gatehouse.exceptions import ConfigError
from gatehouse.office.config import load_company
from gatehouse.office.policy import FreezeSpan, FreezeWeek

CONFIG = Path(__file__).parents[4] / "config"
PILOT = "    offices: [berlin]\n"
REST = "    offices: [portland, tokyo]\n"
SPANS = "  spans: []"
WEEKLY = "  weekly: []"


def refusal(tmp_path: Path, old: str, new: str) -> str:
    config = Path(shutil.copytree(CONFIG, tmp_path / "config"))
    path = config / "rollout.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as raised:
        load_company(config)
    return str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: rest", "name: requeued", "rollout.yaml:5: 'requeued' is the wave of the offices that"),
        (PILOT, PILOT + "    take: 1\n", "rollout.yaml:3: wave 'pilot' needs either offices or take"),
        (REST, "    take: 10%\n", "rollout.yaml:6: wave 'rest': the last wave with take, and no other"),
        (REST, "    take: some\n", "rollout.yaml:6: 'waves.1.take' is wrong: 'some' is neither a count"),
        (REST, "    take: 101%\n", "rollout.yaml:6: 'waves.1.take' is wrong: '101%' is neither"),
        (
            REST,
            "    take: rest\n    cameras: 5\n",
            "rollout.yaml:7: wave 'rest': cameras needs offices by name",
        ),
        (
            PILOT,
            PILOT + "    cameras: 1\n",
            "rollout.yaml:4: no later wave takes the rest of office 'berlin'",
        ),
        (
            PILOT,
            PILOT + "    bake_seconds: 6\n",
            "rollout.yaml:5: a bake of 6 s can't see 3 samples 1 s apart after settling for 4 s. "
            "Make it 7 s or more",
        ),
        ("  bake_seconds: 8", "  bake_seconds: 6", "a bake of 6 s can't see 3 samples"),
        (
            "stage_timeout_seconds: 600",
            "stage_timeout_seconds: 128",
            "a stage of 128 s has no room for a bake of 8 s and processors 120 s in",
        ),
        ("failed_samples", "faild_samples", "unknown key 'faild_samples'. Did you mean 'failed_samples'?"),
        (
            SPANS,
            "  spans: [{name: x, start: 2026-12-24, end: 2026-12-23}]",
            "freeze 'x' ends before it starts",
        ),
        (
            SPANS,
            "  spans: [{name: x, start: 2026-12-24T00:00:00Z, end: 2026-12-26}]",
            "leave the offset out: it is the office's own wall clock that counts",
        ),
        (
            SPANS,
            "  spans: [{name: x, start: Christmas, end: 2026-12-26}]",
            "not a date such as 2026-12-24 or a local time",
        ),
        (
            SPANS,
            "  spans: [{name: x, start: 2026-12-24, end: 2026-12-26, time_zone: Europe/Berlinn}]",
            "unknown time zone 'Europe/Berlinn'. Use an IANA name",
        ),
        (
            WEEKLY,
            "  weekly: [{name: x, days: [mon], start: 22:00}]",
            """'freeze.weekly.0.start' is wrong: write the time of day in quotes, from "00:00" to "24:00\"""",
        ),
        (WEEKLY, '  weekly: [{name: x, days: [mon], start: "24:01"}]', "write the time of day in quotes"),
        (WEEKLY, '  weekly: [{name: x, days: [mon], end: "00:00"}]', "freeze 'x' lasts no time"),
        (WEEKLY, "  weekly: [{name: x, days: [monday]}]", "'freeze.weekly.0.days.0' is wrong"),
        (
            WEEKLY,
            "  weekly: [{name: x, days: [mon], offices: [berlim]}]",
            "freeze 'x': no office 'berlim'. Did you mean 'berlin'?",
        ),
        (
            WEEKLY,
            "  weekly: [{name: x, days: [mon]}, {name: x, days: [tue]}]",
            "two freezes are named 'x'. Rename one",
        ),
    ],
)
def test_a_wrong_policy_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in refusal(tmp_path, old, new)


def test_an_office_may_be_split_over_waves_and_the_rest_taken(tmp_path: Path) -> None:
    config = Path(shutil.copytree(CONFIG, tmp_path / "config"))
    path = config / "rollout.yaml"
    split = PILOT + "    cameras: 1\n  - name: berlin\n" + PILOT
    text = path.read_text().replace(PILOT, split, 1).replace(REST, "    take: rest\n", 1)
    path.write_text(text)
    waves = load_company(config).rollout.waves
    assert [(wave.name, wave.cameras, wave.take) for wave in waves] == [
        ("pilot", 1, None),
        ("berlin", "rest", None),
        ("rest", "rest", "rest"),
    ]


def test_a_plain_date_ends_with_its_day_and_a_time_when_it_says() -> None:
    given = {"name": "x", "start": "2026-12-24", "end": "2026-12-26"}
    span = FreezeSpan.model_validate(given)
    assert (span.start, span.end) == (datetime(2026, 12, 24), datetime(2026, 12, 27))  # noqa: DTZ001
    span = FreezeSpan.model_validate({**given, "end": "2026-12-26T18:30"})
    assert span.end == datetime(2026, 12, 26, 18, 30)  # noqa: DTZ001


def test_a_week_without_times_freezes_whole_days() -> None:
    week = FreezeWeek.model_validate({"name": "x", "days": ["sat", "sun"]})
    assert (week.start, week.end) == (0, 24 * 60)
    night = FreezeWeek.model_validate({"name": "x", "days": ["fri"], "start": "20:00", "end": "06:00"})
    assert (night.start, night.end) == (20 * 60, 6 * 60)
