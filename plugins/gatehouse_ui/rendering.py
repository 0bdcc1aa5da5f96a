"""Render pages: every value escaped, nothing loaded from elsewhere, nothing kept by caches."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gatehouse.capacity.duration import in_words
from gatehouse.ingest.instant import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

HERE = Path(__file__).parent
STATIC = HERE / "static"
# Airflow's cookie may be readable for scripts, so no script but ours may run; only Airflow may frame us.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


@cache
def environment() -> Environment:
    """Return the templates; a name that a template doesn't get is an error, not an empty place."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["in_words"] = in_words
    made.filters["moment"] = moment
    made.filters["part"] = lambda value: quote(str(value), safe="")
    made.globals["version"] = _version()
    return made


def _version() -> str:
    """Return a digest of style and script: a new one is loaded at once, an old one never again."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def page(request: Request, template: str, values: Mapping[str, Any], status_code: int = 200) -> HTMLResponse:
    """Return a rendered page; `root` is where our pages lie, `airflow` where Airflow does."""
    root = str(request.scope.get("root_path", ""))
    html = (
        environment()
        .get_template(template)
        .render(root=root, airflow=root.removesuffix("/gatehouse"), **values)
    )
    return HTMLResponse(html, status_code, headers={"Cache-Control": "no-store"})
