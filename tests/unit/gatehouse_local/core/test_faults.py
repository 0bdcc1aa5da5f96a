"""Faults hit what they name, as often as they say, and bad ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse_local.core.faults import Faults, FaultSpecError

A, R = "123456789012", "eu-central-1"


def test_a_call_fault_hits_its_service_operation_and_region_only() -> None:
    faults = Faults()
    faults.add({"service": "rekognition", "operation": "IndexFaces", "region": R, "kind": "throttling"})
    assert faults.on_call("rekognition", "IndexFaces", A, R).fault
    assert not faults.on_call("rekognition", "ListFaces", A, R).fault
    assert not faults.on_call("rekognition", "IndexFaces", A, "us-east-1").fault
    assert not faults.on_call("s3", "IndexFaces", A, R).fault


def test_latencies_add_up_before_a_failure() -> None:
    faults = Faults()
    faults.add({"service": "s3", "kind": "latency", "seconds": 0.5})
    faults.add({"kind": "latency", "seconds": 1})
    faults.add({"service": "s3", "kind": "error", "status": 503})
    effect = faults.on_call("s3", "PutObject", A, R)
    assert effect.seconds == 1.5
    assert effect.fault is not None
    assert effect.fault.status == 503


def test_a_rate_hits_its_share_and_a_seed_repeats_it() -> None:
    def hits(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add({"kind": "error", "rate": 0.3})
        return [faults.on_call("s3", "PutObject", A, R).fault is not None for _ in range(1000)]

    first = hits(7)
    assert first == hits(7)
    assert 250 < sum(first) < 350


def test_times_counts_down() -> None:
    faults = Faults()
    faults.add({"kind": "error", "times": 2})
    assert [bool(faults.on_call("s3", "x", A, R).fault) for _ in range(3)] == [True, True, False]


def test_a_named_fault_hits_its_resource_and_carries_its_fields() -> None:
    faults = Faults()
    faults.add({"name": "processor_failed", "region": R, "resource": "cam1", "message": "m", "after": 3})
    found = faults.active("processor_failed", R, "cam1")
    assert found is not None
    assert (found["message"], found["after"]) == ("m", 3)
    assert faults.active("processor_failed", R, "cam2") is None
    assert faults.active("processor_failed", "us-east-1", "cam1") is None
    assert faults.active("stream_stalled", R, "cam1") is None


def test_a_named_fault_without_a_resource_hits_them_all() -> None:
    faults = Faults()
    faults.add({"name": "stream_stalled"})
    assert faults.active("stream_stalled", R, "anything")


def test_a_named_fault_hits_the_account_it_names_only() -> None:
    faults = Faults()
    faults.add({"name": "streaming_video_closed", "account": A})
    assert faults.active("streaming_video_closed", R, account=A)
    assert faults.active("streaming_video_closed", R, account="210987654321") is None


def test_a_named_fault_leaves_calls_alone() -> None:
    faults = Faults()
    faults.add({"name": "wrong_face"})
    assert faults.on_call("rekognition", "SearchFaces", A, R).fault is None


def test_removing_one_or_all_is_harmless_twice() -> None:
    faults = Faults()
    first = faults.add({"kind": "error"})
    faults.add({"kind": "error"})
    assert (faults.remove(first.id), faults.remove(first.id)) == (1, 0)
    assert (faults.remove(), faults.remove()) == (1, 0)
    assert faults.list() == []


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"name": "procesor_failed"}, "unknown fault"),
        ({"service": "s3"}, "needs a name"),
        ({"kind": "error", "rat": 1}, "unknown fields"),
        ({"kind": "error", "rate": 0}, "rate"),
        ({"kind": "error", "rate": "often"}, "not switched on"),
        ({"kind": "latency"}, "seconds"),
        ({"kind": "error", "resource": "cam1"}, "no resource"),
    ],
)
def test_a_fault_that_would_never_fire_is_refused(spec: dict[str, Any], said: str) -> None:
    faults = Faults()
    with pytest.raises(FaultSpecError, match=said):
        faults.add(spec)
    assert faults.list() == []
