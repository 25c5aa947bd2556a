"""Kinesis records: what is a CloudWatch Logs document, what is text, and what can never be read."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from forwarder import sources
from forwarder.deadline import OUT_OF_TIME, Deadline
from forwarder.records import Found, Group, LogStream, Rejection, Sender, Unread
from forwarder.sources import awslogs
from tests.builders import FIRST_TIMESTAMP, LOG_STREAM, STREAM_ARN, document, far_deadline, kinesis_event, packed
from tests.clocks import Expiring
from tests.fakes import FakeObjects


def read(event: dict[str, Any], deadline: Deadline | None = None) -> list[Found]:
    return list(sources.read(event, sources.Reading(FakeObjects(), deadline or far_deadline())))


def only(event: dict[str, Any]) -> Any:
    """Return the one thing that is found in an event."""
    (found,) = read(event)
    return found


def messages_of(group: Any) -> list[str]:
    return [line.message for line in group.lines]


def messages(payload: bytes) -> list[str]:
    return messages_of(only(kinesis_event(payload)))


# --- documents of CloudWatch Logs ----------------------------------------------------------------


def test_a_bad_log_event_in_a_document_costs_only_itself() -> None:
    events = [{"message": "good"}, {"message": 1}]
    group = only(kinesis_event(packed(document(logEvents=events))))
    assert [line.message for line in group.lines] == ["good"]
    assert [rejection.pointer for rejection in group.rejected] == ["log event 1"]


@pytest.mark.parametrize(
    "text",
    [
        '{"logEvents": "sesame", "logGroup": "g"}',
        '{"logEvents": [], "logGroup"',
        '{"inner": {"logEvents": [], "logGroup": "g"}}',
        '["logEvents", "logGroup"]',
        '{"logEvents": []}',
    ],
)
def test_what_only_resembles_a_document_is_text(text: str) -> None:
    assert messages(text.encode()) == [text]


def test_a_document_keeps_its_place_not_that_of_the_stream() -> None:
    assert only(kinesis_event(packed(document(["a"], "g", "s")))).place == LogStream("g", "s", "123456789012")


GZIPPED = {
    "two documents": lambda first, second: gzip.compress(first + second),
    "two members": lambda first, second: gzip.compress(first) + gzip.compress(second),
    "twice": lambda first, second: gzip.compress(gzip.compress(first) + gzip.compress(second)),
    "not at all": lambda first, second: first + b"\n" + second,
}


@pytest.mark.parametrize("wrap", GZIPPED.values(), ids=GZIPPED)
def test_a_record_may_hold_several_documents(wrap: Callable[[bytes, bytes], bytes]) -> None:
    first, second = (json.dumps(document([name], name)).encode() for name in ("a", "b"))
    found = [group for group in read(kinesis_event(wrap(first, second))) if isinstance(group, Group)]
    assert [str(group.place) for group in found] == [f"a {LOG_STREAM}", f"b {LOG_STREAM}"]
    assert [messages_of(group) for group in found] == [["a"], ["b"]]


def test_a_document_that_was_gzipped_twice_is_one() -> None:
    assert messages(gzip.compress(packed(document(["a"])))) == ["a"]


# --- text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "lines", "filtered"),
    [
        (b"", [], 0),
        (b"a", ["a"], 0),
        (b"a\n", ["a"], 0),
        (b"a\r\n", ["a"], 0),
        (b"\n", [], 1),
        (b"a\n\nb", ["a", "b"], 1),
        (b"a\n\r\nb", ["a", "b"], 1),
        ("a\u2028b\x0bc\x0cd\x85e".encode(), ["a\u2028b\x0bc\x0cd\x85e"], 0),
        (b"caf\xe9", ["caf\ufffd"], 0),
        (b" a ", [" a "], 0),
    ],
)
def test_lines_end_in_one_of_three_ways_and_empty_ones_are_filtered(
    payload: bytes, lines: list[str], filtered: int
) -> None:
    groups = [found for found in read(kinesis_event(payload)) if isinstance(found, Group)]
    assert [line.message for group in groups for line in group.lines] == lines
    assert sum(group.filtered for group in groups) == filtered


@pytest.mark.parametrize("line", [b"a\n", b"a\r", b"a\r\n", b"abcd\r\n"])
def test_text_comes_some_thousand_whole_lines_at_a_time(line: bytes) -> None:
    groups = [found for found in read(kinesis_event(gzip.compress(line * 30_000))) if isinstance(found, Group)]
    assert max(len(group.lines) for group in groups) < 10_000
    assert [line.message for group in groups for line in group.lines] == [line.decode().strip()] * 30_000
    assert sum(group.filtered for group in groups) == 0


def test_the_deadline_is_checked_before_each_group_of_lines() -> None:
    looks = 2  # before the record is begun, and before its first group
    group, unread = read(kinesis_event(gzip.compress(b"a\n" * 30_000)), Expiring(looks))
    assert isinstance(group, Group)
    assert unread == Unread(0, OUT_OF_TIME, STREAM_ARN)


def test_lines_of_text_have_the_stream_for_a_place_and_the_time_of_their_arrival() -> None:
    group = only(kinesis_event(b"a"))
    assert isinstance(group, Group)
    assert group.place == Sender("kinesis", STREAM_ARN)
    assert (group.lines[0].timestamp, group.lines[0].id) == (FIRST_TIMESTAMP, "")


@pytest.mark.parametrize("arrival", [None, "7", -1, 0, 1e300, float("nan"), float("inf"), []])
def test_a_time_that_is_none_is_left_out(arrival: object) -> None:
    event: Any = kinesis_event(b"a")
    event["Records"][0]["kinesis"]["approximateArrivalTimestamp"] = arrival
    assert only(event).lines[0].timestamp is None


def test_a_stream_without_a_name_costs_no_line() -> None:
    event: Any = kinesis_event(b"a")
    event["Records"][0]["eventSourceARN"] = 7
    assert only(event).place == Sender("kinesis")


# --- what can never be read ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (gzip.compress(b"sesame" * 1000)[:-12], "its gzip is cut off"),
        (gzip.compress(b"sesame")[:-8] + b"\0" * 8, "its gzip is corrupt"),
        (b"\x1f\x8b", "its gzip is cut off"),
    ],
)
def test_broken_gzip_is_rejected_with_a_pointer_to_the_record(payload: bytes, reason: str) -> None:
    event = kinesis_event(payload)
    rejection = only(event)
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.pointer) == (reason, "kinesis record 0 0")
    assert {"Records": [json.loads(rejection.raw)]} == event


def test_a_gzip_bomb_is_refused_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awslogs, "MAX_DOCUMENT_BYTES", 1_000_000)
    assert only(kinesis_event(gzip.compress(b" " * 1_000_001))).reason == "it inflates to over 1000000 bytes"
