"""Lines: the same ones however an object's bytes are cut into chunks."""

from collections.abc import Iterator

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from forwarder.errors import OutOfTimeError
from forwarder.records import MAX_LINE_BYTES
from forwarder.searches import SearchBudget
from forwarder.sources.lines import LINES, MAX_LOG_BYTES, Beginnings, Stretch, read_lines, read_logs
from tests.builders import far_deadline

ENDS = regex.compile(rb"\r\n|\r|\n")
# Bytes among which there are ends of lines, parts of characters, and what `str.splitlines` takes for an end.
BYTES = st.lists(
    st.sampled_from([b"\n", b"\r", b"a", b"START", "é\u2028\x85\x0b".encode(), b"\xe2", b"\x82"])
    | st.binary(max_size=4)
).map(b"".join)


def chunks_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def messages(found: Iterator[Stretch]) -> list[str]:
    return [line.message for stretch in found for line in stretch.lines]


def cut(found: Iterator[Stretch]) -> list[str]:
    """Return the messages of which only the beginning was kept."""
    return [line.message for stretch in found for line in stretch.lines if id(line) in stretch.cut]


def lines_of(data: bytes, size: int = 7) -> list[str]:
    return messages(read_lines(chunks_of(data, size), 0))


def beginnings(pattern: str) -> Beginnings:
    return Beginnings(regex.compile(pattern), SearchBudget(far_deadline(), 1), lambda: None, lambda _: None)


def logs_of(data: bytes, pattern: str = "START", size: int = 7) -> list[str]:
    begins = beginnings(pattern)
    return messages(read_logs(chunks_of(data, size), 0, begins))


@given(BYTES, st.integers(1, 9))
def test_lines_end_in_line_feeds_and_carriage_returns_only(data: bytes, size: int) -> None:
    texts = [line.decode("utf-8", "replace") for line in ENDS.split(data.removeprefix("\ufeff".encode()))]
    assert lines_of(data, size) == [text for text in texts if text]


@given(BYTES, st.integers(1, 9))
def test_positions_are_where_lines_begin_in_the_object(data: bytes, size: int) -> None:
    for stretch in read_lines(chunks_of(data, size), 0):
        again = read_lines(chunks_of(data[stretch.start : stretch.end], size), stretch.start)
        assert messages(again) == [line.message for line in stretch.lines]


@given(BYTES, st.integers(1, 9))
def test_every_line_that_is_not_found_is_counted(data: bytes, size: int) -> None:
    found = list(read_lines(chunks_of(data, size), 0))
    assert sum(len(stretch.lines) + stretch.filtered for stretch in found) == len(data.splitlines())


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_line_feed_in_the_next_chunk_belongs_to_the_carriage_return_before_it(size: int) -> None:
    found = list(read_lines(chunks_of(b"a\r\nb\r\r\nc\r", size), 0))
    assert messages(iter(found)) == ["a", "b", "c"]
    assert sum(stretch.filtered for stretch in found) == 1


def test_a_character_may_come_in_parts() -> None:
    assert lines_of("für\n日本\n".encode(), size=1) == ["für", "日本"]


def test_what_cannot_be_decoded_is_replaced() -> None:
    assert lines_of(b"a\xff\xfeb\n\xe2\x82\n") == ["a\ufffd\ufffdb", "\ufffd"]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert lines_of(b"\xef\xbb\xbfa\n\xef\xbb\xbfb", size=1) == ["a", "\ufeffb"]


def test_a_header_is_counted_and_left_out() -> None:
    found = list(read_lines(chunks_of(b"version account\n2 12\n", 5), 0, header=True))
    assert messages(iter(found)) == ["2 12"]
    assert sum(stretch.filtered for stretch in found) == 1


def test_an_object_that_is_continued_has_no_header() -> None:
    assert messages(read_lines(iter([b"2 12\n"]), 16, header=True)) == ["2 12"]


def test_a_stretch_holds_a_thousand_lines_at_most() -> None:
    found = list(read_lines(iter([b"a\n" * 2_500]), 0))
    assert [(len(stretch.lines), stretch.start) for stretch in found] == [(LINES, 0), (LINES, 2_000), (500, 4_000)]


@pytest.mark.parametrize("size", [64 * 1024, MAX_LINE_BYTES + 1, 10 * MAX_LINE_BYTES])
def test_the_rest_of_a_line_that_is_too_long_is_discarded(size: int) -> None:
    data = b"short\n" + b"x" * (3 * MAX_LINE_BYTES) + b"end\nlast\n"
    found = list(read_lines(chunks_of(data, size), 0))
    assert messages(iter(found)) == ["short", "x" * MAX_LINE_BYTES, "last"]
    assert found[-1].end == len(data)


