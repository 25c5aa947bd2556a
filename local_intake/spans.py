"""Protobuf payloads: an `AgentPayload` of traces, checked and turned into rows, one per span."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from local_intake.records import Contents, RefusedError, Row

if TYPE_CHECKING:
    from trace_proto.agent_payload_pb2 import AgentPayload, Span

# The agents' own limit for a payload (pkg/trace/writer in DataDog/datadog-agent, `MaxPayloadSize`), uncompressed.
MAX_TRACES_BODY = 3_200_000


def parse_traces(body: bytes) -> Contents:
    """Read a serialised `AgentPayload`; `RefusedError` if it is not one."""
    # Imported here, because protobuf takes 50 ms to load and most runs see no trace.
    from google.protobuf.message import DecodeError

    from trace_proto.agent_payload_pb2 import AgentPayload

    try:
        payload = AgentPayload.FromString(body)
    except DecodeError:
        raise RefusedError(400, "The body is not a protobuf AgentPayload.") from None
    return Contents(list(_rows(payload)))


def _rows(payload: "AgentPayload") -> Iterator[Row]:
    for tracer in payload.tracerPayloads:
        env = tracer.env or payload.env
        for chunk in tracer.chunks:
            for span in chunk.spans:
                yield _row(env, span)


def _row(env: str, span: "Span") -> Row:
    return (
        env,
        span.service,
        span.name,
        span.resource,
        f"{span.traceID:016x}",
        f"{span.spanID:016x}",
        f"{span.parentID:016x}",
        span.start,
        span.duration,
        span.error,
        span.type,
        msgspec.json.encode(dict(span.meta)).decode(),
        msgspec.json.encode(dict(span.metrics)).decode(),
    )
