"""Carry text that is aligned for a log over into Markdown, where nobody keeps its lines and spaces."""

from __future__ import annotations

import re

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_RUN = re.compile(r"^ +| {2,}")


def as_markdown(text: str) -> str:
    """Return Markdown that shows each line as it is, in a fixed-width font.

    A fenced block would do in theory; Airflow's form for required actions shows one as running text. So each
    line is a code span that ends with a hard break (CommonMark §6.1 and §6.7), and its columns are kept apart
    by spaces that aren't merged. Long lines still wrap between words.
    """
    paragraphs = (part for part in text.split("\n\n") if part.strip())
    return "\n\n".join("\\\n".join(_span(line) for line in part.splitlines()) for part in paragraphs)


def _span(line: str) -> str:
    kept = _RUN.sub(lambda run: NO_BREAK_SPACE * len(run[0]), line.rstrip())
    return f"`` {kept} ``" if "`" in kept else f"`{kept}`"