@pytest.mark.parametrize("lead", range(4))
@pytest.mark.parametrize("character", ["é", "日", "😀"])
def test_a_line_that_is_too_long_is_cut_between_two_characters(character: str, lead: int) -> None:
    (line,) = lines_of(b"x" * lead + character.encode() * MAX_LINE_BYTES, size=1_000_000)
    assert line == "x" * lead + character * ((MAX_LINE_BYTES - lead) // len(character.encode()))


def test_what_cannot_be_decoded_in_a_line_that_is_cut_is_replaced() -> None:
    (line,) = lines_of(b"a\xff" + b"x" * MAX_LINE_BYTES, size=1_000_000)
    assert line == "a\ufffd" + "x" * (MAX_LINE_BYTES - 2)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_only_a_line_that_has_lost_something_counts_as_cut(end: bytes) -> None:
    data = b"\xef\xbb\xbf" + b"x" * MAX_LINE_BYTES + end + (b"y" * (MAX_LINE_BYTES + 1) + end if end else b"")
    assert cut(read_lines(chunks_of(data, 100_000), 0)) == (["y" * MAX_LINE_BYTES] if end else [])


def test_memory_does_not_grow_with_a_line() -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield bytes(1_000_000)

    (line,) = messages(read_lines(endless(), 0))
    assert len(line) == MAX_LINE_BYTES


# --- logs of several lines -----------------------------------------------------------------------


def test_a_line_that_matches_begins_a_log() -> None:
    assert logs_of(b"START a\n  at b\n\n  at c\r\nSTART d\n") == ["START a\n  at b\n\n  at c", "START d"]


def test_lines_before_the_first_match_are_a_log_of_their_own() -> None:
    assert logs_of(b"left over\nfrom before\nSTART a\n") == ["left over\nfrom before", "START a"]


def test_a_pattern_matches_at_the_beginning_of_a_line_only() -> None:
    assert logs_of(b"START a\nnot a START\n") == ["START a\nnot a START"]


def test_a_log_that_is_too_long_continues_in_the_next_one() -> None:
    lines = ["START", *(f"line {number}" for number in range(200_000))]
    logs = logs_of("\n".join(lines).encode(), size=100_000)
    assert (len(logs), "\n".join(logs).split("\n")) == (3, lines)
    assert max(map(len, logs)) <= MAX_LOG_BYTES


@given(BYTES, st.integers(1, 9))
def test_no_line_is_lost_in_logs_however_short_they_have_to_be(data: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("forwarder.sources.lines.MAX_LOG_BYTES", 12)
        logs = logs_of(data, size=size)
    assert [line for log in logs for line in log.split("\n") if line] == lines_of(data)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (b"x" * MAX_LINE_BYTES + b"\n" * 9, None),
        (b"x" * (MAX_LINE_BYTES + 1) + b"\n", "x" * MAX_LINE_BYTES),
        (b"x" * 2 * MAX_LINE_BYTES + b"\ntail\n", "x" * MAX_LINE_BYTES),
        (b"\n" * MAX_LINE_BYTES + b"tail\n", None),
    ],
)
def test_only_a_log_that_has_lost_something_counts_as_cut(rest: bytes, message: str | None) -> None:
    data = b"START\n" + rest + b"START b\n"
    found = read_logs(chunks_of(data, 100_000), 0, beginnings("START"))
    assert cut(found) == ([] if message is None else [message])


def test_empty_lines_before_a_log_leave_it_whole() -> None:
    assert logs_of(b"\n" * MAX_LINE_BYTES + b"left over\nSTART a\n", size=100_000) == ["left over", "START a"]


@given(BYTES, st.integers(1, 9))
def test_logs_are_the_same_however_they_are_chunked(data: bytes, size: int) -> None:
    assert logs_of(data, size=size) == logs_of(data, size=len(data) + 1)


@given(BYTES, st.integers(1, 9))
def test_the_position_of_a_log_is_that_of_its_first_line(data: bytes, size: int) -> None:
    begins = beginnings("START")
    found = list(read_logs(chunks_of(data, size), 0, begins))
    for stretch in found:
        again = messages(read_logs(chunks_of(data[stretch.start :], size), stretch.start, begins))
        assert again == [line.message for other in found for line in other.lines if other.start >= stretch.start]


def test_a_pattern_that_exceeds_its_limit_begins_no_log() -> None:
    begins = beginnings(r"(a|aa)+$")
    assert not begins("a" * 60 + "b")  # which takes longer than anybody has


def test_the_deadline_is_checked_for_every_line() -> None:
    def check_deadline() -> None:
        raise OutOfTimeError

    with pytest.raises(OutOfTimeError):
        Beginnings(regex.compile("a"), SearchBudget(far_deadline(), 1), check_deadline, lambda _: None)("a")
