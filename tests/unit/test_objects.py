"""Reading objects: every line, wherever reading is interrupted and continued."""

import gzip
import json
import tracemalloc
from collections.abc import Callable

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from forwarder.deadline import OUT_OF_TIME, Deadline
from forwarder.records import Continuation, Group, LogStream, Rejection, S3Object, Unread
from forwarder.sources.json_records import HEAD
from forwarder.sources.objects import MAX_FRUITLESS_REPLAYS, read, resume
from tests.builders import document
from tests.clocks import Expiring
from tests.fakes import FakeObjects
from tests.unit.objects import (
    DOCUMENTS,
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

LONG_AGO = Deadline.after(-1)
# How an object's bytes may be wrapped.
WRAPPINGS = st.sampled_from([bytes, gzip.compress, zstd.compress, lambda data: gzip.compress(gzip.compress(data))])
CONTENTS = st.lists(st.sampled_from([b"\n", b"\r", b"a", "é".encode(), b"START", b"\xe2", b"x" * 300])).map(b"".join)


# --- what is found -------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [TEXT, TEXT + b"\r\n", PACKED, zstd.compress(TEXT), gzip.compress(PACKED)])
def test_all_lines_are_found(data: bytes) -> None:
    assert messages(read(WANTED, 0, reading(holding(data)))) == LINES


def test_an_empty_object_holds_nothing() -> None:
    assert list(read(WANTED, 0, reading(holding(b"")))) == []


def test_all_groups_share_one_place() -> None:
    found = list(read(WANTED, 3, reading(holding(TEXT))))
    assert len(found) > 10
    assert {(id(group.place), group.record) for group in found if isinstance(group, Group)} == {(id(WANTED), 3)}


def test_a_document_of_records_is_one_log_a_record() -> None:
    found = messages(read(TRAIL, 0, reading(holding(gzip.compress(RECORDS)))))
    assert found[:2] == ['{"number": 0}', '{"number": 1}']
    assert len(found) == 3_000


@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
def test_what_an_application_prints_is_lines_even_if_it_begins_like_a_document_of_records(
    wrap: Callable[[bytes], bytes],
) -> None:
    lines = ['{"Records":[{"messageId":"1"}],"level":"info"}', "hello", '{"Records":[{"messageId":"2"}]}']
    objects = holding(wrap("\n".join(lines).encode()))
    assert messages(read(WANTED, 0, reading(objects))) == lines
    assert messages(resume(Continuation(WANTED, position=len(lines[0]) + 1), reading(objects))) == lines[1:]


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, lambda data: gzip.compress(gzip.compress(data))])
def test_documents_of_cloudwatch_logs_are_the_lines_of_their_log_groups(wrap: Callable[[bytes], bytes]) -> None:
    found = [group for group in read(WANTED, 3, reading(holding(wrap(DOCUMENTS)))) if isinstance(group, Group)]
    assert [messages([group])[0] for group in found] == [f"line {number}" for number in range(2_000)]
    places = {group.place.log_group for group in found if isinstance(group.place, LogStream)}
    assert (places, {group.record for group in found}) == ({f"group-{number}" for number in range(2_000)}, {3})


def test_documents_in_an_object_keep_their_extracted_fields() -> None:
    event = {"id": "1", "timestamp": 1, "message": "a", "extractedFields": {"level": "INFO"}}
    data = json.dumps(document(logEvents=[event]), separators=(",", ":")).encode()
    (group,) = read(WANTED, 0, reading(holding(data)))
    assert isinstance(group, Group)
    assert [group.extracted[id(line)] for line in group.lines] == ['{"level":"INFO"}']


@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
def test_continuing_in_documents_begins_with_one(wrap: Callable[[bytes], bytes]) -> None:
    source = reading(holding(wrap(DOCUMENTS)))
    found = list(read(WANTED, 0, source))
    (rest,) = rests(found[1_500:1_501])
    assert messages(resume(rest, source)) == messages(found[1_500:])


def test_other_json_is_a_line() -> None:
    digest = b'{"awsAccountId":"123456789012","logFiles":[{"hashValue":"0"}]}'
    assert messages(read(TRAIL, 0, reading(holding(gzip.compress(digest))))) == [digest.decode()]


@pytest.mark.parametrize("folder", ["vpcflowlogs", "VPCFlowLogs"])
def test_the_header_of_a_vpc_flow_log_is_filtered(folder: str) -> None:
    wanted = S3Object("logs", f"AWSLogs/123456789012/{folder}/eu-west-1/flow.log.gz")
    objects = FakeObjects({str(wanted): gzip.compress(b"version account-id\n2 123456789012\n")})
    (group,) = read(wanted, 0, reading(objects))
    assert (messages([group]), group.filtered) == (["2 123456789012"], 1)  # type: ignore[union-attr]  # it is a group


def test_a_multiline_pattern_joins_lines() -> None:
    objects = holding(b"2026 a\n  at b\n2026 c\n")
    assert messages(read(WANTED, 0, reading(objects, multiline=r"\d{4}"))) == ["2026 a\n  at b", "2026 c"]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"a\n2026 b\n  at c\n", ["a", "2026 b", "  at c"]),
        (b"\n\na\n2026 b\n  at c\n", ["a", "2026 b", "  at c"]),
        (b"\n2026 b\n  at c\n", ["2026 b\n  at c"]),
        (b"\xef\xbb\xbf2026 b\n  at c\n", ["2026 b\n  at c"]),
    ],
)
def test_a_multiline_pattern_is_for_objects_whose_first_line_matches(data: bytes, found: list[str]) -> None:
    assert messages(read(WANTED, 0, reading(holding(data), multiline=r"\d{4}"))) == found


