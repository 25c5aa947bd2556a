"""What the traces endpoint accepts and keeps."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from local_intake.server import LocalIntake
from tests.local_intake.conftest import Send
from trace_proto.agent_payload_pb2 import (
    AgentPayload,
    AttributeAnyValue,
    Span,
    SpanEvent,
    SpanLink,
    TraceChunk,
    TracerPayload,
)

MAX_ID = 2**64 - 1


@pytest.fixture
def payload() -> AgentPayload:
    root = Span(
        service="aws.lambda",
        name="aws.lambda",
        resource="orders-api",
        traceID=MAX_ID,
        spanID=0xAB,
        start=1_795_343_071_000_000_000,
        duration=1_760_000,
        error=1,
        type="serverless",
        meta={"functionname": "orders-api"},
        metrics={"_top_level": 1},
    )
    query = Span(service="orders-db", name="postgres.query", traceID=MAX_ID, spanID=0xCD, parentID=0xAB, type="sql")
    tracer = TracerPayload(env="dev", chunks=[TraceChunk(spans=[root, query])])
    other = TracerPayload(chunks=[TraceChunk(spans=[Span(name="cron", traceID=1, spanID=2)])])
    return AgentPayload(env="prod", tracerPayloads=[tracer, other])


def test_a_payload_gets_202(send_traces: Send, payload: AgentPayload) -> None:
    assert send_traces(payload.SerializeToString()).status_code == 202


def test_a_span_is_kept_field_by_field(send_traces: Send, intake: LocalIntake, payload: AgentPayload) -> None:
    send_traces(payload.SerializeToString())
    span = intake.store.spans()[0]
    assert (span.service, span.name, span.resource, span.type) == (
        "aws.lambda",
        "aws.lambda",
        "orders-api",
        "serverless",
    )
    assert (span.start, span.duration, span.error) == (1_795_343_071_000_000_000, 1_760_000, 1)
    assert (span.meta, span.metrics) == ({"functionname": "orders-api"}, {"_top_level": 1.0})


def test_ids_of_all_64_bits_are_kept_as_16_hex_digits(
    send_traces: Send, intake: LocalIntake, payload: AgentPayload
) -> None:
    send_traces(payload.SerializeToString())
    ids = [(span.trace_id, span.span_id, span.parent_id) for span in intake.store.spans()[:2]]
    assert ids == [("f" * 16, f"{0xAB:016x}", "0" * 16), ("f" * 16, f"{0xCD:016x}", f"{0xAB:016x}")]


def test_the_env_is_the_tracers_or_else_the_payloads(
    send_traces: Send, intake: LocalIntake, payload: AgentPayload
) -> None:
    send_traces(payload.SerializeToString())
    assert [span.env for span in intake.store.spans()] == ["dev", "dev", "prod"]


def test_a_payload_may_be_compressed(send_traces: Send, intake: LocalIntake, payload: AgentPayload) -> None:
    send_traces(gzip.compress(payload.SerializeToString()), Content_Encoding="gzip")
    assert intake.store.stats().spans == 3


def test_metrics_that_are_not_finite_do_not_fail_the_payload(send_traces: Send, intake: LocalIntake) -> None:
    span = Span(traceID=1, spanID=2, metrics={"rate": float("nan")})
    body = AgentPayload(tracerPayloads=[TracerPayload(chunks=[TraceChunk(spans=[span])])])
    assert send_traces(body.SerializeToString()).status_code == 202
    assert intake.store.spans()[0].metrics == {"rate": None}


def test_links_events_and_structures_are_part_of_the_schema(send_traces: Send) -> None:
    attribute = AttributeAnyValue(type=AttributeAnyValue.INT_VALUE, int_value=7)
    span = Span(
        meta_struct={"appsec": b"\x80"},
        spanLinks=[SpanLink(traceID=1, traceID_high=2, spanID=3, flags=2**31)],
        spanEvents=[SpanEvent(time_unix_nano=1, name="retry", attributes={"count": attribute})],
    )
    body = AgentPayload(tracerPayloads=[TracerPayload(chunks=[TraceChunk(spans=[span])])])
    assert send_traces(body.SerializeToString()).status_code == 202


@pytest.mark.parametrize("body", [b"\xff\xff", b"[]", b'{"traces": []}', b"\x12\x01\xff"])
def test_a_body_that_is_not_a_payload_is_refused(send_traces: Send, intake: LocalIntake, body: bytes) -> None:
    assert send_traces(body).status_code == 400
    assert intake.store.spans() == []


def test_more_than_3_2_mb_are_too_much(send_traces: Send) -> None:
    assert send_traces(AgentPayload(env="x" * 3_200_000).SerializeToString()).status_code == 413


def test_protobuf_is_not_loaded_before_the_first_trace() -> None:
    look = "import sys, local_intake.server; sys.exit(any('protobuf' in name for name in sys.modules))"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", look], cwd=root, check=False).returncode == 0
