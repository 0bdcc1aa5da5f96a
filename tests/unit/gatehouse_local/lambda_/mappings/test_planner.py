"""What becomes of a batch: by example, and for every stream, function and policy."""

from __future__ import annotations

import json
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_local.lambda_.mappings.planner import (
    Batch,
    Condition,
    Decision,
    Failed,
    FailedFrom,
    NotInvoked,
    Policy,
    Record,
    Response,
    Succeeded,
    cut,
    decide,
    expire,
    lane_of,
    read_response,
)


def record(number: int, arrival: float = 0.0, size: int = 1, key: str = "k") -> Record:
    return Record(str(10**21 + number), key, b"x" * size, arrival)


def batch(*numbers: int, failures: int = 0) -> Batch:
    return Batch(tuple(record(number) for number in numbers), failures)


def sequences(*numbers: int) -> list[dict[str, str]]:
    return [{"itemIdentifier": record(number).sequence} for number in numbers]


def answer(failures: object) -> bytes:
    return json.dumps({"batchItemFailures": failures}).encode()


ITEMS = Policy(report_items=True)


@pytest.mark.parametrize("payload", [b"", b"null", b"{}", answer([]), answer(None)])
def test_an_empty_answer_is_success(payload: bytes) -> None:
    assert read_response(payload, batch(1, 2), ITEMS) == Succeeded()


@pytest.mark.parametrize(
    "failures",
    [
        [{"itemIdentifier": ""}],
        [{"itemIdentifier": None}],
        [{"itemIdentifer": "1"}],
        [{"itemIdentifier": "not in the batch"}],
        [*sequences(2), {"itemIdentifier": ""}],
        ["1"],
        "1",
    ],
)
def test_a_bad_identifier_fails_the_whole_batch(failures: object) -> None:
    assert read_response(answer(failures), batch(1, 2), ITEMS) == Failed()


def test_the_lowest_of_several_identifiers_counts() -> None:
    found = read_response(answer(sequences(30, 4, 5)), batch(3, 4, 5, 30), ITEMS)
    assert found == FailedFrom(record(4).sequence)


def test_identifiers_mean_nothing_where_the_mapping_does_not_report_them() -> None:
    assert read_response(answer(sequences(1)), batch(1, 2), Policy()) == Succeeded()


def test_a_partial_failure_retries_from_the_checkpoint() -> None:
    decision = decide(batch(1, 2, 3), FailedFrom(record(2).sequence), Policy(max_retries=2))
    assert decision == Decision(processed=batch(1).records, retry=(batch(2, 3, failures=1),))


def test_bisecting_with_a_partial_failure_cuts_at_the_record_and_costs_no_retry() -> None:
    policy = Policy(max_retries=0, bisect=True, report_items=True)
    decision = decide(batch(1, 2, 3), FailedFrom(record(2).sequence), policy)
    assert decision == Decision(processed=batch(1).records, retry=(batch(2, 3),))


def test_bisecting_halves_a_failed_batch_and_costs_no_retry() -> None:
    decision = decide(batch(1, 2, 3), Failed(), Policy(max_retries=0, bisect=True))
    assert decision == Decision(retry=(batch(1), batch(2, 3)))


def test_a_batch_is_discarded_when_its_retries_are_used_up() -> None:
    policy = Policy(max_retries=1)
    (again,) = decide(batch(1, 2), Failed(), policy).retry
    assert again.failures == 1
    (discard,) = decide(again, Failed(), policy).discarded
    assert (discard.records, discard.condition, discard.invocations) == (
        batch(1, 2).records,
        Condition.RETRIES,
        2,
    )


def test_without_limits_a_failed_batch_is_retried_forever() -> None:
    assert decide(batch(1, failures=9999), Failed(), Policy()).discarded == ()


def test_a_batch_that_was_not_invoked_uses_up_no_retry() -> None:
    assert decide(batch(1), NotInvoked(), Policy(max_retries=0)) == Decision(retry=(batch(1),))


