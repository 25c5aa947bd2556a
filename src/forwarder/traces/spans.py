"""The span in one form, however it was printed.

Its fields are those of the intake's protobuf: `src/trace_proto/agent_payload.proto`.
"""

from collections.abc import Callable

from msgspec import Struct, field

from forwarder.records.redacted import redacted_repr

Rename = Callable[[str], str]
Scalar = str | bool | int | float
Attribute = Scalar | list[Scalar]

TRACE_ID_HIGH = "_dd.p.tid"  # in `meta`: the high 64 bits of a trace id, as 16 hex digits
PARENT_SOURCE, XRAY = "_dd.parent_source", "xray"  # in `meta` of a placeholder for an X-Ray segment
TAG_SOURCE, ITSELF = "_inferred_span.tag_source", "self"  # in `meta` of a span that is not the function's


class SpanLink(Struct):
    """A link to a span of the same or another trace. `flags` are those of W3C, or `None` if absent."""

    trace_id: int
    trace_id_high: int
    span_id: int
    attributes: dict[str, str]
    tracestate: str = ""
    flags: int | None = None

    __repr__ = redacted_repr


class SpanEvent(Struct):
    """Something that happened during a span, `time` in nanoseconds since the epoch."""

    time: int
    name: str
    attributes: dict[str, Attribute]

    __repr__ = redacted_repr


class Span(Struct, gc=False):
    """One unit of work. Ids have 64 bits; a parent of 0 means none. Times are nanoseconds, `start` since the epoch.

    `structs` holds `meta_struct`: MessagePack by name. `env` comes from its group or from itself, and may be empty;
    `rename` maps services to the names that its group gives them; `record` is the number of its trigger record.
    """

    trace_id: int
    span_id: int
    parent_id: int = 0
    service: str = ""
    name: str = ""
    resource: str = ""
    type: str = ""
    start: int = 0
    duration: int = 0
    error: int = 0
    meta: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    links: list[SpanLink] = field(default_factory=list)
    events: list[SpanEvent] = field(default_factory=list)
    structs: dict[str, bytes] = field(default_factory=dict)
    env: str = ""
    rename: Rename = str
    record: int = 0

    @property
    def is_placeholder(self) -> bool:
        """Whether it only represents an X-Ray segment."""
        return self.meta.get(PARENT_SOURCE) == XRAY

    def __repr__(self) -> str:
        return f"Span(span {self.span_id:016x} of trace {self.trace_id:016x})"
