"""Documents of records: each record unchanged, whatever is in it and however its bytes are chunked."""

import json
import tracemalloc
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder.errors import CorruptRecordError
from forwarder.records import MAX_LINE_BYTES
from forwarder.sources.json_records import HEAD, begins_records, read_records

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('"\\{}[],:é x'), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), max_size=5)
LAYOUTS = st.sampled_from([{"separators": (",", ":")}, {}, {"indent": 2}, {"ensure_ascii": False}])


def chunks_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def records_of(data: bytes, size: int = 7, position: int = 0) -> list[str]:
    return [line.message for stretch in read_records(chunks_of(data, size), position) for line in stretch.lines]


def found_before_the_end(data: bytes) -> tuple[list[str], str]:
    """Return the records of a document that is not in order, and what is said of it."""
    found: list[str] = []
    with pytest.raises(CorruptRecordError) as raised:  # noqa: PT012 - it is raised while records are being found
        for stretch in read_records(chunks_of(data, 7), 0):
            found += [line.message for line in stretch.lines]
    return found, str(raised.value)


@given(RECORDS, LAYOUTS, st.integers(1, 9))
def test_records_are_those_of_the_document(records: list[object], layout: dict[str, object], size: int) -> None:
    data = json.dumps({"Records": records, "more": [{"a": []}]}, **layout).encode()  # type: ignore[arg-type]  # a mix
    assert begins_records(data)
    assert [json.loads(text) for text in records_of(data, size)] == records


@given(RECORDS, st.integers(1, 9))
def test_a_record_is_the_text_that_it_is_in_the_file(records: list[object], size: int) -> None:
    texts = [json.dumps(record) for record in records]
    assert records_of(b'{"Records": [' + ", ".join(texts).encode() + b"]}", size) == texts


@given(RECORDS, st.data())
def test_positions_count_records(records: list[object], data: st.DataObject) -> None:
    document = json.dumps({"Records": records}).encode()
    position = data.draw(st.integers(0, len(records)))
    assert records_of(document, position=position) == records_of(document)[position:]


def test_a_record_that_was_printed_over_many_lines_is_one_line() -> None:
    assert records_of(b'{"Records": [\n  {\n    "a": 1.50,\r\n    "b": "\\n x"\n  }\n]}') == [
        '{"a": 1.50,"b": "\\n x"}'
    ]


@given(RECORDS, st.integers(1, 9))
def test_a_record_is_on_the_same_line_however_it_is_chunked(records: list[object], size: int) -> None:
    data = json.dumps({"Records": records}, indent="\r\n \n").encode()
    assert records_of(data, size) == records_of(data, len(data))


def test_numbers_stay_as_they_are() -> None:
    assert records_of(b'{"Records":[{"a":1.10e5,"b":123456789012345678901234567890}]}') == [
        '{"a":1.10e5,"b":123456789012345678901234567890}'
    ]


def test_documents_may_follow_one_another() -> None:
    assert records_of(b'{"Records":[{"a":1}]}\n{"x":{},"Records":[{"b":2}]}{"Records":[]}') == ['{"a":1}', '{"b":2}']


@pytest.mark.parametrize(
    ("data", "records", "said"),
    [
        (b'{"Records":[{"a":1},{"b":', ['{"a":1}'], "its JSON is cut off after 1 records"),
        (b'{"Records":[{"a":1}', ['{"a":1}'], "its JSON is cut off after 1 records"),
        (b'{"Records":[{"a":1}]} and so on', ['{"a":1}'], "its JSON is malformed after 1 records"),
        (b'{"Records":[{"a":1}]} and {"so":"on"}', ['{"a":1}'], "its JSON is malformed after 1 records"),
        (b'{"Records":[{"a":1}, 12, {"b":2}]}', ['{"a":1}'], "its JSON is malformed after 1 records"),
        (b'{"Records":[{"a":1}]}}', ['{"a":1}'], "its JSON is malformed after 1 records"),
        (b'{"Records":[{"a":1}]}{"b":2}', ['{"a":1}'], "its JSON is malformed after 1 records"),
        (b'{"Records":[{"a":1}, [{}]]}', ['{"a":1}'], "its JSON is malformed after 1 records"),
    ],
)
def test_what_is_not_in_order_is_reported_after_what_was_found(data: bytes, records: list[str], said: str) -> None:
    assert found_before_the_end(data) == (records, said)


