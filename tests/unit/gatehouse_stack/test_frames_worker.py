"""An office of frame_search gets a worker, its port and its role; one line of its manifest decides."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from gatehouse.office.config import load_company
from gatehouse_stack import company, parts, policies, preflight
from gatehouse_stack.foundation import Foundation
from gatehouse_stack.graph import Service
from gatehouse_stack.layout import ACCOUNT, Layout

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """The sample company, whose office Portland was switched by one line; Berlin and Tokyo were not."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    for manifest in (config / "offices").glob("*.yaml"):
        text = manifest.read_text()
        lines = ["engine: frame_search\n", "engine: stream_processor\n"]
        wanted, other = lines if manifest.stem == "portland" else reversed(lines)
        assert (wanted in text) != (other in text)
        manifest.write_text(text.replace(other, wanted))
    monkeypatch.setenv("GATEHOUSE_CONFIG", str(config))
    monkeypatch.delenv("GATEHOUSE_FACES", raising=False)
    return Layout(ROOT, tmp_path / "run", 24900)


def test_the_switched_manifest_is_a_right_one(layout: Layout) -> None:
    loaded = load_company(layout.config)
    assert loaded.office("portland").engine == "frame_search"


def test_only_the_office_of_frame_search_has_a_worker_and_all_have_a_proxy(layout: Layout) -> None:
    services = {service.name: service for service in parts.build(layout).services()}
    assert [name for name in services if name.startswith("frames-")] == ["frames-portland"]
    assert {"edge-berlin", "edge-portland", "edge-tokyo"} <= set(services)


def test_a_worker_is_told_its_office_bucket_region_and_port(layout: Layout) -> None:
    worker = _worker(layout)
    words = worker.command()
    assert words[1:3] == ["-m", "gatehouse_frames"]
    said = dict(zip(words[3::2], words[4::2], strict=True))
    assert said == {
        "--office": "portland",
        "--bucket": "gatehouse-123456789012-us-west-2",
        "--region": "us-west-2",
        "--health-port": str(layout.port("frames", 1)),
    }
    assert worker.after == ("foundation",)


def test_a_worker_may_drain_before_it_is_killed(layout: Layout) -> None:
    from gatehouse_frames.office.worker import WorkerTimes

    assert _worker(layout).grace_seconds > WorkerTimes().drain_s + 2


def _worker(layout: Layout) -> Service:
    return next(one for one in parts.build(layout).services() if one.name == "frames-portland")


def test_a_manifest_without_an_engine_still_has_its_proxy(layout: Layout) -> None:
    manifest = layout.config / "offices" / "portland.yaml"
    manifest.write_text(manifest.read_text().replace("engine: frame_search\n", ""))
    names = {service.name for service in parts.build(layout).services()}
    assert "edge-portland" in names
    assert "frames-portland" not in names


def test_more_offices_than_ports_are_refused_with_a_remedy(layout: Layout) -> None:
    assert not [line for line in preflight.findings(layout, edges=10) if "offices has" in line]
    (found,) = [line for line in preflight.findings(layout, edges=11) if "offices has" in line]
    assert "GATEHOUSE_CONFIG" in found


@pytest.fixture
def region(layout: Layout) -> Iterator[Foundation]:
    """Portland's Region; moto stands where the cloud would."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    httpx.post(f"http://127.0.0.1:{port}/moto-api/reset").raise_for_status()  # its state is this process's
    _, regions = company.regions(layout.config)
    west = next(region for region in regions if region.name == "us-west-2")
    yield Foundation(Layout(layout.root, layout.run, port), west)
    server.stop()


def test_the_workers_role_is_made_once_and_kept_true(region: Foundation) -> None:
    iam, name = region.client("iam"), "gatehouse-frames-portland"
    region.frames_role("portland")
    other = json.dumps(policies.processor_policy(ACCOUNT))
    iam.put_role_policy(RoleName=name, PolicyName=f"{name}-us-west-2", PolicyDocument=other)
    region.frames_role("portland")
    kept = iam.get_role_policy(RoleName=name, PolicyName=f"{name}-us-west-2")["PolicyDocument"]
    assert kept == policies.frames_policy(ACCOUNT, "us-west-2", region.region.bucket, "portland")
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == [f"{name}-us-west-2"]
    trusted = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trusted["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
