"""Traces from end to end: what the libraries print arrives as spans, is stored and replayed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from forwarder.handler import Forwarder
from forwarder.records import Batch, Body, Signal
from local_intake.records import Request
from local_intake.server import LocalIntake
from tests.builders import awslogs_event, context, settings
from tests.builders import trace_line as line
from tests.builders import trace_span as span
from tests.fakes import FakeStore
from tests.flow.recorder import Recorder
from tests.flow.support import (
    TRACES_PATH,
    Forward,
    Said,
    arrived,
    attempts,
    body_of_traces,
    is_balanced,
    messages,
    span_ids,
)
from trace_proto.agent_payload_pb2 import AgentPayload

ROOT = Path(__file__).parents[2]
SAMPLE = json.loads((ROOT / "events" / "awslogs.lambda-trace.json").read_text())
CONFORMANCE = Path(os.environ.get("FORWARDER_CONFORMANCE_DIR", ROOT.parent / "shared" / "conformance")) / "lines"
PRINTED = sorted(path.stem for path in CONFORMANCE.glob("*.jsonl") if '"traces"' in path.read_text())


def requests(intake: LocalIntake) -> list[Request]:
    return [request for request in intake.store.requests() if request.signal == "traces"]


# --- samples and real lines ----------------------------------------------------------------------


def test_the_spans_of_the_sample_arrive_as_a_trace(forward: Forward, intake: LocalIntake) -> None:
    answer = forward(SAMPLE)
    spans = {span.name: span for span in intake.store.spans()}
    root = spans["aws.lambda"]
    assert {name: span.parent_id for name, span in spans.items()} == {
        "aws.lambda": "0" * 16,
        "postgres.query": root.span_id,
        "requests.request": root.span_id,
    }
    assert {span.env for span in spans.values()} == {"demo"}
    assert (answer["trace_lines"], answer["signals"]["traces"]["delivered"], is_balanced(answer)) == (1, 3, True)


def test_the_spans_of_the_sample_carry_the_functions_tags(forward: Forward, intake: LocalIntake) -> None:
    forward(SAMPLE)
    ours = {"functionname": "orders-api", "_dd.origin": "lambda", "_dd.compute_stats": "1"}
    assert all(ours.items() <= span.meta.items() for span in intake.store.spans())


def test_nothing_sensitive_of_the_sample_arrives(forward: Forward, intake: LocalIntake) -> None:
    forward(SAMPLE)
    sent = str(intake.store.spans())
    assert [
        secret for secret in ("id = 1042", "'confirmed'", "example.com/points/1042", "customer=77") if secret in sent
    ] == []


def test_a_trace_line_is_not_sent_as_a_log_as_well(forward: Forward, intake: LocalIntake) -> None:
    forward(SAMPLE)
    assert [message for message in messages(intake) if "trace_id" in str(message)] == []


def printed_lines(name: str) -> list[str]:
    """Return the lines of a file, some of which are JSON-encoded lines."""
    rows = (CONFORMANCE / f"{name}.jsonl").read_text().splitlines()
    return [text if isinstance(text := json.loads(row), str) else row for row in rows]


@pytest.mark.parametrize("name", PRINTED)
def test_all_spans_of_real_lines_arrive(forward: Forward, intake: LocalIntake, name: str) -> None:
    lines = printed_lines(name)
    traces = [json.loads(text)["traces"] for text in lines if '"traces"' in text]
    answer = forward(awslogs_event(lines))
    expected = {
        (span["trace_id"][-16:].lower(), span["span_id"].lower())
        for trace in traces
        for spans in trace
        for span in spans
    }
    assert {(span.trace_id, span.span_id) for span in intake.store.spans()} == expected
    ledger = answer["signals"]["traces"]
    assert (ledger["created"], ledger["delivered"], is_balanced(answer)) == (len(expected), len(expected), True)


@pytest.mark.skipif("06_failing_handler" not in PRINTED, reason="the conformance data is not here")
def test_the_address_in_a_real_error_does_not_arrive(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event(printed_lines("06_failing_handler")), REDACT_EMAIL="true")
    sent = str(intake.store.spans())
    assert ("jane.doe" in sent, "xxxxx@xxxxx.com" in sent) == (False, True)


# --- requests ------------------------------------------------------------------------------------


def test_a_request_of_traces_is_gzipped_protobuf_that_names_the_languages(
    forward: Forward, intake: LocalIntake
) -> None:
    lines = [line(span(n, n, meta={"language": name})) for n, name in enumerate(("python", "go", "python"), start=1)]
    forward(awslogs_event(lines))
    (request,) = requests(intake)
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert (request.path, request.status) == (TRACES_PATH, 202)
    assert (headers["content-type"], headers["content-encoding"]) == ("application/x-protobuf", "gzip")
    assert headers["x-datadog-reported-languages"] == "python|go"


def test_without_a_language_none_is_reported(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event([line(span())]))
    (request,) = requests(intake)
    assert "x-datadog-reported-languages" not in {name.lower() for name in request.headers}


@pytest.mark.parametrize("language", ["a\nb: c", "日本", "x" * 10_000, "", "a b"])
def test_an_invalid_language_does_not_break_the_request(forward: Forward, intake: LocalIntake, language: str) -> None:
    forward(awslogs_event([line(span(1, 1, meta={"language": language}), span(2, 2, meta={"language": "go"}))]))
    (request,) = requests(intake)
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert (request.entries, headers["x-datadog-reported-languages"]) == (2, "go")


def test_a_trace_that_is_spread_over_lines_ends_in_one_chunk(forward: Forward) -> None:
    lines = [line(span(3, parent_id="1")), line(span(2, parent_id="1")), "a log", line(span(1))]
    with Recorder() as recorder:
        forward(awslogs_event(lines), url=recorder.url)
        (tracer,) = AgentPayload.FromString(body_of_traces(recorder)).tracerPayloads
    (chunk,) = tracer.chunks
    assert [span.spanID for span in chunk.spans] == [3, 2, 1]


def test_every_env_has_its_own_request(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event([line(span(n, n, meta={"env": env})) for n, env in ((1, "dev"), (2, "prod"), (3, "dev"))]))
    assert sorted(request.entries for request in requests(intake)) == [1, 2]


def test_a_trace_of_10_000_spans_arrives(forward: Forward, intake: LocalIntake) -> None:
    spans = [span(n, parent_id=f"{n - 1:x}", meta={"note": "x" * 300}) for n in range(1, 10_001)]
    answer = forward(awslogs_event([line(*spans[n : n + 500]) for n in range(0, 10_000, 500)]))
    assert sorted(span_ids(intake)) == list(range(1, 10_001))
    assert (answer["signals"]["traces"]["delivered"], is_balanced(answer)) == (10_000, True)


def test_traces_are_sent_without_logs(forward: Forward, intake: LocalIntake) -> None:
    answer = forward(awslogs_event([line(span()), "a log"]), DD_FORWARD_LOG="false")
    assert (len(intake.store.spans()), arrived(intake)[0]) == (1, 0)
    assert (answer["lines"]["routed"], answer["lines"]["filtered"]) == (1, 1)


def test_a_filter_for_logs_does_not_affect_traces(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event([line(span()), "a log"]), EXCLUDE_AT_MATCH="trace_id|log")
    assert (len(intake.store.spans()), arrived(intake)[0]) == (1, 0)


def test_the_forwarder_counts_the_spans_that_it_has_forwarded(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event([line(span(1), span(2))]))
    (metric,) = (metric for metric in intake.store.metrics() if metric.name == "aws.dd_forwarder.traces_forwarded")
    assert metric.value == 2


# --- responses -----------------------------------------------------------------------------------


def test_a_batch_that_is_too_large_for_the_intake_is_halved(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([{"signal": "traces", "status": 413, "times": 2}])
    answer = forward(awslogs_event([line(*(span(n) for n in range(1, 5)))]))
    assert sorted(span_ids(intake)) == [1, 2, 3, 4]
    assert sorted(attempts(intake, "traces")) == [202] * 3 + [413] * 2
    assert answer["signals"]["traces"]["delivered"] == 4


def test_only_a_span_that_the_intake_refuses_is_rejected(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([{"signal": "traces", "status": 413, "times": 100}])
    answer = forward(awslogs_event([line(span(1), span(2)), "a log"]))
    assert (answer["signals"]["traces"]["rejected"], messages(intake), is_balanced(answer)) == (2, ["a log"], True)


def test_a_transient_failure_is_retried(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([{"signal": "traces", "status": 503, "headers": {"Retry-After": "0"}}])
    forward(awslogs_event([line(span())]))
    assert attempts(intake, "traces") == [503, 202]


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def storing(intake: LocalIntake, store: FakeStore) -> Iterator[Forwarder]:
    urls = {"DD_URL": intake.url, "DD_API_URL": intake.url, "DD_TRACE_INTAKE_URL": intake.url}
    with closing(Forwarder(settings(**urls), store=store)) as forwarder:
        yield forwarder


DOWN: dict[str, Any] = {"signal": "traces", "status": 503, "headers": {"Retry-After": "3600"}, "times": 1_000}


def test_a_failed_batch_is_stored_and_arrives_with_a_replay(
    storing: Forwarder, store: FakeStore, intake: LocalIntake
) -> None:
    intake.script.replace([DOWN])
    answer = storing.handle(awslogs_event([line(span(1), span(2))]), context())
    assert answer["signals"]["traces"]["stored"] == 2  # type: ignore[index]  # an answer is JSON
    intake.script.replace([])
    answer = storing.handle({"retry": True}, context())
    assert (sorted(span_ids(intake)), store.left, is_balanced(answer)) == ([1, 2], 0, True)


def test_a_replay_joins_batches_of_one_env(storing: Forwarder, intake: LocalIntake) -> None:
    intake.script.replace([DOWN])
    for number, env in enumerate(["ahead", "dev", "prod", "dev", "prod"], start=1):
        storing.handle(awslogs_event([line(span(number, number, meta={"env": env, "language": "go"}))]), context())
    intake.script.replace([])
    intake.store.clear()
    storing.handle({"retry": True}, context())
    headers = [{name.lower(): value for name, value in request.headers.items()} for request in requests(intake)]
    assert [header["x-datadog-reported-languages"] for header in headers] == ["go", "go", "go"]
    assert sorted((span.env, int(span.span_id, 16)) for span in intake.store.spans()) == [
        ("ahead", 1),
        ("dev", 2),
        ("dev", 4),
        ("prod", 3),
        ("prod", 5),
    ]


def test_a_corrupt_payload_is_set_aside_by_the_replay(said: Said, storing: Forwarder, store: FakeStore) -> None:
    store.put(Batch(Signal.TRACES, Body(b"\xff\xff"), [(0, 1)], 2))
    storing.handle({"retry": True}, context())
    assert (store.left, "Rejected: it is not a stored batch" in said.text) == (0, True)


# --- loaded modules ------------------------------------------------------------------------------

LOADED = """
import json, sys
from contextlib import redirect_stdout
from forwarder.handler import Forwarder
from forwarder.settings import Settings
from tests.builders import awslogs_event, context
with redirect_stdout(sys.stderr):
    Forwarder(Settings.from_environ(json.loads(sys.argv[1]))).handle(awslogs_event(json.loads(sys.argv[2])), context())
names = ("google.protobuf", "trace_proto", "sqlparse", "sqlglot")
print(json.dumps([name for name in names if name in sys.modules]))
"""


def loaded(intake: LocalIntake, lines: list[str]) -> list[str]:
    """Return which of the relevant modules a process has loaded after forwarding these lines."""
    environ = {"DD_API_KEY": "0" * 32, "AWS_REGION": "eu-west-1"}
    environ |= dict.fromkeys(("DD_URL", "DD_API_URL", "DD_TRACE_INTAKE_URL"), intake.url)
    command = [sys.executable, "-c", LOADED, json.dumps(environ), json.dumps(lines)]
    path = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stdout)
    return names


def test_without_traces_neither_protobuf_nor_the_sql_library_is_loaded(intake: LocalIntake) -> None:
    assert loaded(intake, ["a log", '{"m":"a","v":1,"e":1,"t":[]}']) == []


def test_without_sql_the_sql_library_is_not_loaded(intake: LocalIntake) -> None:
    assert loaded(intake, [line(span())]) == ["google.protobuf", "trace_proto"]
