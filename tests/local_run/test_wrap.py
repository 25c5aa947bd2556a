import gzip
import io
import json
import re
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from local_run.wrap import (
    EVENT_OVERHEAD_BYTES,
    MAX_BATCH_BYTES,
    MAX_EVENTS,
    MAX_MESSAGE_BYTES,
    Wrapper,
    decode_event,
    encode_event,
    log_event_id,
)

GROUP = "/aws/lambda/orders-api"


class Dripping(io.BytesIO):
    """A file that is read a few bytes at a time, so that anything can be at the end of a chunk."""

    def read(self, _size: int | None = None, /) -> bytes:
        return super().read(3)


def wrap(data: bytes) -> list[dict[str, Any]]:
    return [decode_event(wrapped.event) for wrapped in Wrapper(GROUP).wrap(io.BytesIO(data))]


def log_events(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for document in documents for event in document["logEvents"]]


def messages(documents: list[dict[str, Any]]) -> list[str]:
    return [event["message"] for event in log_events(documents)]


def lines_of(text: str) -> list[str]:
    lines = re.split("\r\n|\n|\r", text)
    return lines if lines[-1] else lines[:-1]


@given(st.text(st.sampled_from("aé咖😀\n\r\t\x0b\x0c\x1c\x85\u2028\ufeff\x00")))
@example("a\r")
@example("\r\n\r\n")
@example("a\r\nb")
def test_the_lines_of_a_file_come_back_as_they_were(text: str) -> None:
    assert messages(wrap(text.encode())) == lines_of(text)


@given(st.text(st.sampled_from("aé😀\n\r")))
@example("ab\r\ncd")
def test_it_does_not_matter_where_a_chunk_of_the_file_ends(text: str) -> None:
    wrapper = Wrapper(GROUP)
    documents = [decode_event(wrapped.event) for wrapped in wrapper.wrap(Dripping(text.encode()))]
    assert messages(documents) == lines_of(text)


@given(st.binary(max_size=200))
def test_bytes_that_are_not_utf8_are_replaced_line_by_line(data: bytes) -> None:
    expected = [line.decode(errors="replace") for line in re.split(b"\r\n|\n|\r", data)]
    assert messages(wrap(data)) == (expected if expected[-1] else expected[:-1])


def test_replaced_bytes_are_counted_but_not_the_replacement_characters_that_were_there() -> None:
    wrapper = Wrapper(GROUP)
    list(wrapper.wrap(io.BytesIO("\ufffd \n".encode() + b"\xff and \xfe\n")))
    assert wrapper.replaced == 2


def test_an_empty_file_gives_no_event() -> None:
    assert wrap(b"") == []


def test_an_event_has_the_shape_of_a_subscription_event() -> None:
    document = json.loads(
        gzip.decompress(b64decode(next(Wrapper(GROUP).wrap(io.BytesIO(b"x"))).event["awslogs"]["data"]))
    )
    assert document | {"logEvents": []} == {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": GROUP,
        "logStream": "local-run",
        "subscriptionFilters": ["local-run"],
        "logEvents": [],
    }


def test_ids_increase_over_all_events_and_have_56_digits() -> None:
    ids = [event["id"] for event in log_events(wrap(b"x\n" * (2 * MAX_EVENTS + 1)))]
    assert ids == sorted(set(ids))
    assert {len(identity) for identity in ids} == {56}


def test_timestamps_never_decrease() -> None:
    timestamps = [event["timestamp"] for event in log_events(wrap(b"x\n" * 5000))]
    assert timestamps == sorted(timestamps)


def test_an_event_holds_no_more_log_events_than_cloudwatch_allows() -> None:
    assert [len(document["logEvents"]) for document in wrap(b"x\n" * (MAX_EVENTS + 1))] == [MAX_EVENTS, 1]


def test_an_event_holds_no_more_bytes_than_cloudwatch_allows() -> None:
    documents = wrap(("é" * 2500 + "\n").encode() * 500)
    sizes = [
        sum(len(message.encode()) + EVENT_OVERHEAD_BYTES for message in messages([document])) for document in documents
    ]
    assert len(sizes) == 3
    assert max(sizes) <= MAX_BATCH_BYTES


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_a_line_of_just_the_largest_size_is_not_cut(end: bytes) -> None:
    assert [len(message) for message in messages(wrap(b"x" * MAX_MESSAGE_BYTES + end))] == [MAX_MESSAGE_BYTES]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
def test_a_line_one_byte_over_the_largest_size_is_cut_once(end: bytes) -> None:
    wrapper = Wrapper(GROUP)
    documents = [decode_event(each.event) for each in wrapper.wrap(io.BytesIO(b"x" * (MAX_MESSAGE_BYTES + 1) + end))]
    assert [len(message) for message in messages(documents)] == [MAX_MESSAGE_BYTES, 1]
    assert wrapper.cuts == 1


@pytest.mark.parametrize("shift", range(4))
def test_a_long_line_is_cut_between_characters(shift: int) -> None:
    line = "x" * shift + "😀" * 600_000
    pieces = messages(wrap(line.encode()))
    assert "".join(pieces) == line
    assert max(len(piece.encode()) for piece in pieces) <= MAX_MESSAGE_BYTES


def test_a_long_line_that_is_not_text_still_gives_messages_within_the_limit() -> None:
    pieces = messages(wrap(b"\xff" * (MAX_MESSAGE_BYTES + 10)))
    assert "".join(pieces) == "\ufffd" * (MAX_MESSAGE_BYTES + 10)
    assert max(len(piece.encode()) for piece in pieces) <= MAX_MESSAGE_BYTES


def test_each_event_says_how_much_was_read() -> None:
    data = b"x\n" * (MAX_EVENTS + 1)
    assert [each.bytes_read for each in Wrapper(GROUP).wrap(io.BytesIO(data))][-1] == len(data)


def test_the_same_document_gives_the_same_event() -> None:
    document = {"logGroup": GROUP, "logEvents": []}
    assert encode_event(document) == encode_event(document)


def test_an_id_increases_with_the_time_first() -> None:
    assert log_event_id(1_795_343_071_001, 1) > log_event_id(1_795_343_071_000, 999_999_999)
