"""Whatever a line of traces holds, every span in it is sent or rejected, and what is sent can be decoded."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from forwarder import signals
from forwarder.records import Batch, Line
from forwarder.traces import SpanGroup, TraceBatches, TraceReader
from tests.builders import far_deadline, lines, origin
from trace_proto.agent_payload_pb2 import AgentPayload

ORIGIN = origin(DD_TAGS="team:till")

NAMES = st.sampled_from(["trace_id", "attributes", "string_value", "array_value", "values", "type", "x"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**130) | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
IDS = st.sampled_from(["1", "2", "3", "ff" * 9, 4, 2**64 - 1])
META = st.dictionaries(
    st.sampled_from(["env", "language", "http.url", "_dd.parent_source", "_inferred_span.tag_source"]),
    st.sampled_from(["xray", "self", "dev", "http://a/b?c"]) | JUNK,
)
MEMBERS = ("service", "name", "resource", "type", "start", "duration", "error", "metrics")
LISTS = ("span_links", "span_events", "meta_struct")
SPANS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("trace_id", "span_id", "parent_id"), IDS | JUNK),
        **dict.fromkeys((*MEMBERS, *LISTS), JUNK),
        "meta": META | JUNK,
    },
)
LINES = st.lists(st.lists(st.lists(SPANS | JUNK, max_size=4), max_size=3), max_size=3)


def taken(traces: list[list[list[object]]]) -> tuple[list[Line], SpanGroup, list[Batch]]:
    """Process lines; return those that are traces, the spans read from them, and the batches."""
    found = signals.sort(lines(*(json.dumps({"traces": line}) for line in traces)), ORIGIN, None).traces
    read = TraceReader(credit_cards=True, mask=str.lower, deadline=far_deadline()).read(found, ORIGIN, 0)
    batches = TraceBatches()
    return found, read, [*batches.add(read), *batches.rest()]


@settings(max_examples=50)
@given(LINES)
def test_every_span_is_sent_or_rejected_or_a_placeholder(traces: list[list[list[object]]]) -> None:
    found, read, batches = taken(traces)
    printed = sum(len(trace) for line in found for trace in json.loads(line.message)["traces"])
    placeholders = len(read.spans) - read.count
    assert printed == read.count + placeholders + sum(rejection.count for rejection in read.rejected)
    assert read.count == sum(batch.count for batch in batches)


@settings(max_examples=50)
@given(LINES)
def test_every_batch_is_a_payload_with_the_stated_number_of_spans(traces: list[list[list[object]]]) -> None:
    for batch in taken(traces)[2]:
        payload = AgentPayload.FromString(batch.body.inflated())
        assert {tracer.env for tracer in payload.tracerPayloads} == {payload.env}
        assert batch.count == sum(len(chunk.spans) for tracer in payload.tracerPayloads for chunk in tracer.chunks)
