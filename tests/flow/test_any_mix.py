"""The main promise: whatever comes in and however the intake responds, the ledgers balance and are correct."""

import contextlib
import os
from itertools import chain

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forwarder.errors import DeliveryError
from local_intake.server import LocalIntake
from tests.builders import (
    awslogs_event,
    context,
    document,
    kinesis_event,
    packed,
    sqs_event,
    trace_line,
    trace_span,
)
from tests.flow.support import COFFEE, Answer, Said, Start, arrived, delivered, is_balanced

REPORT = "REPORT RequestId: {}\tDuration: 1 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 48 MB\t\n"
LINES = st.sampled_from(
    [
        "plain",
        "",
        "drop me",
        "secret=1",
        "x" * 600_000,
        '{"level":"info","ddtags":"env:prod"}',
        '{"m":"a","v":NaN,"e":1,"t":[]}',
        COFFEE,
        COFFEE.replace("latte", "mocha"),
        COFFEE.replace("latte", "drop me"),
        trace_line(trace_span("b1"), trace_span("b2", parent_id="b1"), {"trace_id": "a1"}),
        REPORT,
        "2026-11-22T10:24:31.000Z 0c9d2f4e-6a1b Task timed out after 3.00 seconds",
    ]
)
BAD_LINES: st.SearchStrategy[object] = st.sampled_from([None, 7, [], {"a": "b"}])
# A stretch of equal lines: long ones fill several requests.
STRETCHES = st.lists(st.tuples(LINES | BAD_LINES, st.sampled_from([1, 2, 9]) | st.just(1100)), min_size=1, max_size=4)
# What one trigger record holds; an awslogs event has one, of which these are the parts.
RECORDS = st.lists(STRETCHES, min_size=1, max_size=3)
TRIGGERS = st.sampled_from(["awslogs", "kinesis", "sqs"])
STATUSES = st.sampled_from([202, 400, 413, 429, 500, 503])
# So many answers of a kind in a row: six use a batch's attempts up.
SCRIPTS = st.lists(
    st.tuples(STATUSES, st.sampled_from(["logs", "metrics", "traces"]), st.sampled_from([1, 2, 6])), max_size=8
)
MAX_BYTES = 10_000_000


def messages_of(stretches: list[tuple[object, int]]) -> list[object]:
    """Return these lines, without the end of what AWS would never send at once."""
    messages, size = list[object](), 0
    for line, count in stretches:
        size += len(str(line)) * count
        messages += [line] * count if size < MAX_BYTES else []
    return messages


def log_events_of(messages: list[object]) -> list[dict[str, object]]:
    return [{"id": str(number), "timestamp": 1, "message": text} for number, text in enumerate(messages)]


def event_of(trigger: str, records: list[list[tuple[object, int]]]) -> dict[str, object]:
    """Return an event with these lines in it; one of SQS has a message a stretch."""
    if trigger == "kinesis":
        return kinesis_event(*(packed(document(logEvents=log_events_of(messages_of(record)))) for record in records))
    stretches = list(chain.from_iterable(records))
    if trigger == "sqs":
        return sqs_event(*(str(line) for line, _ in stretches))
    return awslogs_event(logEvents=log_events_of(messages_of(stretches)))


@settings(
    max_examples=50,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(event=st.builds(event_of, TRIGGERS, RECORDS), script=SCRIPTS)
def test_the_ledgers_balance_and_what_they_call_delivered_is_what_arrived(
    start: Start,
    intake: LocalIntake,
    said: Said,
    event: dict[str, object],
    script: list[tuple[int, str, int]],
) -> None:
    intake.store.clear()
    intake.script.replace(
        {"status": status, "signal": signal, "times": times, "headers": {"Retry-After": "0"}}
        for status, signal, times in script
    )
    forwarder = start(
        DD_LOG_LEVEL="INFO",
        EXCLUDE_AT_MATCH="drop me",
        DD_SCRUBBING_RULE="secret=.*",
        DD_REPORT_BATCH_ITEM_FAILURES="true",
    )
    answer: Answer = {}
    with contextlib.suppress(DeliveryError):
        answer = forwarder.handle(event, context())
    summary = said.summaries[-1]
    assert is_balanced(summary)
    assert delivered(summary) == arrived(intake)
    assert summary["signals"]["traces"]["delivered"] == len(intake.store.spans())
    if "Records" in event:
        assert bool(answer.get("batchItemFailures")) is (summary["items"]["returned"] > 0)
    forwarder.close()
