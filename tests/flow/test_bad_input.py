"""Bad input: what can be read is delivered, the rest is rejected with a reason, and nothing of it is shown."""

import base64
import gzip
import json
import random
from typing import Any

import pytest

from forwarder import signals
from forwarder.errors import UnsupportedEventError
from forwarder.records import Line, Signals
from local_intake.server import LocalIntake
from tests.builders import LOG_GROUP, awslogs_event, document, log_events, raw_event, wrap
from tests.flow.support import COFFEE, Forward, Said, arrived, delivered, is_balanced, messages, metrics
from tests.unit.platform_lines import REPORT

PACKED = gzip.compress(json.dumps(document(["secret order"])).encode())
MB = 1_000_000


def with_events(*events: str) -> dict[str, object]:
    """Return an event whose log events are these JSON texts."""
    frame = json.dumps(document()).replace('"logEvents": []', '"logEvents": [%s]')
    return raw_event((frame % ",".join(events)).encode())


def good(number: int) -> str:
    return json.dumps({"id": str(number), "timestamp": 1, "message": f"line {number}"})


# --- one bad log event among very many -----------------------------------------------------------


def test_a_log_event_that_cannot_be_read_is_rejected_once_however_many_there_are(forward: Forward) -> None:
    answer = forward(with_events("{}", *map(good, range(10_001))))
    assert (answer["lines"]["received"], answer["lines"]["rejected"]) == (10_002, 1)


# --- events that cannot be read at all -----------------------------------------------------------

UNREADABLE = {
    "no data": {"awslogs": {}},
    "data is null": {"awslogs": {"data": None}},
    "data is a number": {"awslogs": {"data": 7}},
    "awslogs is a list": {"awslogs": []},
    "awslogs is null": {"awslogs": None},
    "empty": {"awslogs": {"data": ""}},
    "base64 is cut off": {"awslogs": {"data": base64.b64encode(PACKED).decode()[:-5]}},
    "base64 is corrupt": {"awslogs": {"data": "!" + base64.b64encode(PACKED).decode()}},
    "base64 is not ASCII": {"awslogs": {"data": "é"}},
    "gzip is cut off": wrap(PACKED[:-20]),
    "gzip is corrupt": wrap(PACKED[:20] + b"\x00" * 20 + PACKED[40:]),
    "gzip has a wrong checksum": wrap(PACKED[:-8] + b"\x00" * 8),
    "not gzip": wrap(b'{"logEvents": "secret order"}'),
    "JSON is cut off": raw_event(json.dumps(document(["secret order"])).encode()[:-9]),
    "not JSON": raw_event(b"secret order"),
    "JSON of another kind": raw_event(b'["secret order"]'),
    "no log events": raw_event(b'{"logGroup": "secret order"}'),
    "log events are an object": raw_event(b'{"logEvents": {"message": "secret order"}}'),
    "log events are null": raw_event(b'{"logEvents": null}'),
}


@pytest.fixture(params=list(UNREADABLE.values()), ids=list(UNREADABLE))
def unreadable(request: pytest.FixtureRequest) -> object:
    return request.param


def test_what_cannot_be_read_is_one_rejected_record(forward: Forward, intake: LocalIntake, unreadable: object) -> None:
    answer = forward(unreadable)
    assert answer["lines"] == {"received": 1, "routed": 0, "filtered": 0, "rejected": 1}
    assert (arrived(intake), is_balanced(answer)) == ((0, 0), True)


def test_what_cannot_be_read_is_an_error_in_our_log_and_not_shown(
    forward: Forward, said: Said, unreadable: object
) -> None:
    forward(unreadable, DD_LOG_LEVEL="DEBUG")
    (error,) = said.at("ERROR")
    assert error["message"].startswith("Rejected: ")
    assert "secret order" not in said.text


