"""Every page is fine HTML that says what the ledger says, whatever somebody wrote there."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from gatehouse.ledger.control import Event, command_company, command_rollout, grant_hotfix
from gatehouse.ledger.rollouts import record_plan, set_camera_phase, set_rollout_phase
from gatehouse.office.config import load_company
from rollout_story import HASH, LATENCY_LIMIT, MINUTE, NOW, PORTLAND, RUN, WHY_BAD, tell_story

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.testclient import TestClient
    from sqlalchemy import Connection

EVIL = "<script>alert(1)</script><img src=x onerror=\"alert('x')\"> =cmd|' /C calc'!A0"
PAGE = f"/rollout/{quote(RUN, safe='')}"
CONFIG = Path(__file__).parents[3] / "config"
VOID = {"meta", "link", "input", "br"}


class Checker(HTMLParser):
    """Follow the nesting of a page, and note what scripts, handlers and sources it has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))
        assert self.outside == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [str(given["id"])] if "id" in given else []
        self.outside += [name for name in given if name.startswith("on") or name == "style"]
        self.outside += [
            str(given[n]) for n in ("src", "href") if str(given.get(n, "/"))[:1] not in {"/", "#"}
        ]
        if tag == "script" and "src" not in given:
            self.outside.append("inline script")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(client: TestClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    return " ".join(" ".join(Checker(answer.text).text).split())


def test_a_ledger_without_rollouts_makes_fine_pages(sign_in: Callable[..., TestClient]) -> None:
    client = sign_in("viewer")
    assert "No rollout yet" in read(client, "/rollouts")
    assert "Nobody ever stopped everything" in read(client, "/fleet")
    assert "There is no rollout run-9" in read(client, "/rollout/run-9", 404)
    assert client.get("/table/rollouts").text == ""


def test_the_list_shows_every_rollout_newest_first(
    ledger: Connection, sign_in: Callable[..., TestClient]
) -> None:
    tell_story(ledger)
    text = read(sign_in(), "/rollouts")
    assert text.index(RUN) < text.index("manual__dry") < text.index("manual__2026-11-20")
    assert "5 healthy" not in text
    assert "3 healthy, 3 progressing, 1 degraded" in text.replace(" ,", ",")
    assert "Ana Ruiz" in text


def test_a_rollouts_page_shows_all_that_is_known_of_it(
    ledger: Connection, sign_in: Callable[..., TestClient]
) -> None:
    tell_story(ledger)
    text = read(sign_in(), PAGE)
    for expected in (
        HASH[:12],
        "approved by Ana Ruiz",
        "about 39 min",
        "$3,274 a month",
        "456 enrolled faces",
        "Bakes until 23 Nov 09:26:00 UTC , 6 min left",
        WHY_BAD,
        "floor 2, studio",
        "standup in Berlin",
        "both faces told apart",
        "for 8 s",
        "7 calls",
        "gatehouse-CAM_BER_OLD_009 carries an office's tag",
        "AISERVICES_OPT_OUT_POLICY",
        "The bundle is written when the run ends",
    ):
        assert expected in text, expected


def test_moments_are_by_the_offices_clock_with_utc_beside(
    ledger: Connection, sign_in: Callable[..., TestClient]
) -> None:
    tell_story(ledger)
    text = read(sign_in(), PAGE)
    assert "Passed 23 Nov 10:04:00 CET 09:04:00 UTC" in text


def test_what_somebody_wrote_is_never_markup(ledger: Connection, sign_in: Callable[..., TestClient]) -> None:
    tell_story(ledger)
    set_camera_phase(ledger, RUN, "portland", [(PORTLAND[0], "failed", EVIL)], NOW)
    command_rollout(ledger, RUN, "pause", Event("evil", NOW, EVIL, EVIL))
    command_company(ledger, "stop_all", Event("stop", NOW, EVIL, EVIL))
    client = sign_in()
    for path in (PAGE, "/rollouts", "/fleet", f"{PAGE}?done=evil"):
        html = client.get(path).text
        assert "<script>alert" not in html
        assert "<img" not in html
        Checker(html)
    assert EVIL.split(" =", maxsplit=1)[0] in read(client, PAGE)


@pytest.mark.parametrize(
    "name", ["actions", "cameras", "looks", "samples", "calls", "probes", "events", "approvals"]
)
def test_every_table_is_had_as_csv(ledger: Connection, sign_in: Callable[..., TestClient], name: str) -> None:
    tell_story(ledger)
    answer = sign_in("viewer").get(f"/table/{name}/{quote(RUN, safe='')}")
    assert answer.headers["content-type"].startswith("text/csv")
    assert f'filename="{name}-manual__' in answer.headers["content-disposition"]
    assert len(answer.text.splitlines()) > 1


def test_a_csv_has_each_moment_twice_and_no_formula(
    ledger: Connection, sign_in: Callable[..., TestClient]
) -> None:
    tell_story(ledger)
    set_camera_phase(ledger, RUN, "tokyo", [("CAM_TYO_F8_RECEPTION_001", "failed", "=1+1")], NOW)
    text = sign_in("viewer").get(f"/table/cameras/{quote(RUN, safe='')}").text
    row = next(line for line in text.splitlines() if "CAM_TYO_F8" in line)
    assert ",'=1+1," in row
    assert "2026-11-23T09:20:00+00:00,2026-11-23T18:20:00+09:00" in row


def test_the_gate_is_shown_with_the_limits_that_were_approved(
    ledger: Connection, sign_in: Callable[..., TestClient]
) -> None:
    tell_story(ledger)
    assert load_company(CONFIG).rollout.gate.limits.latency_seconds != LATENCY_LIMIT
    assert f"s at most {LATENCY_LIMIT}" in read(sign_in(), PAGE)


def test_a_plan_from_before_pages_is_shown_all_the_same(
    ledger: Connection, sign_in: Callable[..., TestClient]
) -> None:
    record_plan(ledger, "old", {}, "abc", [("pilot", ["moon"])], dry_run=False, at=NOW)
    assert "nothing was chosen" in read(sign_in(), "/rollout/old")


def test_a_stop_and_a_hotfix_are_seen_where_they_count(
    ledger: Connection, sign_in: Callable[..., TestClient]
) -> None:
    tell_story(ledger)
    command_company(ledger, "stop_all", Event("s", NOW - MINUTE, "bo", "AWS is down"))
    grant_hotfix(ledger, RUN, Event("h", NOW, "ana", "lens recall"), NOW + 60 * MINUTE)
    client = sign_in("viewer")
    for path in ("/rollouts", "/fleet", PAGE):
        assert "Everything is stopped by bo" in read(client, path)
    assert "Hotfix by ana until" in read(client, PAGE)
    assert "everything was stopped by bo" in read(client, "/fleet")


def test_a_roll_back_after_the_end_names_the_task_to_clear(
    ledger: Connection, sign_in: Callable[..., TestClient]
) -> None:
    tell_story(ledger)
    client = sign_in()
    assert "One step is left" not in read(client, PAGE)
    set_rollout_phase(ledger, RUN, "Degraded", NOW - MINUTE, ended=True)
    command_rollout(ledger, RUN, "rollback", Event("r", NOW, "ana", "wrong threshold"))
    assert "One step is left" in read(client, PAGE)
    set_rollout_phase(ledger, RUN, "Degraded", NOW, detail="rolled back")
    assert "One step is left" not in read(client, PAGE)


def test_a_run_of_another_dag_has_no_rollout(ledger: Connection, sign_in: Callable[..., TestClient]) -> None:
    tell_story(ledger)
    client = sign_in("viewer")
    assert "run of hr_face_sync" in read(client, "/run/hr_face_sync/scheduled__1", 404)
    assert HASH[:12] in read(client, f"/run/office_rollout/{quote(RUN, safe='')}")


def test_style_and_script_are_served_to_the_pages_alone(sign_in: Callable[..., TestClient]) -> None:
    for name in ("pages.css", "pages.js", "rollouts.svg"):
        answer = sign_in(None).get(f"/static/{name}")
        assert answer.status_code == 200
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
