"""Decoding of printed spans: exactly, or as far as possible."""

import base64
import json
from typing import Any

import msgspec
import pytest

from forwarder.traces.decoding import spans_of
from forwarder.traces.spans import Attribute, Span, SpanEvent, SpanLink

START = 1_795_343_071_433_991_342
PRINTED: dict[str, Any] = {
    "trace_id": "724167B417ABE8A0",
    "parent_id": "0000000000000000",
    "span_id": "A78A2F958A5C5471",
    "service": "orders-api",
    "resource": "GET /orders",
    "name": "web.request",
    "error": 0,
    "start": START,
    "duration": 819_283,
    "meta": {"language": "python"},
    "metrics": {"_dd.top_level": 1},
    "type": "web",
}
MEANT = Span(
    trace_id=0x724167B417ABE8A0,
    span_id=0xA78A2F958A5C5471,
    service="orders-api",
    resource="GET /orders",
    name="web.request",
    start=START,
    duration=819_283,
    meta={"language": "python"},
    metrics={"_dd.top_level": 1.0},
    type="web",
)
LINE_TIME = 1_795_343_072_000_000_000
ODD: dict[str, Any] = {"error": False}  # makes a span go through the lenient decoder, and changes nothing


def printed(*spans: object) -> str:
    return json.dumps({"traces": [list(spans)]})


def decoded(**members: object) -> Span:
    """Decode the span with some members replaced."""
    spans, broken = spans_of(printed({**PRINTED, **members}), LINE_TIME)
    assert broken == 0
    (span,) = spans
    return span


def without(name: str) -> Span:
    (span,), _ = spans_of(printed({key: value for key, value in PRINTED.items() if key != name}), LINE_TIME)
    return span


# --- the expected format -------------------------------------------------------------------------


@pytest.mark.parametrize("members", [{}, ODD], ids=["fast", "lenient"])
def test_a_span_is_read_field_by_field(members: dict[str, Any]) -> None:
    assert decoded(**members) == MEANT


def test_all_traces_of_a_line_are_read() -> None:
    line = json.dumps({"traces": [[PRINTED, PRINTED], [], [PRINTED]]})
    assert spans_of(line, LINE_TIME) == ([MEANT] * 3, 0)


def test_further_members_are_ignored() -> None:
    assert decoded(further={"nested": [1, None]}) == MEANT


def test_a_repr_shows_ids_and_nothing_of_the_span() -> None:
    assert repr(MEANT) == "Span(span a78a2f958a5c5471 of trace 724167b417abe8a0)"


# --- ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A78A2F958A5C5471", 0xA78A2F958A5C5471),
        ("a78a2f958a5c5471", 0xA78A2F958A5C5471),
        ("1f", 0x1F),
        ("ffffffffffffffff", 2**64 - 1),
        ("0000000000000000a78a2f958a5c5471", 0xA78A2F958A5C5471),
        ("ff" * 20 + "00000000000000ab", 0xAB),
        (" 1F\n", 0x1F),
        (31, 31),
        (2**63 + 5, 2**63 + 5),
        (2**64 - 1, 2**64 - 1),
        (31.0, 31),
    ],
)
def test_an_id_is_hex_or_a_number(text: object, number: int) -> None:
    assert decoded(span_id=text).span_id == number


@pytest.mark.parametrize(
    "value",
    ["", "0", "0000000000000000", "xyz", "-5", "+5", "1_0", "12 34", "²", 0, -1, 1.5, 1e300, True, None, [], {}, ["1"]],
)
@pytest.mark.parametrize("name", ["trace_id", "span_id"])
def test_a_span_without_a_usable_id_is_broken_and_affects_no_other(name: str, value: object) -> None:
    assert spans_of(printed(PRINTED, {**PRINTED, name: value}), LINE_TIME) == ([MEANT], 1)


@pytest.mark.parametrize("name", ["trace_id", "span_id"])
def test_a_span_that_lacks_an_id_is_broken(name: str) -> None:
    lacking = {key: value for key, value in PRINTED.items() if key != name}
    assert spans_of(printed(lacking, PRINTED), LINE_TIME) == ([MEANT], 1)


@pytest.mark.parametrize("thing", [None, 7, "span", [], ["trace_id"], True])
def test_anything_but_an_object_is_a_broken_span(thing: object) -> None:
    assert spans_of(printed(thing, PRINTED), LINE_TIME) == ([MEANT], 1)


@pytest.mark.parametrize("members", [{}, ODD], ids=["fast", "lenient"])
def test_the_high_half_of_a_long_trace_id_is_put_into_a_tag(members: dict[str, Any]) -> None:
    span = decoded(trace_id="6b02c2df00000000724167b417abe8a0", **members)
    assert (span.trace_id, span.meta["_dd.p.tid"]) == (MEANT.trace_id, "6b02c2df00000000")


