"""Packing spans into requests: chunks, payloads, limits, runs; and dividing a batch of traces."""

from collections.abc import Iterable

import pytest

from forwarder.records import Batch, Signal, weight
from forwarder.traces import SpanGroup, TraceBatches
from forwarder.traces.batches import (
    BATCH_OVERHEAD_BYTES,
    MAX_COLLECTED_CHARACTERS,
    MAX_HELD_BYTES,
    MAX_PLACEHOLDERS,
    MAX_TRACES_BYTES,
)
from forwarder.traces.spans import Span, SpanEvent, SpanLink
from trace_proto.agent_payload_pb2 import AgentPayload, AttributeAnyValue, TraceChunk


def span(span_id: int = 1, trace_id: int = 1, record: int = 0, env: str = "prod", **members: object) -> Span:
    found = Span(trace_id=trace_id, span_id=span_id, record=record, env=env)
    for name, value in members.items():
        setattr(found, name, value)
    return found


def packed(*groups: Iterable[Span], size: int = 0) -> list[Batch]:
    """Pack groups of spans, and the rest at the end."""
    batches = TraceBatches()
    early = [batch for group in groups for batch in batches.add(SpanGroup(list(group), size=size))]
    return early + list(batches.rest())


def payload(batch: Batch) -> AgentPayload:
    return AgentPayload.FromString(batch.body.inflated())


def chunks(batch: Batch) -> list[TraceChunk]:
    return [chunk for tracer in payload(batch).tracerPayloads for chunk in tracer.chunks]


def ids(batch: Batch) -> list[list[int]]:
    return [[span.spanID for span in chunk.spans] for chunk in chunks(batch)]


# --- payloads ------------------------------------------------------------------------------------


def test_a_span_arrives_field_by_field() -> None:
    sent = Span(
        trace_id=2**64 - 1,
        span_id=2**63,
        parent_id=7,
        service="shop",
        name="web.request",
        resource="GET /",
        type="web",
        start=1_795_343_071_433_991_342,
        duration=819_283,
        error=1,
        meta={"a": "b"},
        metrics={"_sampling_priority_v1": 2.0},
        links=[SpanLink(1, 2, 3, {"n": "3"}, "dd=s:1", 1), SpanLink(4, 0, 5, {})],
        events=[SpanEvent(9, "retry", {"s": "x", "b": True, "i": -7, "d": 0.5, "l": [1, "a"]})],
        structs={"appsec": b"\x80"},
    )
    (batch,) = packed([sent])
    (chunk,) = chunks(batch)
    (got,) = chunk.spans
    assert (chunk.priority, chunk.origin) == (2, "lambda")
    assert (got.traceID, got.spanID, got.parentID, got.start, got.duration, got.error) == (
        2**64 - 1,
        2**63,
        7,
        1_795_343_071_433_991_342,
        819_283,
        1,
    )
    assert (got.service, got.name, got.resource, got.type) == ("shop", "web.request", "GET /", "web")
    assert dict(got.metrics) == {"_sampling_priority_v1": 2.0, "_top_level": 1.0}
    assert (dict(got.meta), dict(got.meta_struct)) == ({"a": "b"}, {"appsec": b"\x80"})
    assert [(link.traceID, link.traceID_high, link.spanID, link.flags) for link in got.spanLinks] == [
        (1, 2, 3, 2**31 + 1),
        (4, 0, 5, 0),
    ]
    assert (got.spanLinks[0].tracestate, dict(got.spanLinks[0].attributes)) == ("dd=s:1", {"n": "3"})


def test_an_attribute_of_an_event_arrives_in_its_type() -> None:
    attributes: dict[str, object] = {"s": "x", "b": True, "i": -7, "d": 0.5, "l": [1, "a"]}
    (batch,) = packed([span(events=[SpanEvent(9, "retry", attributes)])])  # type: ignore[arg-type]  # values differ
    (event,) = chunks(batch)[0].spans[0].spanEvents
    got = event.attributes
    assert (event.time_unix_nano, event.name) == (9, "retry")
    assert (got["s"].string_value, got["b"].bool_value, got["i"].int_value, got["d"].double_value) == (
        "x",
        True,
        -7,
        0.5,
    )
    assert got["l"].type == AttributeAnyValue.ARRAY_VALUE
    assert [(element.type, element.int_value, element.string_value) for element in got["l"].array_value.values] == [
        (2, 1, ""),
        (0, 0, "a"),
    ]


def test_a_trace_that_is_spread_over_groups_ends_in_one_chunk() -> None:
    (batch,) = packed([span(1), span(2, trace_id=9)], [span(3)], [span(4, trace_id=9)])
    assert ids(batch) == [[1, 3], [2, 4]]


