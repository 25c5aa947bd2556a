"""Decodes the spans of a line in whatever format they are, as far as possible.

Only a span without a trace id or a span id is broken; from the others, what cannot be used is left out.
"""

import base64
import binascii
import json
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from forwarder.traces.spans import TRACE_ID_HIGH, Attribute, Scalar, Span, SpanEvent, SpanLink

INT64 = 2**63  # upper bound of times, exclusive
_LOW = 2**64 - 1
_DIGITS_OF_128_BITS = 32
# Fields of an attribute of a span event, as printed by libraries that include its type, like the protobuf message.
_TYPED = ("string_value", "bool_value", "int_value", "double_value")

_BLANKS = " \t\r\n\ufeff"
_DEPTH_OF_SPANS = 4  # {"traces": [[{
# A string, to the end of the line if it is not closed, or a bracket.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+.?|[\[\]{}]', re.DOTALL)


def _int_or_float(digits: str) -> int | float:
    """Read an integer; as a float if it has more digits than Python accepts, which would make the whole line fail."""
    return int(digits) if len(digits) <= sys.int_info.default_max_str_digits else float(digits)


_read = json.JSONDecoder(parse_int=_int_or_float).raw_decode


def spans_of(text: str, time: int) -> tuple[list[Span], int]:
    """Decode the spans of a line that the fast path rejects; return them, and the number of broken ones.

    `time` is that of the line, in nanoseconds.
    """
    found = [_span_or_none(printed, time) for printed in _printed(text)]
    whole = [span for span in found if span is not None]
    return whole, len(found) - len(whole)


def _printed(text: str) -> list[object]:
    """Return the values in place of spans. What cannot be read, or is not a list of them, counts as one `None`."""
    try:
        traces = [trace for document in _documents(text) for trace in _listed(_members(document).get("traces"))]
    except RecursionError:
        return [_nested(piece) for piece in _pieces(text)] or [None]
    return [span for trace in traces for span in _listed(trace)]


def _documents(text: str) -> Iterator[Any]:
    """Yield the JSON documents of a line: more than one if a library's line did not end before the next began."""
    end = 0
    while end < len(text):
        if text[end] in _BLANKS:
            end += 1
        else:
            document, end = _read_or_none(text, end)
            yield document


def _read_or_none(text: str, begin: int) -> tuple[Any, int]:
    """Read the document at `begin`; return it and its end. Anything that is not JSON extends to the end of the line."""
    try:
        return _read(text, begin)
    except ValueError:
        return None, len(text)


def _pieces(text: str) -> Iterator[str]:
    """Cut out the spans of a line that is nested too deeply to be read as a whole: what is opened at their depth."""
    depth = begin = 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("{", "["):
            depth += 1
            if depth == _DEPTH_OF_SPANS:
                begin = token.start()
        elif token[0] in ("}", "]"):
            if depth == _DEPTH_OF_SPANS:
                yield text[begin : token.end()]
            depth -= 1


def _nested(piece: str) -> object:
    try:
        return _read_or_none(piece, 0)[0]
    except RecursionError:
        return None


def _span_or_none(found: object, time: int) -> Span | None:
    try:
        return _span(found, time)
    except (ValueError, RecursionError):  # a tag that is nested too deeply to be serialised
        return None


def _span(found: object, time: int) -> Span | None:
    """Convert a JSON value to a span, or to `None` if it has no usable ids."""
    members = _members(found)
    (trace, high), span_id = trace_id(members.get("trace_id")), identifier(members.get("span_id"))
    if not (trace and span_id):
        return None
    service, name, resource, kind = (_text(members.get(key)) for key in ("service", "name", "resource", "type"))
    span = Span(trace, span_id, 0, service, name, resource, kind)
    parent_id = identifier(members.get("parent_id"))
    span.parent_id = parent_id if parent_id != span_id else 0
    span.duration = max(0, _whole_number(members.get("duration")) or 0)
    start = _whole_number(members.get("start")) or 0
    span.start = start if start > 0 else max(0, time - span.duration)
    span.error = int(members.get("error") not in (None, False, 0, "", "0", "false"))
    span.links, span.events = links(members.get("span_links")), events(members.get("span_events"))
    span.structs = structs(members.get("meta_struct"))
    _tag(span, members, high)
    return span