@pytest.mark.parametrize("members", [{}, ODD], ids=["fast", "lenient"])
def test_a_high_half_set_by_the_library_is_kept(members: dict[str, Any]) -> None:
    span = decoded(trace_id="1" * 32, meta={"_dd.p.tid": "6b02c2df00000000"}, **members)
    assert span.meta["_dd.p.tid"] == "6b02c2df00000000"


@pytest.mark.parametrize("parent", ["0", "", "no hex", None, -1, [], PRINTED["span_id"]])
def test_a_span_whose_parent_is_missing_or_itself_is_a_root(parent: object) -> None:
    assert decoded(parent_id=parent).parent_id == 0


def test_a_span_without_a_parent_is_a_root() -> None:
    assert without("parent_id").parent_id == 0


# --- times and errors ----------------------------------------------------------------------------


@pytest.mark.parametrize("start", [1_795_343_071.5e9, "1795343071500000000"])
def test_a_start_may_be_a_float_or_a_string(start: object) -> None:
    assert decoded(start=start).start == 1_795_343_071_500_000_000


@pytest.mark.parametrize("start", [-5, 0, 2**63, 10**400, float("nan"), float("inf"), "now", None, []])
def test_a_span_without_a_usable_start_ended_when_its_line_was_printed(start: object) -> None:
    assert decoded(start=start).start == LINE_TIME - MEANT.duration


@pytest.mark.parametrize(
    ("duration", "expected"),
    [(1.9, 1), ("7", 7), (True, 1), (-1, 0), (-(2**63), 0), (2**63, 0), (float("nan"), 0), (None, 0), ("long", 0)],
)
def test_a_duration_is_a_whole_number_and_not_negative(duration: object, expected: int) -> None:
    assert decoded(duration=duration).duration == expected


@pytest.mark.parametrize(
    ("error", "expected"), [(0, 0), (1, 1), (7, 1), (True, 1), (False, 0), (None, 0), ("0", 0), ("1", 1), (1.0, 1)]
)
def test_an_error_is_0_or_1(error: object, expected: int) -> None:
    assert decoded(error=error).error == expected


# --- strings, tags and numbers -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["service", "name", "resource", "type"])
def test_a_string_may_be_missing_null_or_a_number(name: str) -> None:
    values = (getattr(without(name), name), getattr(decoded(**{name: None}), name), getattr(decoded(**{name: 7}), name))
    assert values == ("", "", "7")


def test_tags_that_are_not_strings_become_strings() -> None:
    meta = {"count": 7, "rate": 0.5, "ok": True, "nothing": None, "list": [1, "a"]}
    assert decoded(meta=meta).meta == {"count": "7", "rate": "0.5", "ok": "true", "list": '[1, "a"]'}


def test_metrics_that_are_printed_as_strings_are_numbers() -> None:
    assert decoded(metrics={"a": "1.5", "b": True, "c": None, "d": 2}).metrics == {"a": 1.5, "b": 1.0, "d": 2.0}


def test_a_metric_that_is_not_a_number_becomes_a_tag() -> None:
    span = decoded(metrics={"state": "ready"})
    assert (span.metrics, span.meta["state"]) == ({}, "ready")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400])
def test_a_metric_that_is_not_finite_is_left_out(value: float) -> None:
    assert decoded(metrics={"rate": value, "a": 1}).metrics == {"a": 1.0}


@pytest.mark.parametrize("tags", [None, [], "text", 7])
@pytest.mark.parametrize("name", ["meta", "metrics"])
def test_tags_that_are_not_an_object_are_ignored(name: str, tags: object) -> None:
    assert getattr(decoded(**{name: tags}), name) == {}


def test_a_lone_surrogate_is_replaced() -> None:
    span = decoded(resource="caf\ud83d", meta={"a\udc00": "\ud83d\ude00 b\ud800"})
    assert (span.resource, span.meta) == ("caf\ufffd", {"a\ufffd": "\U0001f600 b\ufffd"})


@pytest.mark.parametrize("depth", [900, 980, 100_000])
@pytest.mark.parametrize("place", ["meta", "metrics", "span_links", "further"])
def test_deep_nesting_loses_at_most_its_own_span(place: str, depth: int) -> None:
    odd = {**PRINTED, place: {"deep": "HERE"}, "note": '"]}\\'}
    line = printed(PRINTED, odd, PRINTED).replace('"HERE"', "[" * depth + "]" * depth)
    spans, broken = spans_of(line, LINE_TIME)
    assert len(spans) + broken == 3
    assert spans[:1] + spans[-1:] == [MEANT, MEANT]


@pytest.mark.parametrize("digits", [4_300, 4_301, 50_000])
@pytest.mark.parametrize("name", ["duration", "further"])
def test_a_number_of_any_length_loses_no_other_span(name: str, digits: int) -> None:
    line = printed(PRINTED, {**PRINTED, name: "HERE"}).replace('"HERE"', "9" * digits)
    spans, broken = spans_of(line, LINE_TIME)
    assert (spans[0], len(spans), broken) == (MEANT, 2, 0)


