"""Concatenated documents of CloudWatch Logs: each is read separately, however the bytes are chunked."""

import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder.errors import OutOfTimeError
from forwarder.records import LogStream
from forwarder.sources import documents
from forwarder.sources.documents import begins_documents, read_documents, split
from forwarder.sources.lines import Stretch
from tests.builders import LOG_STREAM, OWNER, document

TEXTS = st.text(st.sampled_from('{}[]",\\:é a')) | st.sampled_from([json.dumps(document(["in one"])), "}{", '"}]}'])


def chunks_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def found_in(data: bytes, size: int = 7, position: int = 0) -> list[Stretch]:
    return list(read_documents(chunks_of(data, size), position, 0, lambda: None))


def lines_of(found: list[Stretch]) -> list[list[str]]:
    return [[line.message for line in stretch.lines] for stretch in found]


def encoded(*messages: str, log_group: str = "g", compact: bool = True) -> bytes:
    content = document(messages, log_group)
    return json.dumps(content, separators=(",", ":") if compact else None).encode()


@given(st.lists(st.lists(TEXTS, max_size=3), min_size=1, max_size=4), st.integers(1, 99), st.booleans())
def test_every_document_is_found(messages: list[list[str]], size: int, compact: bool) -> None:
    data = b"".join(encoded(*some, compact=compact) for some in messages)
    assert lines_of(found_in(data, size)) == messages


@given(st.lists(st.lists(TEXTS, max_size=3), min_size=1, max_size=4), st.integers(1, 99))
def test_reading_can_continue_at_any_position(messages: list[list[str]], size: int) -> None:
    data = b"\n".join(encoded(*some) for some in messages)
    found = found_in(data, size)
    for number, stretch in enumerate(found):
        assert lines_of(found_in(data[stretch.start :], size, stretch.start)) == messages[number:]
    assert found[-1].end == len(data)


def test_each_document_has_a_place_of_its_own() -> None:
    found = found_in(encoded("a", log_group="one") + encoded("b", log_group="two"))
    assert [stretch.place for stretch in found] == [LogStream(name, LOG_STREAM, OWNER) for name in ("one", "two")]


def test_a_control_message_is_filtered() -> None:
    control = json.dumps(document(["checking health"], messageType="CONTROL_MESSAGE")).encode()
    found = found_in(control + encoded("a"))
    assert [(stretch.filtered, lines_of([stretch])) for stretch in found] == [(1, [[]]), (0, [["a"]])]


@pytest.mark.parametrize("broken", [encoded("bad")[:-3], encoded("bad")[:-20], encoded("bad") + b"and more"])
def test_a_document_that_cannot_be_read_costs_only_itself(broken: bytes) -> None:
    before, bad, after = found_in(encoded("before") + broken + encoded("after"))
    assert lines_of([before, bad, after]) == [["before"], [], ["after"]]
    assert [(rejection.reason, rejection.pointer) for rejection in bad.rejected] == [
        ("a CloudWatch Logs document: its JSON is cut off or malformed", f"at byte {len(encoded('before'))}")
    ]


def test_a_bad_log_event_costs_only_itself() -> None:
    (found,) = found_in(json.dumps(document(logEvents=[{"message": 7}, {"message": "good"}])).encode())
    assert (lines_of([found]), [rejection.pointer for rejection in found.rejected]) == ([["good"]], ["log event 0"])


@pytest.mark.parametrize("size", [100, 100_000])
def test_a_document_that_is_too_large_is_rejected_and_not_held(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENT_BYTES", 200_000)
    data = encoded("x" * 5_000_000) + encoded("after")
    tracemalloc.start()
    large, after = found_in(data, size)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [rejection.reason for rejection in large.rejected] == [
        "a CloudWatch Logs document: it has over 200000 bytes"
    ]
    assert (lines_of([after]), after.start, most < 2_000_000) == ([["after"]], len(encoded("x" * 5_000_000)), True)


def test_the_deadline_is_checked_for_every_document() -> None:
    def check_deadline() -> None:
        raise OutOfTimeError

    with pytest.raises(OutOfTimeError):
        next(read_documents(iter([encoded("a")]), 0, 0, check_deadline))


@pytest.mark.parametrize("compact", [True, False])
def test_documents_are_recognised_by_how_they_begin(compact: bool) -> None:
    assert begins_documents(encoded("a", compact=compact))


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b'{"messageType":"DATA_MESSAGE","owner":"1","no":"events"}', b'{"a":1,' + encoded("a")[1:], b"x\n{}"],
)
def test_nothing_else_is_taken_for_documents(data: bytes) -> None:
    assert not begins_documents(data)


@given(st.lists(st.sampled_from([b"x", b"{", encoded("a"), encoded("a")[:30], b'{"messageType"'])), st.integers(1, 60))
def test_no_byte_is_lost_or_found_twice(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    found = list(split(chunks_of(data, size)))
    assert (b"".join(part for part, _ in found), sum(size for _, size in found)) == (data, len(data))