def _tag(span: Span, members: dict[str, Any], high: int) -> None:
    """Separate tags and metrics: a number printed as a string is still a metric, anything but a number is a tag."""
    for name, value in _members(members.get("metrics")).items():
        number = _number(value)
        if number is not None and math.isfinite(number):
            span.metrics[_text(name)] = number
        elif isinstance(value, str):
            span.meta[_text(name)] = _text(value)
    span.meta |= {
        _text(name): _text(value) for name, value in _members(members.get("meta")).items() if value is not None
    }
    if high:
        span.meta.setdefault(TRACE_ID_HIGH, f"{high:016x}")


def trace_id(value: object) -> tuple[int, int]:
    """Read a trace id; return its low and high 64 bits."""
    whole = _id(value)
    return whole & _LOW, whole >> 64


def identifier(value: object) -> int:
    """Read an id of 64 bits: hex digits, of which the last 16 count, or a JSON number. 0 if it is neither."""
    return _id(value) & _LOW


def _id(value: object) -> int:
    try:
        if isinstance(value, str):
            digits = value if value.isalnum() else value.strip()
            return int(digits[-_DIGITS_OF_128_BITS:], 16) if digits.isalnum() else 0
        if isinstance(value, int | float) and value is not True and value == int(value) and 0 < value < 1 << 128:
            return int(value)
    except (ValueError, OverflowError):
        pass
    return 0


def links(value: object) -> list[SpanLink]:
    """Read `span_links`; those without ids are left out."""
    if not isinstance(value, list):
        return []
    found = []
    for link in map(_members, value):
        (low, high), span_id = trace_id(link.get("trace_id")), identifier(link.get("span_id"))
        if low and span_id:
            flags = _whole_number(link.get("flags"))
            attributes = {_text(name): _text(text) for name, text in _members(link.get("attributes")).items()}
            high = high or identifier(link.get("trace_id_high"))
            found.append(SpanLink(low, high, span_id, attributes, _text(link.get("tracestate")), flags))
    return found


def events(value: object) -> list[SpanEvent]:
    """Read `span_events`, with attributes as plain values or, as in the protobuf, with their types."""
    if not isinstance(value, list):
        return []
    return [
        SpanEvent(
            max(0, _whole_number(event.get("time_unix_nano")) or 0),
            _text(event.get("name")),
            {_text(name): _attribute(found) for name, found in _members(event.get("attributes")).items()},
        )
        for event in map(_members, value)
    ]


def structs(value: object) -> dict[str, bytes]:
    """Read `meta_struct` as MessagePack: from base64, which is how bytes are printed, or else from a JSON value."""
    return {_text(name): _packed(found) for name, found in _members(value).items()}


def _packed(value: object) -> bytes:
    if isinstance(value, str):
        try:
            packed = base64.b64decode(value, validate=True)
            if isinstance(msgspec.msgpack.decode(packed), dict | list):
                return packed
        except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError):
            pass
    try:
        return msgspec.msgpack.encode(value)
    except (ValueError, OverflowError, RecursionError):  # lone surrogates, numbers of more than 64 bits
        return msgspec.msgpack.encode(_text(value))


def _attribute(value: object) -> Attribute:
    if isinstance(value, dict) and "array_value" in value:
        value = _members(value["array_value"]).get("values")
    return [_scalar(element) for element in value] if isinstance(value, list) else _scalar(value)


def _scalar(value: object) -> Scalar:
    if isinstance(value, dict):
        value = next((value[name] for name in _TYPED if name in value), value)
    if isinstance(value, int) and not -INT64 <= value < INT64:
        return _text(value)
    return value if isinstance(value, bool | int | float) else _text(value)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [None]


def _members(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """Return a string that can be encoded: lone surrogates, which JSON allows, are replaced."""
    if not isinstance(value, str):
        return "" if value is None else json.dumps(value)
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None


def _whole_number(value: object) -> int | None:
    """Return a number that fits into 64 bits, without its fraction; an integer stays exact."""
    if not isinstance(value, int):
        number = _number(value)
        value = int(number) if number is not None and math.isfinite(number) else None
    return int(value) if value is not None and -INT64 <= value < INT64 else None  # protobuf accepts no bool as a number
