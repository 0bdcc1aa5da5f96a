"""An operation counts as covered only where a contract test says so."""

from __future__ import annotations

from pathlib import Path

from gatehouse_local.core.coverage import asserted, render, render_quotas, survey
from gatehouse_local.core.quotas import Quotas
from gatehouse_local.core.service import Service

_TEST = """
import pytest

@pytest.mark.asserts("rekognition", "CreateCollection")
@pytest.mark.asserts("rekognition", "ListFaces")
def test_one(): ...

class TestMore:
    @pytest.mark.asserts("kinesisvideo", "PutMedia")
    async def test_two(self): ...
"""


def test_markers_are_read_without_running_the_tests(tmp_path: Path) -> None:
    (tmp_path / "test_rekognition.py").write_text(_TEST)
    assert asserted(tmp_path) == {
        ("rekognition", "CreateCollection"),
        ("rekognition", "ListFaces"),
        ("kinesisvideo", "PutMedia"),
    }


def test_states_follow_markers_and_declared_differences(tmp_path: Path) -> None:
    (tmp_path / "test_rekognition.py").write_text(_TEST)
    names = ("CreateCollection", "ListFaces", "DeleteFaces")
    service = Service(
        "rekognition", {name: lambda context, params: {} for name in names}, partial={"ListFaces": "no order"}
    )
    rows = {row["operation"]: row for row in survey([service], tmp_path)}
    assert rows["CreateCollection"]["state"] == "faithful"
    assert (rows["ListFaces"]["state"], rows["ListFaces"]["note"]) == ("partial", "no order")
    assert (rows["DeleteFaces"]["state"], rows["DeleteFaces"]["note"]) == ("absent", "answers, not asserted")
    assert (rows["DetectLabels"]["state"], rows["DetectLabels"]["note"]) == ("absent", "")
    page = render(list(rows.values()))
    assert "| ListFaces | partial | no order |" in page
    assert "DetectLabels" in page.split("Absent: ")[1]


def test_the_page_names_every_quota_and_what_is_not_held_to() -> None:
    page = render_quotas(Quotas.defaults())
    assert "| kinesis | OnDemandStreams | 50 | count |" in page
    assert "| rekognition | IndexFaces | 5 (50 in us-east-1, 50 in us-west-2, 50 in eu-west-1) |" in page
    assert "- kinesis: ListShards 1,000 calls/s a stream (not counted)." in page
