"""Write docs/dags.md from the DAG files' own pages: `python -m gatehouse_stack.dag_docs [--check]`.

Each DAG file opens with the page that Airflow shows as its documentation. It is read without importing
the file, so this needs no Airflow and takes no time.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "dags.md"
HEAD = """# What Airflow runs

Generated from the DAG files by `make docs`; change them, not this page.
"""


def render(folder: Path) -> str:
    """Return the page of all DAGs in a folder, in the order of their names."""
    files = sorted(folder.glob("*.py"))
    index = [f"- [`{path.stem}`](#{path.stem})" for path in files]
    return "\n".join([HEAD, *index, "", *map(_section, files)]).rstrip() + "\n"


def _section(path: Path) -> str:
    page = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    # The page's own title becomes a line below ours, and its sections go one level down.
    title, _, body = page.partition("\n")
    deeper = re.sub(r"^(#+) ", r"#\1 ", body, flags=re.MULTILINE)
    return f"## {path.stem}\n**{title.lstrip('# ')}.** [Source](../dags/{path.name})\n{deeper}\n"


def main(arguments: list[str]) -> int:
    """Write the page, or with --check tell whether it is as it would be written."""
    page = render(ROOT / "dags")
    if "--check" in arguments:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page:
            return 0
        sys.stderr.write("docs/dags.md isn't what the DAG files say. Run make docs and commit it.\n")
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
