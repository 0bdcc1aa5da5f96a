"""Write the demo's summary: a page for a person, the same as JSON for a machine."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from gatehouse_stack.demo.figures import CameraFigures, Rate
from gatehouse_stack.demo.judge import Finding
from gatehouse_stack.demo.watch import POLL_SECONDS

NARROWEST = 136
"""Columns the table needs; a narrower terminal wraps its lines rather than losing digits."""

_HEADINGS = (
    *("frag-\nments", "\nframes", "docu-\nments"),
    *("employee\nvisits", "\nprec.", "\nrecall"),
    *("stranger\nvisits", "\nprec.", "\nrecall"),
    *("\nalerts", "seen s\nmedian", "\np95", "told s\nmedian", "\np95"),
)


def as_json(
    figures: Sequence[CameraFigures], findings: Sequence[Finding], urls: dict[str, str], **more: Any
) -> dict[str, Any]:
    """Return the summary for a machine."""
    return {
        "right": not findings,
        "findings": [
            {"camera_id": f.camera_id, "visit": f.visit, "step": f.step, "message": f.message}
            for f in findings
        ],
        "cameras": [figure.json() for figure in figures],
        "searchable_looked_for_every_s": POLL_SECONDS,
        "urls": urls,
        **more,
    }


def show(
    console: Console,
    figures: Sequence[CameraFigures],
    findings: Sequence[Finding],
    urls: dict[str, str],
    *,
    scale: str,
    own_faces: bool,
) -> None:
    """Print the summary."""
    console.print(_table(figures))
    console.print()
    console.print(
        f"[dim]Similarities are on the local engine's scale “{scale}”, not Rekognition's. Precision and "
        "recall are per frame; “seen” is the delay from a frame's own time to its searchable document, "
        f"looked for every {POLL_SECONDS} s; “told” that from the frame that made an alert due to the "
        "webhook.[/dim]"
    )
    if own_faces:
        console.print(_rates(figures))
    for finding in findings:
        console.print(f"[red]✗[/red] {finding}")
    employees, strangers = _sum(figures, "employee_visits"), _sum(figures, "stranger_visits")
    verdict = (
        f"{employees.hits} of {employees.of} employee visits recognised, "
        f"{strangers.hits} of {strangers.of} stranger visits alerted exactly once."
    )
    links = "\n".join(f"{name:<12} {url}" for name, url in urls.items())
    colour = "red" if findings else "green"
    title = "Something is wrong" if findings else "Everyone was seen as who they are"
    console.print(Panel(f"[bold]{verdict}[/bold]\n\n{links}", title=title, border_style=colour, expand=False))


def picture(
    figures: Sequence[CameraFigures], findings: Sequence[Finding], urls: dict[str, str], *, scale: str
) -> str:
    """Return the summary as an SVG for a page; it loads nothing from anywhere."""
    console = Console(record=True, width=NARROWEST, file=io.StringIO())
    show(console, figures, findings, urls, scale=scale, own_faces=False)
    plain = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="make demo", code_format=plain, unique_id="demo")


def _table(figures: Sequence[CameraFigures]) -> Table:
    table = Table(
        title="What the cameras saw",
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("camera", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in figures:
        table.add_row(
            row.camera_id,
            str(row.fragments_acknowledged),
            str(row.frames_analysed),
            str(row.documents_indexed),
            _of(row.employee_visits),
            _percent(row.employee_precision),
            _percent(row.employee_recall),
            _of(row.stranger_visits),
            _percent(row.stranger_precision),
            _percent(row.stranger_recall),
            str(row.alerts_delivered),
            _seconds(row.to_searchable_median),
            _seconds(row.to_searchable_p95),
            _seconds(row.to_alert_median),
            _seconds(row.to_alert_p95),
        )
    return table


def _rates(figures: Sequence[CameraFigures]) -> str:
    named = {"employees recognised": "employee_visits", "strangers alerted": "stranger_visits"}
    lines = []
    for label, name in named.items():
        rate = _sum(figures, name)
        low, high = rate.interval() or (0.0, 1.0)
        lines.append(f"{label}: {rate.hits}/{rate.of}, 95 % interval {low:.0%}–{high:.0%}")
    return "\n".join(lines)


def _sum(figures: Sequence[CameraFigures], name: str) -> Rate:
    rates = [getattr(figure, name) for figure in figures]
    return Rate(sum(rate.hits for rate in rates), sum(rate.of for rate in rates))


def _of(rate: Rate) -> str:
    colour = "green" if rate.hits == rate.of else "red"
    return f"[{colour}]{rate.hits}/{rate.of}[/{colour}]"


def _percent(rate: Rate) -> str:
    return "–" if rate.value is None else f"{rate.value:.0%}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