@pytest.mark.parametrize(
    "data",
    [
        b'{"Records":[]}',
        b' \n{ "Records" : [ {',
        b'\xef\xbb\xbf{"Records":[{',
        b'{"version":1,"at":"{\\"[","ok":true,"Records":[{',
    ],
)
def test_a_document_of_records_is_recognised_by_how_it_begins(data: bytes) -> None:
    assert begins_records(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"a":"Records"', b'{"Records":[1]}', b'{"Records":{}}', b'{"a":{"Records":[{', b"\x1f"],
)
def test_nothing_else_is_taken_for_one(data: bytes) -> None:
    assert not begins_records(data)


def test_hostile_beginnings_are_recognised_quickly() -> None:
    assert not begins_records(b'{"a":1,' * (HEAD // 7))


def test_a_record_that_is_too_long_is_cut() -> None:
    long = b'{"Records":[{"a":"' + b"x" * (3 * MAX_LINE_BYTES) + b'"},{"b":1}]}'
    first, second = records_of(long, size=100_000)
    assert (len(first), second) == (MAX_LINE_BYTES, '{"b":1}')


@pytest.mark.parametrize(("values", "cut"), [(60_000, False), (300_000, True)])
def test_a_record_counts_as_cut_if_it_is_too_long_on_one_line(values: int, cut: bool) -> None:
    printed = json.dumps({"Records": [{"list": ["v"] * values}]}, indent=8).encode()
    assert len(printed) > MAX_LINE_BYTES
    (stretch,) = read_records(chunks_of(printed, 10_007), 0)
    assert stretch.cut == frozenset(id(line) for line in stretch.lines if cut)


@pytest.mark.parametrize("lead", range(4))
@pytest.mark.parametrize("size", [100_000, MAX_LINE_BYTES])
def test_a_record_that_is_too_long_is_cut_between_two_characters(lead: int, size: int) -> None:
    beginning = '{"a":"' + "x" * lead
    (record,) = records_of(f'{{"Records":[{beginning}{"😀" * MAX_LINE_BYTES}"}}]}}'.encode(), size=size)
    assert record == beginning + "😀" * ((MAX_LINE_BYTES - len(beginning)) // 4)


def test_what_cannot_be_decoded_in_a_record_is_replaced() -> None:
    assert records_of(b'{"Records":[{"a":"\xff\xe2\x82"}]}') == ['{"a":"\ufffd\ufffd"}']


@pytest.mark.parametrize("endless", [b'{"Records":[{"a":"', b'{"Records":[{"a":', b'{"Records":[', b"{"])
@pytest.mark.parametrize("unit", [b"x", b" "])
def test_memory_does_not_grow_with_the_document(endless: bytes, unit: bytes) -> None:
    def chunks() -> Iterator[bytes]:
        yield endless
        for _ in range(100):
            yield unit * 100_000

    tracemalloc.start()
    with pytest.raises(CorruptRecordError, match=r"^its JSON is cut off after 0 records$"):
        list(read_records(chunks(), 0))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3_000_000


def test_no_white_space_takes_long() -> None:
    (record,) = records_of(b'{"Records":[{\n' + b" " * 900_000 + b'"a":\n1' + b" " * 900_000 + b"}]}", size=100_000)
    assert record.startswith('{"a":1 ')


def test_absurd_nesting_is_a_record_like_any_other() -> None:
    nested = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    assert records_of(b'{"Records":[' + nested + b"]}", size=50_000) == [nested.decode()]


def test_a_stretch_says_which_records_are_in_it() -> None:
    document = b'{"Records":[' + b",".join([b"{}"] * 2_500) + b"]}"
    found = [(stretch.start, stretch.end) for stretch in read_records(iter([document]), 0)]
    assert found == [(0, 1_000), (1_000, 2_000), (2_000, 2_500)]


@given(st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b",", b'"Records":']), max_size=30).map(b"".join))
def test_any_invalid_bytes_are_only_corrupt(data: bytes) -> None:
    number = count()
    try:
        for _ in read_records(chunks_of(data, 3), 0):
            assert next(number) <= len(data)
    except CorruptRecordError:
        pass
