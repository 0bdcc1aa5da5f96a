"""Pages written from the code say what the code says; `make docs` writes them anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("module", ["gatehouse_stack.dag_docs", "gatehouse_local.core.coverage"])
def test_a_generated_page_is_current(module: str) -> None:
    command = [sys.executable, "-m", module, "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_requirements_are_what_the_lock_file_says(tmp_path: Path) -> None:
    uv = ROOT / ".tools" / "uv" / "bin" / "uv"
    if not uv.exists():
        pytest.skip("uv isn't installed: make sets it up")
    exported = tmp_path / "requirements.txt"
    command = [str(uv), "export", "--frozen", "--no-default-groups", "--group", "celery"]
    command += ["--no-emit-project", "--no-emit-index-url", "--quiet", "--output-file", str(exported)]
    subprocess.run(command, cwd=ROOT, check=True)
    assert _pins(exported) == _pins(ROOT / "requirements.txt"), "run `make requirements`"


def _pins(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if not line.startswith("#")]
