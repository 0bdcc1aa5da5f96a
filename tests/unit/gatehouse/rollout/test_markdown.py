"""What is aligned for a log is read the same way in a form that only knows Markdown."""

from __future__ import annotations

from gatehouse.rollout.markdown import NO_BREAK_SPACE as NBSP
from gatehouse.rollout.markdown import as_markdown


def test_every_line_is_one_and_columns_stay_apart() -> None:
    shown = as_markdown("office  cameras\nberlin        3")
    assert shown == f"`office{NBSP * 2}cameras`\\\n`berlin{NBSP * 8}3`"


def test_an_indented_line_stays_indented_and_wraps_between_words() -> None:
    assert as_markdown("  → Roll it out") == f"`{NBSP * 2}→ Roll it out`"


def test_paragraphs_stay_apart_and_empty_ones_are_left_out() -> None:
    assert as_markdown("one\n\n\n\ntwo\n") == "`one`\n\n`two`"


def test_a_line_that_quotes_a_setting_is_still_one_span() -> None:
    assert as_markdown("say `prove: running`") == "`` say `prove: running` ``"