def test_an_id_of_excessive_length_makes_a_broken_span() -> None:
    line = printed(PRINTED, {**PRINTED, "span_id": "HERE"}).replace('"HERE"', "9" * 5_000)
    assert spans_of(line, LINE_TIME) == ([MEANT], 1)


@pytest.mark.parametrize("trace", [None, 7, {"trace_id": "1"}, "x"])
def test_a_trace_that_is_not_a_list_is_one_broken_span(trace: object) -> None:
    assert spans_of(json.dumps({"traces": [trace, [PRINTED]]}), LINE_TIME) == ([MEANT], 1)


@pytest.mark.parametrize("between", ["", " ", "\r\n"])
def test_a_line_may_hold_two_documents(between: str) -> None:
    assert spans_of(between.join([printed(PRINTED), printed(PRINTED), ""]), LINE_TIME) == ([MEANT, MEANT], 0)


def test_an_unclosed_string_in_a_line_that_is_nested_too_deeply_takes_linear_time() -> None:
    line = '{"traces":[[{"a":' + "[" * 100_000 + '"' + '\\"' * 500_000
    assert spans_of(line, LINE_TIME) == ([], 1)


# --- links, events, structures -------------------------------------------------------------------

LINK = {"trace_id": "1234567890abcdef1122334455667788", "span_id": "fedcba0987654321"}
LINKED = SpanLink(0x1122334455667788, 0x1234567890ABCDEF, 0xFEDCBA0987654321, {})


def test_a_link_is_read_field_by_field() -> None:
    link = {**LINK, "attributes": {"n": "3", "i": 7}, "tracestate": "dd=s:1", "flags": 1}
    attributes = {"n": "3", "i": "7"}
    expected = SpanLink(LINKED.trace_id, LINKED.trace_id_high, LINKED.span_id, attributes, "dd=s:1", 1)
    assert decoded(span_links=[link]).links == [expected]


def test_a_link_may_have_the_high_half_of_its_trace_id_in_a_separate_field() -> None:
    assert decoded(span_links=[{"trace_id": "1", "trace_id_high": "2", "span_id": 3}]).links == [SpanLink(1, 2, 3, {})]


def test_a_link_without_ids_is_left_out() -> None:
    assert decoded(span_links=[{"trace_id": "x"}, None, {}, LINK]).links == [LINKED]


@pytest.mark.parametrize("name", ["span_links", "span_events", "meta_struct"])
@pytest.mark.parametrize("value", [None, 7, "text", True])
def test_anything_but_a_list_or_object_is_ignored(name: str, value: object) -> None:
    assert decoded(**{name: value}) == MEANT


def test_an_event_keeps_the_types_of_its_attributes() -> None:
    kept: dict[str, Attribute] = {"a": "text", "b": True, "c": 7, "d": 0.5, "e": [1, 2]}
    attributes = {**kept, "f": 2**70, "g": None}
    (event,) = decoded(span_events=[{"time_unix_nano": START, "name": "retry", "attributes": attributes}]).events
    assert event == SpanEvent(START, "retry", {**kept, "f": str(2**70), "g": ""})


def test_an_event_may_have_attributes_with_their_types() -> None:
    typed = {
        "a": {"type": 0, "string_value": "text"},
        "b": {"type": 2, "int_value": 7},
        "c": {"type": 4, "array_value": {"values": [{"type": 1, "bool_value": False}]}},
    }
    (event,) = decoded(span_events=[{"time_unix_nano": START, "name": "retry", "attributes": typed}]).events
    assert event.attributes == {"a": "text", "b": 7, "c": [False]}


def test_an_invalid_event_has_no_time_and_no_name() -> None:
    assert decoded(span_events=[None, {"time_unix_nano": -1}]).events == [SpanEvent(0, "", {})] * 2


def test_structures_become_messagepack() -> None:
    value = {"rules": [1, "a", None], "ok": True}
    assert decoded(meta_struct={"appsec": value}).structs == {"appsec": msgspec.msgpack.encode(value)}


def test_structures_in_base64_are_decoded_to_messagepack() -> None:
    packed = msgspec.msgpack.encode({"rules": [1]})
    text = base64.b64encode(packed).decode()
    assert decoded(meta_struct={"appsec": text}).structs == {"appsec": packed}


@pytest.mark.parametrize("text", ["plain", "abcd", "not base64!", ""])
def test_a_string_that_only_looks_like_base64_is_a_string(text: str) -> None:
    assert decoded(meta_struct={"note": text}).structs == {"note": msgspec.msgpack.encode(text)}


def test_a_structure_that_messagepack_cannot_hold_is_a_string() -> None:
    packed = decoded(meta_struct={"note": {"a": 2**70}}).structs["note"]
    assert msgspec.msgpack.decode(packed) == json.dumps({"a": 2**70})
