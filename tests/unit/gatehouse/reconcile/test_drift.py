"""What a rollout leaves differs in nothing, and whatever is taken away, changed or added is named once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.office import naming
from gatehouse.office.config import load_company
from gatehouse.office.documents import edge_document, snapshot_with_streams
from gatehouse.office.edge import EdgeObserved
from gatehouse.office.frames import FramesObserved
from gatehouse.reconcile.drift import Drift, drift_of, without_noise
from gatehouse.reconcile.policy import Heal, Noise
from gatehouse.reconcile.runtime import Scene, rolled_out
from gatehouse.reconcile.sweep import (
    Described,
    Documents,
    Sweep,
    observed_office,
    tagged,
    to_describe,
    unaccounted,
)
from gatehouse.rollout.apply import apply
from gatehouse.rollout.plan import plan_office
from gatehouse.rollout.resources import DesiredOffice, ObservedOffice, Orphan, Processor, desired_office

COMPANY = load_company(Path(__file__).parents[4] / "config")
OFFICE = COMPANY.office("berlin")
DESIRED = replace(desired_office(COMPANY, "berlin"), engine="stream_processor")
SEARCHING = replace(DESIRED, engine="frame_search")
LOBBY, GARAGE, LAB = DESIRED.cameras
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PROCESSOR = naming.stream_processor(LOBBY)
Parts = dict[str, Any]


def swept(desired: DesiredOffice) -> tuple[Sweep, Documents]:
    """Return what a sweep finds of an office that was rolled out and works."""
    empty = ObservedOffice()
    made = apply(desired, empty, plan_office(desired, empty).actions, NOW - timedelta(days=1))
    found = made.cameras
    mappings = {desired.record_stream_arn(camera): each.mapping for camera, each in found.items()}
    records = {naming.record_stream(camera): each.records for camera, each in found.items()}
    shared = naming.office_record_stream(desired.office)
    records[shared], mappings[desired.data_stream_arn(shared)] = made.records, made.mapping
    sweep = Sweep(
        processors={
            naming.stream_processor(camera): "RUNNING" for camera in found if found[camera].processor
        },
        video={naming.video_stream(camera): each.video for camera, each in found.items() if each.video},
        records={name: each for name, each in records.items() if each},
        mappings={arn: each for arn, each in mappings.items() if each},
        collections=frozenset({desired.collection}),
    )
    arns = {camera: each.video.arn for camera, each in found.items() if each.video}
    office = OFFICE.model_copy(update={"engine": desired.engine})
    edge = edge_document(None, office, desired.cameras)
    report = {"office": "berlin", "at": NOW, "started_at": NOW, "cameras": ()}
    documents = Documents(
        snapshot=snapshot_with_streams(None, office, arns, COMPANY.rules),
        edge=edge,
        edge_observed=EdgeObserved(version_applied=edge.version, **report),
        frames=made.frames,
        frames_observed=FramesObserved(version_applied=made.frames.version, **report)
        if made.frames
        else None,
    )
    return sweep, documents


def scene(desired: DesiredOffice, sweep: Sweep, documents: Documents, **parts: Any) -> Scene:
    described = parts.get("described", {})
    return Scene(
        at=NOW,
        office=OFFICE.model_copy(update={"engine": desired.engine}),
        desired=desired,
        observed=observed_office(desired, sweep, described, documents, parts.get("orphans", ())),
        documents=documents,
        described=described,
        limits=Heal(),
    )


def drifts(
    desired: DesiredOffice = DESIRED, *, live: Any = DESIRED.cameras, sweep: Parts | None = None, **parts: Any
) -> list[Drift]:
    found, documents = swept(desired)
    documents = replace(documents, **parts.pop("documents", {}))
    return list(drift_of(scene(desired, replace(found, **(sweep or {})), documents, **parts), live))


def causes(*args: Any, **parts: Any) -> list[tuple[str, str]]:
    return [(drift.cause, drift.camera_id) for drift in drifts(*args, **parts)]


def failed(message: str, status: str = "FAILED", since: datetime | None = None) -> dict[str, Described]:
    sweep, _ = swept(DESIRED)
    video = sweep.video[naming.video_stream(LOBBY)].arn
    wanted = (DESIRED.record_stream_arn(LOBBY), DESIRED.collection, DESIRED.threshold, DESIRED.role_arn)
    return {PROCESSOR: Described(Processor(status, video, *wanted, message=message), since)}


@pytest.mark.parametrize("desired", [DESIRED, SEARCHING])
def test_what_a_rollout_leaves_differs_in_nothing(desired: DesiredOffice) -> None:
    assert drifts(desired) == []


ENGINES = st.sampled_from([DESIRED, SEARCHING])


@given(ENGINES, st.data())
def test_whatever_is_taken_away_is_named_once_and_nothing_else(desired: DesiredOffice, data: Any) -> None:
    sweep, documents = swept(desired)
    kinds = ("processors", "video", "records", "mappings")
    names = [(kind, name) for kind in kinds for name in getattr(sweep, kind)]
    gone = data.draw(st.sets(st.sampled_from(names)))
    left = {
        kind: {name: found for name, found in getattr(sweep, kind).items() if (kind, name) not in gone}
        for kind in kinds
    }
    found = drift_of(scene(desired, replace(sweep, **left), documents), desired.cameras)
    missing = [drift for drift in found if drift.kind == "missing"]
    assert len(missing) == len(gone)
    # A processor can't have been made for a stream that isn't there.
    assert {drift.cause for drift in found} <= {"missing", "processor_settings"}


@given(ENGINES, st.sets(st.sampled_from(DESIRED.cameras)))
def test_of_a_camera_never_rolled_out_that_alone_is_told(desired: DesiredOffice, live: set[str]) -> None:
    sweep, documents = Sweep(), Documents()
    found = drift_of(scene(desired, sweep, documents), live)
    fresh = [drift.camera_id for drift in found if drift.cause == "not_rolled_out"]
    assert sorted(fresh) == sorted(set(desired.cameras) - live)
    assert all(drift.camera_id in {*live, ""} for drift in found if drift.cause != "not_rolled_out")
    assert bool(live) == any(drift.severity == "critical" for drift in found)


def test_only_what_does_not_run_or_is_doubted_is_described() -> None:
    sweep, _ = swept(DESIRED)
    assert to_describe(DESIRED, sweep) == ()
    assert to_describe(DESIRED, sweep, [LAB]) == (naming.stream_processor(LAB),)
    stopped = replace(sweep, processors=sweep.processors | {PROCESSOR: "STOPPED"})
    assert to_describe(DESIRED, stopped) == (PROCESSOR,)
    assert to_describe(SEARCHING, stopped) == ()


@pytest.mark.parametrize(
    ("status", "since", "cause"),
    [
        ("FAILED", None, "processor_failed"),
        ("STOPPED", None, "processor_stopped"),
        ("STOPPING", None, "processor_stopped"),
        ("STARTING", NOW - timedelta(minutes=3), "processor_stuck"),
        ("STARTING", NOW - timedelta(minutes=1), None),
        ("UPDATING", NOW - timedelta(minutes=9), None),
    ],
)
def test_a_processor_that_does_not_run_is_told_with_its_message(
    status: str, since: datetime | None, cause: str | None
) -> None:
    found = causes(described=failed("Access denied to Role", status, since))
    assert found == ([(cause, LOBBY)] if cause else [])


def test_a_processor_of_other_settings_is_found_once_its_camera_is_doubted() -> None:
    described = failed("", "RUNNING")
    other = replace(described[PROCESSOR].processor, collection="gatehouse-elsewhere-g1")
    [found] = drifts(described={PROCESSOR: Described(other)})
    assert (found.cause, found.severity, found.reason) == (
        "processor_settings",
        "critical",
        "collection differ",
    )


def test_a_disabled_mapping_is_worse_than_one_with_other_settings() -> None:
    sweep, _ = swept(DESIRED)
    arn = DESIRED.record_stream_arn(LOBBY)
    mapping = sweep.mappings[arn]
    for changed, cause in (({"enabled": False}, "mapping_disabled"), ({"batch_size": 1}, "mapping_settings")):
        mappings = {**sweep.mappings, arn: replace(mapping, **changed)}
        assert causes(sweep={"mappings": mappings}) == [(cause, LOBBY)]


def test_a_camera_whose_proxy_is_told_otherwise_is_found() -> None:
    _, documents = swept(DESIRED)
    lobby, garage, _ = documents.edge.cameras
    other = documents.edge.model_copy(
        update={
            "cameras": (
                lobby.model_copy(update={"enabled": False}),
                garage,
                garage.model_copy(update={"camera_id": "CAM_GONE_001"}),
            )
        }
    )
    assert set(causes(documents={"edge": other})) == {
        ("edge_entry", LOBBY),
        ("edge_entry_missing", LAB),
        ("edge_entry_extra", "CAM_GONE_001"),
    }


def test_a_stream_that_ingest_does_not_know_is_found() -> None:
    assert set(causes(documents={"snapshot": None})) == {
        ("not_ingested", camera) for camera in DESIRED.cameras
    }


def test_a_silent_or_disobedient_proxy_and_worker_are_found() -> None:
    _, documents = swept(SEARCHING)
    late = {"at": NOW - timedelta(minutes=10)}
    silent = {
        "edge_observed": documents.edge_observed.model_copy(update=late),
        "frames_observed": documents.frames_observed.model_copy(update={"version_applied": 0}),
    }
    assert causes(SEARCHING, documents=silent) == [("edge_silent", ""), ("worker_behind", "")]
    assert causes(SEARCHING, documents={"frames_observed": None}) == [("worker_silent", "")]


def test_a_changed_engine_waits_for_its_rollout() -> None:
    _, documents = swept(SEARCHING)
    sweep, mine = swept(DESIRED)
    found = drift_of(scene(SEARCHING, sweep, replace(mine, frames=documents.frames)), DESIRED.cameras)
    assert {drift.cause for drift in found} == {"missing", "other_engine", "left_over", "worker_silent"}
    assert [drift.name for drift in found if drift.cause == "missing"] == ["gatehouse-records-berlin"] * 2


def test_what_carries_our_tag_in_no_manifest_is_ours_and_the_rest_is_not() -> None:
    sweep, _ = swept(DESIRED)
    strange = replace(
        sweep,
        processors=sweep.processors | {"gatehouse-CAM_GONE_001": "RUNNING", "others": "RUNNING"},
        collections=sweep.collections | {"gatehouse-paris-g1"},
        records=sweep.records | {"gatehouse-records-CAM_GONE_001": sweep.records[naming.record_stream(LAB)]},
    )
    found = unaccounted([DESIRED], strange)
    assert [(orphan.what, orphan.name, orphan.camera_id) for orphan in found] == [
        ("collection", "gatehouse-paris-g1", ""),
        ("processor", "gatehouse-CAM_GONE_001", "CAM_GONE_001"),
        ("record_stream", "gatehouse-records-CAM_GONE_001", "CAM_GONE_001"),
    ]
    tags = {(orphan.what, orphan.name): {naming.TAG_OFFICE: "berlin"} for orphan in found[1:2]}
    assert tagged(found, tags) == {"berlin": [Orphan("processor", "gatehouse-CAM_GONE_001", "CAM_GONE_001")]}
    assert causes(orphans=tagged(found, tags)["berlin"]) == [("orphan", "CAM_GONE_001")]


def test_known_noise_is_counted_by_its_reason_until_its_last_day() -> None:
    drift = Drift("orphan", "processor", "gatehouse-LAB_1", "in no manifest", "LAB_1")
    noise = [Noise(name="processor/gatehouse-LAB_*", reason="lab rig", until=date(2026, 11, 23))]
    assert without_noise([drift], noise, date(2026, 11, 23)).noise == {"lab rig": 1}
    assert without_noise([drift], noise, date(2026, 11, 24)).drifts == (drift,)
    assert drift.to_json()["remedy"].startswith("Run office_decommission")


def test_rolled_out_is_whatever_proxy_or_ingest_was_told_of() -> None:
    _, documents = swept(DESIRED)
    assert rolled_out("berlin", documents) == set(DESIRED.cameras)
    assert rolled_out("berlin", replace(documents, edge=None)) == set(DESIRED.cameras)
    assert rolled_out("tokyo", replace(documents, edge=None)) == set()
    assert rolled_out("berlin", Documents()) == set()
