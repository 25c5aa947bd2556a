"""Lines that Datadog's Lambda libraries print: one JSON object per line, a metric or a list of traces."""

import json
from math import isfinite

import msgspec
from msgspec import Raw, Struct

from forwarder.errors import UNREADABLE_JSON
from forwarder.records import Metric
from forwarder.records.redacted import redacted_repr
from forwarder.records.tags import drop_unnamed, without_overridden

BLANKS = " \t\r\n\ufeff"  # what may precede the JSON of a line: white space, a byte order mark
_INT64 = 2**63  # anything beyond is not a time, and a value beyond is sent as a float


class _MetricLine(Struct, forbid_unknown_fields=True):
    """Strict: numbers as strings, booleans, null, NaN and other keys make it an application's own JSON."""

    m: str
    v: int | float
    e: int | float
    t: list[str]

    __repr__ = redacted_repr


class _TraceLine(Struct):
    traces: list[list[Raw]]


class _AnySpan(Struct):
    trace_id: Raw


class _Wrapped(Struct):
    """A line of an application in Lambda's JSON log format, which may contain the text that a library printed."""

    message: str

    __repr__ = redacted_repr


_decode_metric = msgspec.json.Decoder(_MetricLine).decode
_decode_traces = msgspec.json.Decoder(_TraceLine).decode
_decode_span = msgspec.json.Decoder(_AnySpan).decode
_decode_wrapped = msgspec.json.Decoder(_Wrapped).decode
# Parses all numbers as floats: integers of more than 4,300 digits would raise.
_read_leniently = json.JSONDecoder(parse_int=float).raw_decode


def may_be_metric(message: str) -> bool:
    """Return cheaply whether it is worth decoding a line as a metric."""
    return ('"m"' in message and '"v"' in message) or ('\\"m\\"' in message and '\\"v\\"' in message)


def metric(message: str, group_tags: tuple[str, ...]) -> Metric | None:
    """Read a metric line: `m` a name, `v` a finite number, `e` Unix seconds, `t` a list of strings. Otherwise None.

    The group's tags follow its own, whose service and env take precedence.
    """
    try:
        line = _decode_metric(_unwrapped(message).lstrip(BLANKS))
        if not (line.m and isfinite(line.v) and 0 <= line.e < _INT64):
            return None
        value = line.v if abs(line.v) < _INT64 else float(line.v)
    except (*UNREADABLE_JSON, OverflowError):
        return None
    own = drop_unnamed(line.t)
    tags = dict.fromkeys((*own, *without_overridden(own, group_tags)))
    return Metric(line.m, value, int(line.e), tuple(tags))


def may_be_trace(message: str) -> bool:
    """Return cheaply whether it is worth decoding a line as traces."""
    return ('"traces"' in message and '"trace_id"' in message) or '\\"traces\\"' in message


def trace_text(message: str) -> str:
    """Return the text of a line `{"traces": [[span, …], …]}` in which any span has a trace id, or an empty string.

    What cannot be read is a log. What can be read must not go out as a log because of an irregularity in it: spans may
    contain secrets.
    """
    try:
        text = _unwrapped(message).lstrip(BLANKS)
    except UNREADABLE_JSON:
        return ""
    try:
        spans = (span for trace in _decode_traces(text).traces for span in trace)
        return text if any(map(_names_a_trace, spans)) else ""
    except UNREADABLE_JSON:
        return text if _is_trace_leniently(text) else ""


def _names_a_trace(span: Raw) -> bool:
    try:
        return bool(_decode_span(span).trace_id)
    except msgspec.MsgspecError:
        return False


def _is_trace_leniently(text: str) -> bool:
    """Check text that no strict parser accepts.

    Such as `NaN`, lone surrogates, traces that are not lists, and a second line that follows without a break.
    """
    try:
        document, end = _read_leniently(text)
        spans = [span for trace in document["traces"] if isinstance(trace, list) for span in trace]
    except RecursionError:  # absurd nesting in one span, which must not cost the others
        return '"trace_id"' in text
    except (ValueError, LookupError, TypeError):
        return False
    rest = text[end:].lstrip(BLANKS)
    known = any(isinstance(span, dict) and span.get("trace_id") for span in spans)
    return known and (not rest or (rest.startswith("{") and '"traces"' in rest))


def _unwrapped(message: str) -> str:
    """Return the inner text of a JSON-format application log that contains an escaped library line."""
    wrapped = '"m"' not in message and '"traces"' not in message
    return _decode_wrapped(message).message if wrapped else message