def test_a_header_does_not_decide_whether_an_object_has_multi_line_logs() -> None:
    wanted = S3Object("logs", "AWSLogs/123456789012/vpcflowlogs/eu-west-1/flow.log")
    objects = FakeObjects({str(wanted): b"2026 header\na\n2026 b\n"})
    assert messages(read(wanted, 0, reading(objects, multiline=r"\d{4}"))) == ["a", "2026 b"]


@pytest.mark.parametrize("wrap", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_an_object_that_was_begun_by_line_is_continued_by_line(wrap: Callable[[bytes], bytes]) -> None:
    source = reading(holding(wrap(b"a\n" + b"2026 b\n  at c\n" * 1_000)), multiline=r"\d{4}")
    rest = rests(read(WANTED, 0, source))[1]
    assert rest.position > HEAD
    assert messages(resume(rest, source)) == ["a", *["2026 b", "  at c"] * 1_000][1_000:]


@given(CONTENTS, WRAPPINGS, st.integers(1, 50), st.sampled_from(["", "START"]), st.sampled_from([10, 400_000]))
def test_continuing_at_any_group_finds_the_same_lines(
    data: bytes, wrap: Callable[[bytes], bytes], chunk: int, multiline: str, size: int
) -> None:
    data *= size // max(len(data), 10) + 1
    objects = holding(wrap(data), chunk=max(chunk, len(data) // 10))
    source = reading(objects, multiline=multiline)
    found = list(read(WANTED, 0, source))
    for number in {0, len(found) // 2, len(found) - 1} if found else ():
        (rest,) = rests(found[number : number + 1])
        assert messages(resume(rest, source)) == messages(found[number:])


def test_continuing_in_a_document_of_records_finds_the_others() -> None:
    source = reading(holding(RECORDS))
    found = list(read(TRAIL, 0, source))
    (rest,) = rests(found[1:2])
    assert rest.position == 1_000
    assert messages(resume(rest, source)) == messages(found[1:])


def test_a_plain_object_is_opened_where_reading_continues() -> None:
    objects = holding(TEXT)
    rest = rests(read(WANTED, 0, reading(objects)))[-1]
    objects.opened.clear()
    messages(resume(rest, reading(objects)))
    assert objects.opened == [(PLACE, 0), (PLACE, rest.position)]


# --- the deadline --------------------------------------------------------------------------------


def test_out_of_time_before_anything_is_opened_leaves_all_of_it() -> None:
    objects = holding(TEXT)
    assert list(read(WANTED, 2, reading(objects, LONG_AGO))) == [Unread(2, OUT_OF_TIME, PLACE, Continuation(WANTED))]
    assert objects.opened == []


@pytest.mark.parametrize(
    ("wanted", "data"),
    [(WANTED, TEXT), (WANTED, PACKED), (TRAIL, RECORDS), (WANTED, TEXT.replace(b"\n", b" ")), (WANTED, DOCUMENTS)],
)
@pytest.mark.parametrize("multiline", ["", "line .*[05]$", "never"])
@pytest.mark.parametrize("looks", [2, 20, 50, 80, 15_000])
def test_what_was_not_read_in_time_is_read_later(wanted: S3Object, data: bytes, multiline: str, looks: int) -> None:
    objects = holding(data)
    found = list(read(wanted, 0, reading(objects, Expiring(looks), multiline)))
    if isinstance(unread := found[-1], Unread):
        assert unread.reason == OUT_OF_TIME
        assert unread.rest is not None
        found += resume(unread.rest, reading(objects, multiline=multiline))
    assert messages(found) == messages(read(wanted, 0, reading(objects, multiline=multiline)))


def test_the_deadline_is_checked_before_each_group() -> None:
    objects = holding(b"a\n" * 5_000)
    looks = 3  # before it is opened, at its only chunk, and before the first group
    *groups, unread = read(WANTED, 0, reading(objects, Expiring(looks)))
    assert len(messages(groups)) == 1_000
    assert isinstance(unread, Unread)
    assert unread.rest
    assert unread.rest.position == 2_000


def test_a_rest_without_progress_counts_the_attempt() -> None:
    objects = holding(PACKED)
    begin = rests(read(WANTED, 0, reading(objects)))[5]
    found = list(resume(begin, reading(objects, Expiring(2))))
    assert [unread.rest for unread in found if isinstance(unread, Unread)] == [
        Continuation(WANTED, begin.etag, begin.position, attempts=1)
    ]


def test_a_rest_with_progress_counts_from_the_start() -> None:
    objects = holding(PACKED)
    begin = rests(read(WANTED, 0, reading(objects)))[5]
    stuck = Continuation(WANTED, begin.etag, begin.position, attempts=2)
    assert [rest.attempts for rest in rests(resume(stuck, reading(objects)))][:3] == [3, 0, 0]


def test_what_makes_no_progress_is_rejected() -> None:
    objects = holding(TEXT)
    (rejection,) = resume(Continuation(WANTED, "", 7, MAX_FRUITLESS_REPLAYS), reading(objects))
    assert isinstance(rejection, Rejection)
    assert rejection.reason == (
        "reading on from position 7 made no progress in 3 replays: raise the function's timeout"
    )
    assert rejection.pointer == PLACE
    assert objects.opened == []


@pytest.mark.parametrize("unit", [b"x", b"a\n"])
def test_memory_does_not_grow_with_the_object(unit: bytes) -> None:
    most = []
    for size in (1_500_000, 3_000_000):
        objects = holding(gzip.compress(unit * (size // len(unit)), 1))
        tracemalloc.start()
        for _ in read(WANTED, 0, reading(objects)):
            pass
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < most[0] * 1.1 + 500_000
