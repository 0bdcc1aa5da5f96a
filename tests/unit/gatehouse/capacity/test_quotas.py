"""Quotas are AWS's defaults per Region until the account itself says otherwise; a slip names its place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gatehouse.capacity.quotas import Quotas, load_quotas
from gatehouse.exceptions import ConfigError

CONFIG = Path(__file__).parents[4] / "config"
QUOTAS = load_quotas(CONFIG)


def changed(tmp_path: Path, **changes: tuple[str, str]) -> Quotas:
    text = (CONFIG / "quotas.yaml").read_text()
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "quotas.yaml").write_text(text)
    return load_quotas(tmp_path)


def test_a_region_may_differ_from_the_default() -> None:
    assert QUOTAS.limit("rekognition:SearchFacesByImage", "us-west-2") == 50
    assert QUOTAS.limit("rekognition:SearchFacesByImage", "eu-central-1") == 5


def test_what_the_account_has_overrides_the_default_in_that_region_only() -> None:
    raised = QUOTAS.with_observed("eu-central-1", {"L-8D9029A2": 150, "shards": 4000})
    assert raised.count("face_search_processors", "eu-central-1") == 150
    assert raised.count("shards", "eu-central-1") == 4000
    assert raised.count("face_search_processors", "us-west-2") == 10
    assert raised.source("shards", "eu-central-1") == "Service Quotas"
    assert "read 2026-11-23" in raised.source("shards", "us-west-2")


def test_operations_that_share_a_budget_have_one_quota() -> None:
    create = QUOTAS.quota("lambda:CreateEventSourceMapping")
    assert QUOTAS.quota("lambda:DeleteEventSourceMapping") is create


def test_an_unknown_quota_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'rekognition:StopStreamProcessor'"):
        QUOTAS.limit("rekognition:StopStreamProcesor", "us-west-2")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  video_streams:", "  vide_streams:", "unknown key 'vide_streams'. Did you mean 'video_streams'?"),
        (
            "source: rekognition",
            "source: recognition",
            "unknown source 'recognition'. Did you mean",
        ),
        ("per_second: 5", "per_second: 0", "'rates.rekognition.0.per_second' is wrong"),
        ("{DetectFaces: L-A", "{DetectFace: L-A", "Did you mean 'DetectFaces'?"),
        ("us-east-1: 50", "USEAST: 50", "rates.rekognition.0.regions.USEAST"),
        ("[StopStreamProcessor]", "[StartStreamProcessor]", "StartStreamProcessor has several rates"),
    ],
)
def test_a_slip_is_refused_with_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        changed(tmp_path, slip=(old, new))
    assert says in str(error.value)
    assert "quotas.yaml:" in str(error.value)


def test_the_defaults_are_those_the_local_cloud_enforces() -> None:
    """Both come from the same pages of AWS, read separately: they have to agree."""
    root = Path(__file__).parents[4]
    theirs = yaml.safe_load((root / "localcloud/gatehouse_local/core/quotas.yaml").read_text())
    for service in ("rekognition", "kinesisvideo", "kinesis"):
        for row in theirs[service]["rates"]:
            for operation in row["operations"]:
                key = f"{service}:{operation}"
                if "tps" in row and key in QUOTAS.budgets:
                    assert QUOTAS.limit(key, "eu-central-1") == row["tps"], key
                    west = row.get("tps_in", {}).get("us-west-2", row["tps"])
                    assert QUOTAS.limit(key, "us-west-2") == west, key
