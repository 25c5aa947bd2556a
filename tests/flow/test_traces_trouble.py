"""Traces that are sensitive or invalid: their treatment, and that of the data next to them."""

import json
from typing import Any

import pytest

from forwarder.errors import DeliveryError
from local_intake.server import LocalIntake
from tests.builders import SPAN_START as START
from tests.builders import awslogs_event
from tests.builders import trace_line as line
from tests.builders import trace_span as span
from tests.flow.recorder import Recorder
from tests.flow.support import Forward, Said, body_of_traces, is_balanced, messages, span_ids

ADDRESS = "customer@example.com"


# --- sensitive data ------------------------------------------------------------------------------


def test_masks_apply_to_every_string_of_a_span(forward: Forward) -> None:
    texts = dict.fromkeys(("service", "name", "resource"), f"of {ADDRESS}")
    link = {"trace_id": "1", "span_id": "2", "attributes": {"to": ADDRESS}, "tracestate": ADDRESS}
    event = {"name": ADDRESS, "time_unix_nano": START, "attributes": {"to": ADDRESS}}
    members: dict[str, Any] = {"span_links": [link], "span_events": [event], "meta_struct": {"a": {"to": ADDRESS}}}
    with Recorder() as recorder:
        forward(
            awslogs_event([line(span(meta={"to": ADDRESS}, **texts, **members))]), url=recorder.url, REDACT_EMAIL="true"
        )
        sent = body_of_traces(recorder)
    assert (ADDRESS.encode() in sent, sent.count(b"xxxxx@xxxxx.com")) == (False, 9)


def test_a_span_that_cannot_be_masked_is_reported_by_its_ids_only(
    forward: Forward, intake: LocalIntake, said: Said
) -> None:
    hangs = "x" * 50_000
    answer = forward(awslogs_event([line(span("c3", resource=hangs), span("d4"))]), DD_SCRUBBING_RULE="(x+x+)+y")
    assert (span_ids(intake), answer["signals"]["traces"]["rejected"], is_balanced(answer)) == ([0xD4], 1, True)
    (error,) = said.at("ERROR")
    assert "span 00000000000000c3 of trace 00000000000000a1" in error["where"]
    assert "xxxx" not in said.text.replace("xxxxx@", "")


def test_a_mask_that_hangs_on_every_span_does_not_outlast_the_invocation(forward: Forward, intake: LocalIntake) -> None:
    event = awslogs_event([line(*(span(number, resource="x" * 50_000) for number in range(1, 101)))])
    with pytest.raises(DeliveryError, match="time was up"):
        forward(event, seconds=1, DD_SCRUBBING_RULE="(x+x+)+y")
    assert intake.store.spans() == []


def test_statements_outside_the_tags_lose_their_literals(forward: Forward) -> None:
    texts = {"db.statement": f"SELECT '{ADDRESS}'", "http.url": f"http://a/?{ADDRESS}"}
    link = {"trace_id": "1", "span_id": "2", "attributes": texts}
    event = {"name": "query", "time_unix_nano": START, "attributes": texts}
    members: dict[str, Any] = {"span_links": [link], "span_events": [event], "meta_struct": {"a": [texts], **texts}}
    with Recorder() as recorder:
        forward(awslogs_event([line(span(**members))]), url=recorder.url)
        sent = body_of_traces(recorder)
    assert (ADDRESS.encode() in sent, sent.count(b"SELECT ?")) == (False, 4)


# --- invalid input -------------------------------------------------------------------------------


def test_a_broken_span_affects_no_other(forward: Forward, intake: LocalIntake, said: Said) -> None:
    answer = forward(awslogs_event([line(span(1), span("no id"), None, span(2))]))
    assert sorted(span_ids(intake)) == [1, 2]
    ledger = answer["signals"]["traces"]
    assert (ledger["created"], ledger["rejected"], is_balanced(answer)) == (4, 2, True)
    (error,) = said.at("ERROR")
    assert (error["message"], error["count"]) == ("Rejected: a span without a usable trace id or span id.", 2)


