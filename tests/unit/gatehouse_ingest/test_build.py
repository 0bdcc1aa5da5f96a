"""Build the real zip and import it where nothing else is."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
OWN_UV = ROOT / ".tools" / "uv" / "bin" / "uv"


@pytest.fixture(scope="module")
def build() -> Any:
    spec = importlib.util.spec_from_file_location("ingest_build", ROOT / "lambdas" / "ingest" / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def package(build: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = os.environ.get("GATEHOUSE_UV")
    if OWN_UV.exists():
        os.environ["GATEHOUSE_UV"] = str(OWN_UV)
    elif not (before or shutil.which("uv")):
        pytest.skip("uv isn't installed: make sets it up")
    out = tmp_path_factory.mktemp("build") / "ingest.zip"
    assert build.build(out)
    yield out
    os.environ.pop("GATEHOUSE_UV", None)
    if before:
        os.environ["GATEHOUSE_UV"] = before


def test_zip_imports_with_nothing_else_on_the_path(package: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(package, tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import boto3, gatehouse_ingest.handler as h\n"
        "for name in ('s3', 'sns', 'kinesisvideo', 'kinesis-video-archived-media'):\n"
        "    boto3.client(name, region_name='eu-central-1')\n"
        "print(h.__file__)\n"
        "print(any('site-packages' in place for place in sys.path))\n"
    )
    # -S as well: without it, the interpreter of a virtual environment adds its packages.
    command = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", program]
    run = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [str(tmp_path / "gatehouse_ingest" / "handler.py"), "False"]


def test_zip_is_small_and_holds_no_leftovers(package: Path) -> None:
    names = zipfile.ZipFile(package).namelist()
    assert package.stat().st_size < 50_000_000
    assert not [name for name in names if name.endswith(".pyc") or "/tests/" in name]
    assert {name.split("/")[1] for name in names if name.startswith("gatehouse/")} == {
        "__init__.py", "exceptions.py", "alerts", "ingest", "office", "search",
    }  # fmt: skip
    assert "gatehouse/alerts/scripts/add_hits.painless" in names


def test_same_inputs_give_the_same_bytes_and_no_second_build(package: Path, build: Any) -> None:
    before = package.read_bytes()
    assert not build.build(package)
    package.with_suffix(".inputs").unlink()
    assert build.build(package)
    assert package.read_bytes() == before


def test_missing_uv_is_named_with_its_remedy(
    build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GATEHOUSE_UV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.main(["--out", str(tmp_path / "ingest.zip")]) == 1
    assert "Set GATEHOUSE_UV" in capsys.readouterr().err