def test_every_env_has_its_own_payload() -> None:
    batches = packed([span(1, env="dev"), span(2, trace_id=2), span(3, trace_id=3, env="dev")])
    assert {payload(batch).env: ids(batch) for batch in batches} == {"dev": [[1], [3]], "prod": [[2]]}


def test_a_span_without_an_env_gets_that_of_its_trace() -> None:
    (batch,) = packed([span(1, env=""), span(2, env="dev")])
    assert (payload(batch).env, ids(batch)) == ("dev", [[1, 2]])


def test_a_trace_without_an_env_gets_none() -> None:
    (batch,) = packed([span(env="")])
    assert (payload(batch).env, payload(batch).tracerPayloads[0].env) == ("none", "none")


def test_the_tracer_is_described_by_the_root_span() -> None:
    told = {"language": "python", "dd_trace": "4.16.0", "runtime-id": "4b7d", "version": "1.0"}
    (batch,) = packed([span(2, parent_id=1), span(1, meta=told)])
    (tracer,) = payload(batch).tracerPayloads
    assert (tracer.languageName, tracer.tracerVersion, tracer.runtimeID, tracer.appVersion) == tuple(told.values())


def test_a_batch_names_the_languages_in_it() -> None:
    languages = ["python", "javascript", "python"]
    (batch,) = packed([span(n, trace_id=n, meta={"language": name}) for n, name in enumerate(languages, start=1)])
    assert batch.languages == ("python", "javascript")


def test_placeholders_are_not_sent() -> None:
    (batch,) = packed([span(1, meta={"_dd.parent_source": "xray"}, parent_id=9), span(2, parent_id=1)])
    assert [(span.spanID, span.parentID) for span in chunks(batch)[0].spans] == [(2, 9)]
    assert batch.count == 1


def test_a_trace_of_placeholders_makes_no_request() -> None:
    assert packed([span(1, meta={"_dd.parent_source": "xray"})]) == []


def test_a_placeholder_that_was_processed_before_its_child_leaves_no_gap() -> None:
    placeholder = span(1, meta={"_dd.parent_source": "xray"}, parent_id=9)
    (batch,) = packed([placeholder], [span(2, parent_id=1)], size=MAX_COLLECTED_CHARACTERS + 1)
    assert [(span.spanID, span.parentID) for span in chunks(batch)[0].spans] == [(2, 9)]


def test_the_oldest_of_too_many_placeholders_are_forgotten() -> None:
    batches = TraceBatches()
    for trace in range(1, MAX_PLACEHOLDERS + 3):
        placeholder = span(1, trace_id=trace, meta={"_dd.parent_source": "xray"}, parent_id=9)
        assert list(batches.add(SpanGroup([placeholder]))) == []
    children = [span(2, trace_id=trace, parent_id=1) for trace in (1, MAX_PLACEHOLDERS)]
    assert list(batches.add(SpanGroup([], size=MAX_COLLECTED_CHARACTERS + 1))) == []
    (batch,) = [*batches.add(SpanGroup(children)), *batches.rest()]
    assert [span.parentID for chunk in chunks(batch) for span in chunk.spans] == [1, 9]


def test_traces_whose_ids_differ_in_the_high_bits_are_separate_chunks() -> None:
    (batch,) = packed([span(n, parent_id=n - 1, meta={"_dd.p.tid": f"{n % 2:016x}"}) for n in (1, 2, 3)])
    assert ids(batch) == [[1, 3], [2]]


def test_a_placeholder_of_another_trace_with_the_same_low_id_is_not_a_parent() -> None:
    placeholder = span(1, parent_id=9, meta={"_dd.parent_source": "xray", "_dd.p.tid": "1" * 16})
    (batch,) = packed([placeholder, span(2, parent_id=1, meta={"_dd.p.tid": "2" * 16})])
    assert [(span.spanID, span.parentID) for span in chunks(batch)[0].spans] == [(2, 1)]


def test_a_span_whose_parent_goes_to_another_env_is_top_level() -> None:
    batches = packed([span(1, env="dev"), span(2, parent_id=1, env="prod"), span(3, parent_id=1, env="dev")])
    tops = {span.spanID for batch in batches for span in chunks(batch)[0].spans if "_top_level" in span.metrics}
    assert tops == {1, 2}


# --- limits and runs -----------------------------------------------------------------------------


def test_runs_count_the_spans_of_each_trigger_record_in_their_order() -> None:
    (batch,) = packed([span(1), span(2)], [span(3, record=1), span(4, trace_id=2, record=1)], [span(5, record=2)])
    assert ids(batch) == [[1, 2, 3, 5], [4]]
    assert batch.runs == [(0, 2), (1, 1), (2, 1), (1, 1)]
    assert batch.count == 5


