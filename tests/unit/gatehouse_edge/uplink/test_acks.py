"""Acknowledgements are understood however they arrive."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse_edge.errors import FragmentRefusedError, UplinkError
from gatehouse_edge.uplink.acks import Ack, AckReader

acks = st.lists(
    st.builds(
        Ack,
        st.sampled_from(["BUFFERING", "RECEIVED", "PERSISTED", "ERROR", "IDLE"]),
        st.integers(0, 2**41) | st.none(),
        st.just(0) | st.integers(4000, 5001),
        st.sampled_from(["", "SOME_CODE"]),
    ),
    max_size=8,
)


def encode(ack: Ack) -> bytes:
    body: dict[str, object] = {"EventType": ack.kind}
    if ack.timecode is not None:
        body["FragmentTimecode"] = ack.timecode
    if ack.error_id:
        body["ErrorId"] = ack.error_id
    return json.dumps(body | {"ErrorCode": ack.error_code}).encode()


@given(acks, st.sampled_from([b"", b"\n", b"\r\n"]), st.integers(1, 60))
def test_any_cut_of_the_answer_gives_the_same(found: list[Ack], separator: bytes, size: int) -> None:
    answer = separator.join(map(encode, found)) + separator
    reader = AckReader()
    read = [ack for at in range(0, len(answer), size) for ack in reader.feed(answer[at : at + size])]
    assert read == found


def test_what_is_no_json_ends_the_connection() -> None:
    with pytest.raises(UplinkError, match="isn't an ACK"):
        AckReader().feed(b"<html>")


@pytest.mark.parametrize("error_id", [4001, 4002, 4004, 4006, 4007, 4010])
def test_errors_that_blame_a_fragment_drop_it(error_id: int) -> None:
    error = Ack("ERROR", 77, error_id, "CODE").error()
    assert isinstance(error, FragmentRefusedError)
    assert error.start_ms == 77
    assert str(error_id) in str(error)


@pytest.mark.parametrize("error_id", [4000, 4003, 4008, 4501, 5000, 5001, 9999])
def test_other_errors_send_again(error_id: int) -> None:
    assert type(Ack("ERROR", 77, error_id).error()) is UplinkError


def test_the_error_without_a_number_is_known_by_name() -> None:
    assert isinstance(Ack("ERROR", 77, 0, "MIN_FRAGMENT_DURATION_REACHED").error(), FragmentRefusedError)
