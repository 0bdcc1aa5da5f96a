"""The store keeps what services put, apart by account and Region."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_local.core.store import Store, decode, encode

ACCOUNT, REGION = "123456789012", "eu-central-1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state" / "state.sqlite3")
    yield opened
    opened.close()


def test_a_body_comes_back_with_bytes_at_any_depth(store: Store) -> None:
    table = store.table("rekognition", "face")
    body = {"vector": b"\x00\xff", "nested": [{"more": b"x"}], "n": 1.5, "none": None}
    table.put(ACCOUNT, REGION, "f1", body)
    assert table.get(ACCOUNT, REGION, "f1") == body


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner),
            max_leaves=8,
        ),
    )
)
def test_every_body_survives_encoding(body: dict[str, Any]) -> None:
    if "$bytes" not in repr(body):
        assert decode(encode(body)) == body


def test_a_value_that_json_cannot_hold_is_refused_with_a_remedy(store: Store) -> None:
    with pytest.raises(TypeError, match="sorted list"):
        store.table("a", "b").put(ACCOUNT, REGION, "k", {"tags": {1, 2}})


def test_insert_leaves_an_existing_body_alone(store: Store) -> None:
    table = store.table("rekognition", "collection")
    assert table.insert(ACCOUNT, REGION, "lobby", {"n": 1})
    assert not table.insert(ACCOUNT, REGION, "lobby", {"n": 2})
    assert table.get(ACCOUNT, REGION, "lobby") == {"n": 1}


def test_delete_says_whether_the_key_was_there(store: Store) -> None:
    table = store.table("rekognition", "collection")
    table.put(ACCOUNT, REGION, "lobby", {})
    assert table.delete(ACCOUNT, REGION, "lobby")
    assert not table.delete(ACCOUNT, REGION, "lobby")


def test_list_is_ordered_and_kept_to_prefix_account_and_region(store: Store) -> None:
    table = store.table("kvs", "stream")
    for account, region, key in (
        (ACCOUNT, REGION, "cam/2"),
        (ACCOUNT, REGION, "cam/1"),
        (ACCOUNT, REGION, "door/1"),
        (ACCOUNT, "us-west-2", "cam/3"),
        ("222222222222", REGION, "cam/4"),
    ):
        table.put(account, region, key, {"key": key})
    assert [key for key, _ in table.list(ACCOUNT, REGION, "cam/")] == ["cam/1", "cam/2"]
    assert [(account, region, key) for account, region, key, _ in table.all()] == [
        (ACCOUNT, REGION, "cam/1"),
        (ACCOUNT, REGION, "cam/2"),
        (ACCOUNT, REGION, "door/1"),
        (ACCOUNT, "us-west-2", "cam/3"),
        ("222222222222", REGION, "cam/4"),
    ]


def test_a_list_may_be_changed_while_it_is_read(store: Store) -> None:
    table = store.table("kvs", "stream")
    for key in "abc":
        table.put(ACCOUNT, REGION, key, {})
    for key, _ in table.list(ACCOUNT, REGION):
        table.delete(ACCOUNT, REGION, key)
    assert list(table.list(ACCOUNT, REGION)) == []


def test_state_survives_a_process_that_never_closed_it(tmp_path: Path) -> None:
    Store(tmp_path / "s.sqlite3").table("a", "b").put(ACCOUNT, REGION, "k", {"n": 1})
    again = Store(tmp_path / "s.sqlite3")
    assert again.table("a", "b").get(ACCOUNT, REGION, "k") == {"n": 1}
    again.close()


def test_a_transaction_that_fails_changes_nothing(store: Store) -> None:
    table = store.table("a", "b")

    def fail_midway() -> None:
        with store.transaction():
            table.put(ACCOUNT, REGION, "k", {})
            with store.transaction():
                table.put(ACCOUNT, REGION, "l", {})
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        fail_midway()
    assert list(table.list(ACCOUNT, REGION)) == []


def test_concurrent_transactions_lose_no_update(store: Store) -> None:
    table = store.table("a", "counter")
    table.put(ACCOUNT, REGION, "k", {"n": 0})

    def add() -> None:
        for _ in range(50):
            with store.transaction():
                body = table.get(ACCOUNT, REGION, "k")
                assert body is not None
                table.put(ACCOUNT, REGION, "k", {"n": body["n"] + 1})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.get(ACCOUNT, REGION, "k") == {"n": 200}


def test_wipe_forgets_rows_and_files_but_what_is_kept(store: Store) -> None:
    folder = store.path.parent
    (folder / "kinesisvideo").mkdir()
    (folder / "kinesisvideo" / "f.mkv").write_bytes(b"x")
    (folder / "calls.jsonl").write_text("{}")
    store.table("a", "b").put(ACCOUNT, REGION, "k", {})
    store.wipe(keep=frozenset({"calls.jsonl"}))
    assert list(store.table("a", "b").all()) == []
    assert not (folder / "kinesisvideo").exists()
    assert (folder / "calls.jsonl").exists()


def test_keys_and_single_members_are_read_without_bodies(store: Store) -> None:
    table = store.table("rekognition", "processor")
    for name, status in (("a", "RUNNING"), ("b", "STOPPED"), ("c", "RUNNING")):
        table.put(ACCOUNT, REGION, name, {"status": status, "rest": {"x": 1}})
    assert table.count(ACCOUNT, REGION) == 3
    assert table.count(ACCOUNT, "nowhere") == 0
    statuses = [("a", "RUNNING"), ("b", "STOPPED"), ("c", "RUNNING")]
    assert list(table.member(ACCOUNT, REGION, "status")) == statuses
    assert list(table.having(ACCOUNT, REGION, "status", "RUNNING")) == ["a", "c"]
    assert [key for key, _ in table.list(ACCOUNT, REGION, after="b")] == ["c"]
    assert list(table.member(ACCOUNT, REGION, "none"))[2:] == [("c", None)]