def test_a_batch_stays_within_the_limit() -> None:
    spans = [span(n, trace_id=n, resource="x" * 100_000) for n in range(1, 101)]
    batches = packed(spans)
    assert max(batch.size for batch in batches) <= MAX_TRACES_BYTES
    assert [n for batch in batches for chunk in ids(batch) for n in chunk] == list(range(1, 101))
    assert len(batches) == 4


def test_a_trace_that_is_too_large_for_a_request_is_several_chunks() -> None:
    spans = [
        span(n, parent_id=n - 1, resource="x" * 1_000, metrics={"_sampling_priority_v1": 2.0}) for n in range(1, 10_001)
    ]
    batches = packed(spans)
    assert max(batch.size for batch in batches) <= MAX_TRACES_BYTES
    assert [n for batch in batches for chunk in ids(batch) for n in chunk] == list(range(1, 10_001))
    assert {(chunk.priority, chunk.spans[0].traceID) for batch in batches for chunk in chunks(batch)} == {(2, 1)}
    tops = [
        span.spanID
        for batch in batches
        for chunk in chunks(batch)
        for span in chunk.spans
        if "_top_level" in span.metrics
    ]
    assert tops == [1]


def test_a_span_that_is_too_large_for_a_request_is_still_sent() -> None:
    (batch,) = packed([span(resource="x" * (MAX_TRACES_BYTES + 1))])
    assert batch.count == 1


def test_the_collected_spans_are_bounded() -> None:
    batches = TraceBatches()
    spans = [[span(n, trace_id=n, resource="x" * 2_000_000)] for n in range(1, 6)]
    early = [batch for group in spans for batch in batches.add(SpanGroup(group, size=2_000_000))]
    assert len(early) >= (MAX_COLLECTED_CHARACTERS // 2_000_000) - 1


def test_open_batches_of_many_envs_are_bounded_and_the_largest_is_sent_first() -> None:
    batches, given, size = TraceBatches(), 0, MAX_HELD_BYTES // 20
    for n in range(1, 101):
        found = span(n, trace_id=n, env=f"e{n}", resource="x" * (2 * size if n == 1 else size))
        early = list(batches.add(SpanGroup([found], size=MAX_COLLECTED_CHARACTERS + 1)))
        assert given or not early or ids(early[0]) == [[1]]
        given += sum(batch.count for batch in early)
        assert n - given <= 20
    assert given + sum(batch.count for batch in batches.rest()) == 100


def test_open_batches_that_are_almost_empty_are_bounded_too() -> None:
    batches = TraceBatches()
    spans = [span(n, trace_id=n, env=f"e{n}") for n in range(1, 2 * MAX_HELD_BYTES // BATCH_OVERHEAD_BYTES)]
    early = list(batches.add(SpanGroup(spans, size=MAX_COLLECTED_CHARACTERS + 1)))
    assert len(early) >= len(spans) // 2
    assert len(early) + len(list(batches.rest())) == len(spans)


# --- dividing a batch ----------------------------------------------------------------------------


def test_a_batch_splits_between_chunks() -> None:
    (batch,) = packed([span(1), span(2), span(3, trace_id=2, record=1, meta={"language": "go"})])
    halves = list(batch.split())
    assert [ids(half) for half in halves] == [[[1, 2]], [[3]]]
    assert [half.runs for half in halves] == [[(0, 2)], [(1, 1)]]
    assert {payload(half).env for half in halves} == {"prod"}


def test_a_batch_of_one_chunk_splits_between_spans() -> None:
    (batch,) = packed([span(1), span(2, record=1), span(3, record=1)])
    halves = list(batch.split())
    assert [ids(half) for half in halves] == [[[1]], [[2, 3]]]
    assert [half.runs for half in halves] == [[(0, 1)], [(1, 2)]]


def test_a_batch_of_one_span_does_not_split() -> None:
    (batch,) = packed([span()])
    assert list(batch.split()) == []


def test_a_batch_that_is_taken_apart_and_reassembled_is_the_same() -> None:
    (batch,) = packed([span(n, trace_id=n % 3 + 1, meta={"language": "go"}) for n in range(1, 10)])
    again = Batch.of(Signal.TRACES, batch.entries(), batch.runs)
    assert payload(again) == payload(batch)
    assert [weight(Signal.TRACES, entry) for entry in batch.entries()] == [3, 3, 3]


def test_a_batch_is_divided_by_record() -> None:
    (batch,) = packed([span(1), span(2), span(3, trace_id=2, record=1), span(4, trace_id=2, record=1)])
    assert [(record, ids(part)) for record, part in batch.by_record()] == [(0, [[1, 2]]), (1, [[3, 4]])]


@pytest.mark.parametrize("data", [b"\xff\xff", b'[{"message":"a"}]'])
def test_entries_of_an_invalid_payload_raise_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a payload of traces"):
        weight(Signal.TRACES, data)