@pytest.mark.parametrize(
    "text",
    [
        line(span())[:-20],
        '{"traces": {"trace_id": "1"}}',
        '{"traces": [[{"trace_id": "1"}]]} and more',
    ],
    ids=["cut off", "no list of traces", "more than JSON"],
)
def test_a_line_that_is_broken_as_a_whole_goes_out_as_a_log(forward: Forward, intake: LocalIntake, text: str) -> None:
    answer = forward(awslogs_event([text]))
    assert (messages(intake), intake.store.spans(), is_balanced(answer)) == ([text], [], True)


SQL = json.dumps(span("b2", resource=f"SELECT '{ADDRESS}'", type="sql"))


@pytest.mark.parametrize(
    ("text", "rejected"),
    [
        ('{"traces": [[], [SPAN]]}', 0),
        ('{"traces": [[{"span_id": "1"}, SPAN]]}', 1),
        ('{"traces": [["x", {}, SPAN]]}', 2),
        ('{"traces": [[SPAN], null]}', 1),
        ('{"traces": [7, [SPAN]]}', 1),
        (' \t{"traces": [[SPAN]]}', 0),
        ('\ufeff{"traces": [[SPAN]]}', 0),
        ('{"context": "' + "x" * 200 + '", "traces": [[SPAN]]}', 0),
        ('{"traces": [[SPAN]]}{"traces": []}\n', 0),
        ('{"traces": [[SPAN]]} {"traces": [[{', 1),
        ('{"traces": [[SPAN, {"trace_id": "1", "deep": ' + "[" * 50_000 + "]" * 50_000 + "}]]}", 1),
        ('{"traces": [[SPAN, {"trace_id": "1", "long": ' + "9" * 5_000 + "}]]}", 1),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_odd_line_of_traces_never_goes_out_as_a_log(
    forward: Forward, intake: LocalIntake, text: str, rejected: int
) -> None:
    answer = forward(awslogs_event([text.replace("SPAN", SQL), "a log"]))
    ledger = answer["signals"]["traces"]
    assert (messages(intake), ledger["rejected"], is_balanced(answer)) == (["a log"], rejected, True)
    assert span_ids(intake) == [0xB2]


@pytest.mark.parametrize(
    "members",
    [
        {"span_id": 2**63 + 7},
        {"span_id": "ff" * 30},
        {"start": -5, "duration": -5},
        {"start": 1.5, "duration": 1e300},
        {"meta": {"n": 7, "f": 0.5, "none": None}, "metrics": {"text": "7", "word": "x"}},
        {"metrics": {"nan": float("nan"), "inf": float("inf")}},
        {"meta": {"note": "x" * 300_000}},
        {"parent_id": "b2"},
        {"resource": "half a surrogate: \ud83d"},
        {"service": None, "name": None, "resource": None, "meta": None, "metrics": None, "error": True},
        {"type": "http", "meta": {"http.url": "http://user:pw@[::"}},
        {"type": "mongodb", "meta": {"mongodb.query": '{"a": ['}},
        {"type": "redis", "resource": "AUTH"},
    ],
    ids=str,
)
def test_an_unusual_span_still_arrives(forward: Forward, intake: LocalIntake, members: dict[str, Any]) -> None:
    answer = forward(awslogs_event([line(span(**{"span_id": "b2", **members}))]))
    assert (answer["signals"]["traces"]["delivered"], len(intake.store.spans()), is_balanced(answer)) == (1, 1, True)


def test_spans_that_are_each_others_parents_arrive(forward: Forward, intake: LocalIntake) -> None:
    circle = [span(n, parent_id=f"{n % 3 + 1}") for n in (1, 2, 3)]
    forward(awslogs_event([line(*circle)]))
    assert sorted(span_ids(intake)) == [1, 2, 3]


def test_placeholders_of_xray_are_not_counted_and_leave_no_gap(forward: Forward, intake: LocalIntake) -> None:
    xray = {"_dd.parent_source": "xray"}
    lines = [line(span("c3", parent_id="b2")), line(span("b2", parent_id="a1", meta=xray))]
    answer = forward(awslogs_event(lines))
    (arrived,) = intake.store.spans()
    assert (arrived.span_id[-2:], arrived.parent_id[-2:]) == ("c3", "a1")
    assert (answer["signals"]["traces"]["created"], is_balanced(answer)) == (1, True)
