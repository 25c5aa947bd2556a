"""Decodes the spans of a line: the fast path, for spans in the expected format."""

import msgspec
from msgspec import Struct, field

from forwarder.errors import UNREADABLE_JSON
from forwarder.records.redacted import redacted_repr
from forwarder.traces import lenient
from forwarder.traces.spans import TRACE_ID_HIGH, Span


class _Printed(Struct):
    """A span as the libraries print it: ids in hex, times in nanoseconds. Anything else is decoded leniently."""

    trace_id: str
    span_id: str
    service: str
    name: str
    resource: str
    start: int
    parent_id: str
    duration: int = 0
    error: int = 0
    type: str = ""
    meta: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    span_links: object = None
    span_events: object = None
    meta_struct: object = None

    __repr__ = redacted_repr


class _TraceLine(Struct):
    traces: list[list[_Printed]]


_decode = msgspec.json.Decoder(_TraceLine).decode


def spans_of(text: str, time: int) -> tuple[list[Span], int]:
    """Decode the spans of a line; return them, and the number of unusable ones.

    `time` is that of the line, in nanoseconds: a span without a start is assumed to have ended then.
    """
    try:
        return [_span(printed) for trace in _decode(text).traces for printed in trace], 0
    except UNREADABLE_JSON:
        return lenient.spans_of(text, time)


def _span(printed: _Printed) -> Span:
    """Return a span; raise `MsgspecError` if it is not in the expected format."""
    trace_id, high = lenient.trace_id(printed.trace_id)
    span_id = lenient.identifier(printed.span_id)
    start, duration = printed.start, printed.duration
    if not (trace_id and span_id and 0 < start < lenient.INT64 and 0 <= duration < lenient.INT64):
        raise msgspec.ValidationError
    if high:
        printed.meta.setdefault(TRACE_ID_HIGH, f"{high:016x}")
    parent_id = lenient.identifier(printed.parent_id)
    span = Span(
        trace_id,
        span_id,
        parent_id if parent_id != span_id else 0,
        printed.service,
        printed.name,
        printed.resource,
        printed.type,
        start,
        duration,
        1 if printed.error else 0,
        printed.meta,
        printed.metrics,
    )
    _add_rare_fields(span, printed)
    return span


def _add_rare_fields(span: Span, printed: _Printed) -> None:
    """Add the fields that few spans have."""
    if printed.span_links:
        span.links = lenient.links(printed.span_links)
    if printed.span_events:
        span.events = lenient.events(printed.span_events)
    if printed.meta_struct:
        span.structs = lenient.structs(printed.meta_struct)
