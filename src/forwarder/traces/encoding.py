"""Encodes spans as protobuf. Import it only when there is a trace: protobuf takes tens of milliseconds to load."""

from collections.abc import Mapping, Sequence
from typing import Any

from forwarder.traces.spans import Attribute, Scalar, Span
from trace_proto import agent_payload_pb2 as proto

ORIGIN = "lambda"
_FLAGS_ARE_SET = 1 << 31
_INT32 = (1 << 32) - 1

# Python type, number of the protobuf type, and its field. A bool is an int in Python, so it comes first.
_TYPES: tuple[tuple[type, int, str], ...] = (
    (str, 0, "string_value"),
    (bool, 1, "bool_value"),
    (int, 2, "int_value"),
    (float, 3, "double_value"),
)


def payload_of(env: str, tracer: Mapping[str, str], priority: int, spans: Sequence[Span]) -> bytes:
    """Encode spans of one trace as an `AgentPayload` of one chunk. `tracer` has fields of `TracerPayload`.

    Concatenated payloads of one env are one payload: that is how protobuf merges messages.
    """
    payload = proto.AgentPayload(env=env)
    chunk = payload.tracerPayloads.add(env=env, **tracer).chunks.add(priority=priority, origin=ORIGIN)
    for span in spans:
        _add(chunk, span)
    return payload.SerializeToString()


def _add(chunk: proto.TraceChunk, span: Span) -> None:
    message = chunk.spans.add(
        service=span.service,
        name=span.name,
        resource=span.resource,
        traceID=span.trace_id,
        spanID=span.span_id,
        parentID=span.parent_id,
        start=span.start,
        duration=span.duration,
        error=span.error,
        meta=span.meta,
        metrics=span.metrics,
        type=span.type,
    )
    if span.structs:  # an empty one costs as much as three fields
        message.meta_struct.update(span.structs)
    for link in span.links:
        message.spanLinks.add(
            traceID=link.trace_id,
            traceID_high=link.trace_id_high,
            spanID=link.span_id,
            attributes=link.attributes,
            tracestate=link.tracestate,
            flags=0 if link.flags is None else link.flags & _INT32 | _FLAGS_ARE_SET,
        )
    for event in span.events:
        message.spanEvents.add(time_unix_nano=event.time, name=event.name, attributes=_attributes(event.attributes))


def _attributes(attributes: Mapping[str, Attribute]) -> dict[str, proto.AttributeAnyValue]:
    return {name: _any_value(value) for name, value in attributes.items()}


def _any_value(value: Attribute) -> proto.AttributeAnyValue:
    if isinstance(value, list):
        elements = [proto.AttributeArrayValue(**_typed(element)) for element in value]
        array = proto.AttributeArray(values=elements)
        return proto.AttributeAnyValue(type=proto.AttributeAnyValue.ARRAY_VALUE, array_value=array)
    return proto.AttributeAnyValue(**_typed(value))


def _typed(value: Scalar) -> dict[str, Any]:
    """Return a value and its type; the type numbers are the same for single values and for array elements."""
    kind, field = next((kind, field) for python, kind, field in _TYPES if isinstance(value, python))
    return {"type": kind, field: value}