@pytest.mark.parametrize("event", [{}, {"Records": []}, {"secret": "order", "k" * 100: 1}], ids=str)
def test_an_unknown_event_is_an_error_that_names_its_keys(forward: Forward, event: dict[str, object]) -> None:
    with pytest.raises(UnsupportedEventError) as raised:
        forward(event)
    assert all(key[:40] in str(raised.value) for key in event)
    assert "order" not in str(raised.value)


@pytest.mark.parametrize("event", [None, [], "awslogs", 7])
def test_an_event_that_is_no_object_is_an_error_that_says_so(forward: Forward, event: object) -> None:
    with pytest.raises(UnsupportedEventError, match="expected a JSON object"):
        forward(event)


# --- events of which some can be read ------------------------------------------------------------

BAD_EVENTS = {
    "message is a number": '{"id":"x","timestamp":1,"message":7}',
    "message is null": '{"id":"x","timestamp":1,"message":null}',
    "message is an object": '{"id":"x","timestamp":1,"message":{"a":"b"}}',
    "no message": '{"id":"x","timestamp":1}',
    "id is a number": '{"id":7,"timestamp":1,"message":"secret order"}',
    "time is a text": '{"id":"x","timestamp":"now","message":"secret order"}',
    "time is huge": '{"id":"x","timestamp":1e400,"message":"secret order"}',
    "lone surrogate": '{"id":"x","timestamp":1,"message":"secret order \\ud800"}',
    "a text": '"secret order"',
    "null": "null",
    "1,000 deep": '{"id":"x","timestamp":1,"message":' + "[" * 1000 + "]" * 1000 + "}",
    "100,000 deep": '{"id":"x","timestamp":1,"deep":' + "[" * 100_000 + "]" * 100_000 + ',"message":"secret order"}',
    "bad escape": '{"id":"x","timestamp":1,"message":"secret order \\q"}',
}


