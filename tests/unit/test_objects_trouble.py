"""Reading objects: what is reported where reading ends, and that nothing before is affected."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from forwarder.deadline import OUT_OF_TIME, Deadline
from forwarder.errors import ChangedError, CorruptRecordError, GoneError, ReadError
from forwarder.records import Continuation, Found, Group, Rejection, S3Object, Unread
from forwarder.sources import objects as objects_module
from forwarder.sources.objects import BLOCK, MAX_REOPENS, read, resume
from forwarder.sources.reading import OpenObject, Reading
from tests.fakes import FakeObjects
from tests.unit.objects import (
    LINES,
    PACKED,
    PLACE,
    RECORDS,
    TEXT,
    TRAIL,
    WANTED,
    holding,
    messages,
    reading,
    rests,
)

# --- failures -------------------------------------------------------------------------------------


def test_an_object_that_is_gone_is_rejected() -> None:
    (found,) = read(WANTED, 0, reading(FakeObjects()))
    assert found == Rejection("the object is gone: NoSuchKey", PLACE)


def test_an_object_that_cannot_be_opened_is_left_to_its_sender() -> None:
    objects = holding(TEXT, refusals=[ReadError("AccessDenied")])
    (found,) = read(WANTED, 4, reading(objects))
    assert found == Unread(4, "AccessDenied", PLACE)


def test_an_object_that_cannot_be_opened_again_keeps_its_attempts() -> None:
    objects = holding(TEXT, refusals=[ReadError("SlowDown")])
    (found,) = resume(Continuation(WANTED, "", 700, attempts=2), reading(objects))
    assert found == Unread(0, "SlowDown", PLACE)


@pytest.mark.parametrize("data", [TEXT, PACKED])
def test_a_broken_connection_is_resumed_where_it_broke(data: bytes) -> None:
    breaks = [1_000, 50_000, 70_000][:MAX_REOPENS]
    objects = holding(data, chunk=30_000, breaks=set(breaks))
    assert messages(read(WANTED, 0, reading(objects))) == LINES
    assert objects.opened == [(PLACE, start) for start in (0, *breaks)]


def test_a_connection_that_breaks_once_too_often_leaves_the_rest() -> None:
    objects = holding(PACKED, chunk=1_000, breaks={50_000, 50_001, 50_002, 60_000})
    found = list(read(WANTED, 0, reading(objects)))
    unread = found[-1]
    assert isinstance(unread, Unread)
    assert unread.reason == "ConnectionResetError"
    assert unread.rest is not None
    assert unread.rest.position > 0
    assert messages(found) + messages(resume(unread.rest, reading(objects))) == LINES


def test_a_failure_to_reopen_it_counts_as_a_break() -> None:
    objects = holding(TEXT, breaks={300_000})
    found: list[Found] = []
    for group in read(WANTED, 0, reading(objects)):
        found.append(group)
        if len(objects.opened) == 1:
            objects.refusals = [ReadError("SlowDown")]
    assert messages(found) == LINES
    assert objects.opened == [(PLACE, 0), (PLACE, 300_000), (PLACE, 300_000)]


def test_an_object_that_changes_while_it_is_read_is_read_again() -> None:
    objects = holding(TEXT, breaks={300_000})
    found: list[Found] = []
    for group in read(WANTED, 1, reading(objects)):
        found.append(group)
        objects.objects = {PLACE: b"new\n"}
    assert found[-1] == Unread(1, "the object changed while it was read", PLACE, Continuation(WANTED))
    assert len(messages(found)) > 1_000


def test_an_object_that_has_changed_since_is_read_from_its_beginning() -> None:
    rest = rests(read(WANTED, 0, reading(holding(TEXT))))[3]
    assert messages(resume(rest, reading(holding(b"new\nlines\n")))) == ["new", "lines"]


def test_starting_over_keeps_the_attempts_until_something_is_read() -> None:
    old = Continuation(WANTED, "another etag", 500, attempts=1)
    first, second, *_ = rests(resume(old, reading(holding(TEXT))))
    assert (first.position, first.attempts) == (0, 2)
    assert second.attempts == 0


def test_an_object_that_goes_away_while_it_is_read_is_delivered_as_far_as_it_was_read() -> None:
    objects = holding(TEXT, breaks={300_000})
    found: list[Found] = []
    for group in read(WANTED, 0, reading(objects)):
        found.append(group)
        objects.refusals = [GoneError("NoSuchKey")]
    assert found[-1] == Rejection("the object is gone: NoSuchKey", PLACE)
    assert "\n".join(messages(found)).encode() == TEXT[:300_000]


def test_a_change_that_is_seen_nowhere_ends_the_reading_all_the_same() -> None:
    objects = holding(TEXT, refusals=[ChangedError("it has changed"), ChangedError("it has changed")])
    (found,) = resume(Continuation(WANTED, "old", 5), reading(objects))
    assert found == Unread(0, "the object changed while it was read", PLACE, Continuation(WANTED, attempts=1))


# --- damage --------------------------------------------------------------------------------------


def test_what_stands_before_the_cut_is_delivered_up_to_the_last_byte() -> None:
    *groups, rejection = read(WANTED, 0, reading(holding(PACKED[:-9])))
    found = "\n".join(messages(groups)).encode()
    assert TEXT.startswith(found)
    assert rejection == Rejection(f"its gzip is cut off after {len(found)} bytes", PLACE)


def test_corrupt_bytes_affect_only_what_comes_after_them() -> None:
    corrupt = gzip.compress(TEXT[:100_000]) + b"\x1f\x8b\xff" + bytes(100)
    *groups, rejection = read(WANTED, 0, reading(holding(corrupt)))
    assert "\n".join(messages(groups)).encode() == TEXT[:100_000]
    assert rejection == Rejection("its gzip is corrupt after 100000 bytes", PLACE)


def test_what_only_looks_like_gzip_is_rejected() -> None:
    (found,) = read(WANTED, 0, reading(holding(b"\x1f\x8b and no more gzip than that")))
    assert found == Rejection("its gzip is corrupt after 0 bytes", PLACE)


def test_what_is_compressed_three_times_is_rejected() -> None:
    (found,) = read(WANTED, 0, reading(holding(gzip.compress(gzip.compress(PACKED)))))
    assert found == Rejection("it is compressed more than 2 times", PLACE)


def test_a_cut_off_file_of_records_is_reported_as_corrupt_gzip() -> None:
    *groups, rejection = read(TRAIL, 0, reading(holding(gzip.compress(RECORDS, 1)[:-3000])))
    assert len(messages(groups)) > 1_000
    assert isinstance(rejection, Rejection)
    assert rejection.reason.startswith("its gzip is cut off after")


def test_malformed_records_are_rejected_after_those_before_them() -> None:
    found = list(read(TRAIL, 0, reading(holding(b'{"Records":[{"a":1}, nonsense, {"b":2}]}'))))
    assert messages(found) == ['{"a":1}']
    assert found[-1] == Rejection("its JSON is malformed after 1 records", str(TRAIL))


# --- what does not answer ------------------------------------------------------------------------


class StuckObjects:
    """Objects of which one step hangs until the end of the test: opening them, or reading behind their first bytes."""

    def __init__(self, data: bytes, at: str) -> None:
        self.freed, self.closed = threading.Event(), threading.Event()
        self._data = data
        self._at = at

    @contextmanager
    def open(self, wanted: S3Object, *, etag: str = "", start: int = 0) -> Iterator[OpenObject]:  # noqa: ARG002 - as in Objects
        if self._at == "opening":
            self.freed.wait(20)
        try:
            yield OpenObject("etag", self._chunks())
        finally:
            self.closed.set()

    def _chunks(self) -> Iterator[bytes]:
        yield self._data
        self.freed.wait(20)


@pytest.mark.parametrize(("at", "seconds", "lines"), [("opening", 0.05, []), ("reading", 1.0, ["first"])])
def test_what_does_not_answer_is_waited_for_until_the_deadline_only(at: str, seconds: float, lines: list[str]) -> None:
    objects = StuckObjects(b"first\n" + b"x" * BLOCK, at)
    found = list(read(WANTED, 0, Reading(objects, Deadline.after(seconds))))
    was_waited_for = objects.closed.is_set()
    objects.freed.set()
    assert not was_waited_for
    assert messages(found) == lines
    assert isinstance(found[-1], Unread)
    assert found[-1].reason == OUT_OF_TIME


def test_what_comes_slowly_is_yielded_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_module, "MAX_WAIT_SECONDS", -1.0)
    found = list(read(WANTED, 0, reading(holding(b"a\n" * 10_000, chunk=5_000))))
    assert sum(isinstance(one, Group) for one in found) == 12  # 2,500 lines in each chunk, 1,000 in a group


def test_what_was_abandoned_is_closed_once_it_responds() -> None:
    objects = StuckObjects(b"", "opening")
    list(read(WANTED, 0, Reading(objects, Deadline.after(0.05))))
    objects.freed.set()
    assert objects.closed.wait(10)


def test_an_object_that_can_never_be_read_is_rejected_with_the_reason() -> None:
    objects = holding(TEXT, refusals=[CorruptRecordError("the object cannot be read: InvalidObjectState")])
    (found,) = read(WANTED, 4, reading(objects))
    assert found == Rejection("the object cannot be read: InvalidObjectState", PLACE)