def test_records_over_the_age_are_discarded_and_the_rest_is_invoked() -> None:
    old, fresh = record(1, arrival=0), record(2, arrival=90)
    decision = expire(Batch((old, fresh)), Policy(max_age=60), now=100)
    assert decision.retry == (Batch((fresh,)),)
    assert [(one.records, one.condition) for one in decision.discarded] == [((old,), Condition.AGE)]


policies = st.builds(
    Policy,
    max_retries=st.integers(0, 3),
    max_age=st.sampled_from([-1, 60]),
    bisect=st.booleans(),
    report_items=st.booleans(),
)


@given(
    policy=policies,
    size=st.integers(1, 24),
    poison=st.frozensets(st.integers(0, 23)),
    reports=st.booleans(),
    throttled=st.lists(st.booleans(), max_size=20),
    tick=st.sampled_from([0.0, 1.0, 20.0]),
)
def test_every_record_ends_once_and_in_order(
    policy: Policy,
    size: int,
    poison: frozenset[int],
    reports: bool,
    throttled: list[bool],
    tick: float,
) -> None:
    """Run a function that fails on poison records until nothing is left of the batch."""
    records = tuple(record(number) for number in range(size))
    bad = {record(number).sequence for number in poison}
    ends: list[Record] = []
    processed: list[Record] = []
    queue, now, refusals = deque([Batch(records)]), 0.0, iter(throttled)
    for _ in range(2000):
        if not queue:
            break
        steps = [expire(queue.popleft(), policy, now)]
        for live in steps[0].retry:
            response = NotInvoked() if next(refusals, False) else respond(live, bad, reports, policy)
            steps.append(decide(live, response, policy))
            queue.extendleft(reversed(steps[-1].retry))
        for step in steps:
            ends += step.processed
            processed += step.processed
            ends += [one for discard in step.discarded for one in discard.records]
        now += tick
    assert ends == list(records)
    assert not bad & {one.sequence for one in processed}


def respond(live: Batch, bad: set[str], reports: bool, policy: Policy) -> Response:
    """Answer as a function that raises on poison, or reports it item by item."""
    failed = [one.sequence for one in live.records if one.sequence in bad]
    if not failed:
        return read_response(answer([]), live, policy)
    if not (reports and policy.report_items):
        return Failed()
    return read_response(answer([{"itemIdentifier": one} for one in failed]), live, policy)


@given(size=st.integers(1, 40), poison=st.integers(0, 39))
def test_bisecting_isolates_one_poison_record(size: int, poison: int) -> None:
    policy = Policy(max_retries=1, bisect=True)
    bad = {record(poison % size).sequence}
    queue, discarded = deque([batch(*range(size))]), []
    while queue:
        live = queue.popleft()
        decision = decide(live, respond(live, bad, False, policy), policy)
        queue.extendleft(reversed(decision.retry))
        discarded += decision.discarded
    assert [one.sequence for discard in discarded for one in discard.records] == list(bad)


@given(st.lists(st.integers(0, 3_000_000), min_size=1, max_size=20), st.integers(1, 10))
def test_a_cut_takes_at_least_one_record_and_keeps_to_the_limits(sizes: list[int], most: int) -> None:
    records = [record(number, size=size) for number, size in enumerate(sizes)]
    count = cut(records, most, 6 * 1024 * 1024)
    assert 1 <= count <= min(most, len(records))
    total = sum(size * 4 // 3 + 700 for size in sizes[:count])
    assert count == 1 or total <= 6 * 1024 * 1024


@given(st.text(), st.integers(1, 10))
def test_one_key_always_has_one_lane(key: str, lanes: int) -> None:
    assert 0 <= lane_of(record(1, key=key), lanes) < lanes
    assert lane_of(record(1, key=key), lanes) == lane_of(record(2, key=key), lanes)