@pytest.mark.parametrize("bad", BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_one_bad_log_event_among_a_thousand_costs_only_itself(
    forward: Forward, intake: LocalIntake, said: Said, bad: str
) -> None:
    events = [good(number) for number in range(999)]
    answer = forward(with_events(*events[:500], bad, *events[500:]))
    assert messages(intake) == [f"line {number}" for number in range(999)]
    assert answer["lines"] == {"received": 1000, "routed": 999, "filtered": 0, "rejected": 1}
    assert is_balanced(answer)
    assert ("log event 500" in said.text, "secret order" in said.text) == (True, False)


@pytest.mark.parametrize("field", ["messageType", "owner", "logGroup", "logStream", "subscriptionFilters"])
@pytest.mark.parametrize("value", ["missing", None, 7, [], {}], ids=str)
def test_a_field_around_the_log_events_may_be_missing_or_wrong(
    forward: Forward, intake: LocalIntake, field: str, value: object
) -> None:
    body = document(["a", "b"]) | {field: value}
    if value == "missing":
        del body[field]
    answer = forward(raw_event(json.dumps(body).encode()))
    assert (messages(intake), delivered(answer)) == (["a", "b"], (2, 0))


def test_an_event_without_lines_is_fine(forward: Forward, intake: LocalIntake) -> None:
    answer = forward(awslogs_event([]))
    assert answer["lines"] == {"received": 0, "routed": 0, "filtered": 0, "rejected": 0}
    assert arrived(intake) == (0, 0)


def test_a_log_event_may_lack_id_and_time(forward: Forward, intake: LocalIntake) -> None:
    forward(with_events('{"message":"a"}'))
    (log,) = intake.store.logs()
    assert (log.message, "id" in log.attributes, "timestamp" in log.attributes) == ("a", False, False)


# --- lines that no stage is prepared for ---------------------------------------------------------


@pytest.fixture
def _poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that fails unexpectedly once it has worked on all lines."""
    sort = signals.sort

    def failing(lines: list[Line], *arguments: Any) -> Signals:
        found = sort(lines, *arguments)
        for line in lines:
            if "poison" in line.message:
                raise ValueError(line.message)
        return found

    monkeypatch.setattr(signals, "sort", failing)


MIXED = [COFFEE, "poison, secret order", '{"ddtags":"a:1","n":1}', "good", REPORT + "Status: timeout\n"]


@pytest.mark.usefixtures("_poisoned")
def test_a_line_that_no_stage_expects_costs_only_itself(forward: Forward, intake: LocalIntake) -> None:
    answer = forward(awslogs_event(MIXED))
    assert messages(intake) == ['{"n":1}', "good", MIXED[-1]]
    assert sorted(metric.name for metric in metrics(intake)) == sorted({metric.name for metric in metrics(intake)})
    assert {"coffee_house.order_value", "aws.lambda.enhanced.timeouts"} <= {metric.name for metric in metrics(intake)}
    assert answer["lines"] == {"received": 5, "routed": 4, "filtered": 0, "rejected": 1}
    assert is_balanced(answer)


@pytest.mark.usefixtures("_poisoned")
def test_a_line_that_no_stage_expects_is_reported_by_the_kind_of_error_and_a_pointer(
    forward: Forward, said: Said
) -> None:
    forward(awslogs_event(MIXED), DD_LOG_LEVEL="DEBUG")
    (error,) = said.at("ERROR")
    assert error["message"] == "Rejected: unexpected ValueError."
    assert ("event 1 at 1795343071001" in json.dumps(error), "secret order" in said.text) == (True, False)


@pytest.mark.usefixtures("_poisoned")
def test_what_else_is_in_the_group_of_a_line_that_no_stage_expects_is_counted_once(forward: Forward) -> None:
    answer = forward(awslogs_event(logEvents=[{"message": 7}, *log_events(["poison", "good"])]))
    assert answer["lines"] == {"received": 3, "routed": 1, "filtered": 0, "rejected": 2}


# --- messages ------------------------------------------------------------------------------------

WHOLE = {
    "empty": "",
    "a space": " ",
    "a zero": "\x00",
    "separators": "a\u2028b\u0085c\r\nd\n",
    "beyond the plane": "😀é\uffff",
    "looks like JSON": '{"m":',
    "looks like the frame": '"},{"message":"',
    "JSON 1,000 deep": '{"a":' * 1000 + "1" + "}" * 1000,
    "JSON 100,000 deep": '{"m":1,"v":' + "[" * 100_000 + "]" * 100_000 + "}",
    "a trace 100,000 deep": '{"traces":' + "[" * 100_000 + "]" * 100_000 + "}",
    "900 kB": "é" * 450_000,
}


@pytest.mark.parametrize("message", WHOLE.values(), ids=WHOLE)
def test_a_message_arrives_as_it_was(forward: Forward, intake: LocalIntake, message: str) -> None:
    answer = forward(awslogs_event(["before", message, "after"]))
    assert messages(intake) == ["before", message, "after"]
    assert is_balanced(answer)


TOO_LONG = {
    "1 MB": "x" * MB,
    "1 MB of control characters": "\x01" * MB,
    "1 MB of quotes": '"' * MB,
    "1 MB of emoji": "😀" * (MB // 4),
    "1 MB of two bytes": "é" * (MB // 2),
}


@pytest.mark.parametrize("message", TOO_LONG.values(), ids=TOO_LONG)
def test_a_message_over_the_intakes_limit_is_cut_and_tagged(
    forward: Forward, intake: LocalIntake, message: str
) -> None:
    answer = forward(awslogs_event(["before", message, "after"]))
    before, cut, after = sorted(intake.store.logs(), key=lambda log: str(log.id))
    assert (before.message, after.message) == ("before", "after")
    assert message.startswith(cut.message or "nothing")
    assert "truncated:true" in (cut.tags or "").split(",")
    assert 999_000 < len(json.dumps(cut.attributes, ensure_ascii=False, separators=(",", ":")).encode()) <= MB
    assert (intake.store.stats().oversized, is_balanced(answer)) == (0, True)


def test_an_event_as_large_as_lambda_takes_arrives_whole(forward: Forward, intake: LocalIntake) -> None:
    noise = random.Random(42)
    lines = [noise.randbytes(450).hex() for _ in range(8_500)]
    event = awslogs_event(lines)
    assert 5_000_000 < len(json.dumps(event)) < 6 * 1024 * 1024
    assert delivered(forward(event)) == (8_500, 0)
    assert messages(intake) == lines


# --- lines that are nearly metrics ---------------------------------------------------------------

NO_METRICS = {
    "NaN": '{"m":"a","v":NaN,"e":1,"t":[]}',
    "infinity": '{"m":"a","v":Infinity,"e":1,"t":[]}',
    "beyond a double": '{"m":"a","v":1e400,"e":1,"t":[]}',
    "an integer beyond a double": '{"m":"a","v":1' + "0" * 400 + ',"e":1,"t":[]}',
    "null": '{"m":"a","v":null,"e":1,"t":[]}',
    "true": '{"m":"a","v":true,"e":1,"t":[]}',
    "a text": '{"m":"a","v":"7","e":1,"t":[]}',
    "time beyond an integer": '{"m":"a","v":1,"e":1e30,"t":[]}',
    "no name": '{"m":"","v":1,"e":1,"t":[]}',
    "tags are null": '{"m":"a","v":1,"e":1,"t":null}',
    "tags are numbers": '{"m":"a","v":1,"e":1,"t":[7]}',
    "another key": '{"m":"a","v":1,"e":1,"t":[],"x":1}',
    "cut off": '{"m":"a","v":1,"e":1,"t":[',
}


@pytest.mark.parametrize("line", NO_METRICS.values(), ids=NO_METRICS)
def test_a_line_that_is_nearly_a_metric_is_a_log(forward: Forward, intake: LocalIntake, line: str) -> None:
    answer = forward(awslogs_event([line, '{"m":"a","v":1,"e":1,"t":[]}']))
    assert (messages(intake), len(metrics(intake))) == ([line], 1)
    assert is_balanced(answer)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1e308", 1e308), ("-0.0", 0.0), ("9007199254740993", 9007199254740992.0), ("1e-320", 1e-320)],
)
def test_a_huge_or_tiny_value_is_a_value(forward: Forward, intake: LocalIntake, value: str, expected: float) -> None:
    forward(awslogs_event([f'{{"m":"a","v":{value},"e":1.5,"t":[]}}']))
    assert [(metric.second, metric.value) for metric in metrics(intake)] == [(1, expected)]


def test_a_value_beyond_64_bits_is_a_float(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event(['{"m":"a","v":1' + "0" * 30 + ',"e":1,"t":[""]}']))
    assert [metric.value for metric in metrics(intake)] == [1e30]


@pytest.mark.parametrize("tags", ['["a:b"]', "null", '{"a":"b"}', "7", "true", '""', '" , "', '"\\ud800"'])
def test_ddtags_of_another_kind_stay_in_the_message(forward: Forward, intake: LocalIntake, tags: str) -> None:
    message = f'{{"ddtags":{tags},"level":"info"}}'
    forward(awslogs_event([message]))
    assert messages(intake) == [message]


def test_megabytes_of_ddtags_stay_in_the_message(forward: Forward, intake: LocalIntake) -> None:
    message = json.dumps({"ddtags": "a:b," * 200_000})
    forward(awslogs_event([message]))
    assert messages(intake) == [message]


@pytest.mark.parametrize("log_group", ["", " ", "/aws/lambda/", "/aws/lambda/a/b", LOG_GROUP * 100, "\x00", "é"])
def test_a_strange_log_group_does_not_matter(forward: Forward, intake: LocalIntake, log_group: str) -> None:
    answer = forward(awslogs_event(["a"], log_group))
    assert (messages(intake), is_balanced(answer)) == (["a"], True)


def test_two_records_of_the_same_id_both_arrive(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event(logEvents=[*log_events("a"), *log_events("b")]))
    assert sorted(str(message) for message in messages(intake)) == ["a", "b"]
