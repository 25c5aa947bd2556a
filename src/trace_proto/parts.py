"""Splits and counts a serialised `AgentPayload`.

The concatenation of the parts is the whole again: that is how protobuf merges messages.
Everything here raises `ValueError` for an invalid payload.
"""

from google.protobuf.message import DecodeError

from trace_proto.agent_payload_pb2 import AgentPayload, TraceChunk, TracerPayload


def chunks(data: bytes) -> list[bytes]:
    """Return each chunk in a separate payload."""
    payload = _read(data)
    tracers = list(payload.tracerPayloads)
    frame = AgentPayload()
    frame.CopyFrom(payload)
    frame.ClearField("tracerPayloads")
    return [part for tracer in tracers for part in _chunks_of(tracer, frame)]


def _chunks_of(tracer: TracerPayload, frame: AgentPayload) -> list[bytes]:
    chunks = list(tracer.chunks)
    bare = TracerPayload()
    bare.CopyFrom(tracer)
    bare.ClearField("chunks")
    return [_framed(chunk, bare, frame) for chunk in chunks]


def _framed(chunk: TraceChunk, bare: TracerPayload, frame: AgentPayload) -> bytes:
    part = AgentPayload()
    part.CopyFrom(frame)
    tracer = part.tracerPayloads.add()
    tracer.CopyFrom(bare)
    tracer.chunks.append(chunk)
    return part.SerializeToString()


def halves(data: bytes) -> list[bytes]:
    """Return the payload of one chunk as two with half of its spans each, or an empty list if it has only one span."""
    first, second = _read(data), _read(data)
    middle = spans_in(data) // 2
    del first.tracerPayloads[0].chunks[0].spans[middle:]
    del second.tracerPayloads[0].chunks[0].spans[:middle]
    return [first.SerializeToString(), second.SerializeToString()] if middle else []


def spans_in(data: bytes) -> int:
    """Count the spans of a payload."""
    return sum(len(chunk.spans) for tracer in _read(data).tracerPayloads for chunk in tracer.chunks)


def env_of(data: bytes) -> str:
    """Return the env that a payload names."""
    return _read(data).env


def languages_in(data: bytes) -> tuple[str, ...]:
    """Return the languages of the tracers, each once, in the order in which they appear."""
    return tuple(dict.fromkeys(tracer.languageName for tracer in _read(data).tracerPayloads if tracer.languageName))


def _read(data: bytes) -> AgentPayload:
    try:
        return AgentPayload.FromString(data)
    except DecodeError:
        raise ValueError("it is not a payload of traces") from None
