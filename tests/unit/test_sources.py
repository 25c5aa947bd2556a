"""`sources`: which trigger an event came from, and what is in it; each record separately."""

import base64
import gzip
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder import sources
from forwarder.deadline import Deadline
from forwarder.errors import UnsupportedEventError
from forwarder.records import Continuation, Found, Group, Rejection, S3Object, Unread
from tests.builders import (
    QUEUE_ARN,
    STREAM_ARN,
    TOPIC_ARN,
    awslogs_event,
    document,
    eventbridge_event,
    far_deadline,
    kinesis_event,
    packed,
    s3_event,
    sns_event,
    sqs_event,
    wrap,
)
from tests.fakes import FakeObjects

TRIGGERS = json.loads((Path(__file__).resolve().parents[1] / "data" / "triggers.json").read_text())


def found_in(event: Any, objects: dict[str, bytes] | None = None, deadline: Deadline | None = None) -> list[Found]:
    reading = sources.Reading(FakeObjects(objects or {}), deadline or far_deadline())
    return list(sources.read(event, reading))


def built(value: Any) -> Any:
    """Pack what a row of the table shows unpacked: `{"$base64": {"$gzip": {"$json": …}}}`."""
    match value:
        case {"$json": content}:
            return json.dumps(built(content), separators=(",", ":"))
        case {"$gzip": content}:
            return gzip.compress(built(content).encode())
        case {"$base64": content}:
            inner = built(content)
            return base64.b64encode(inner if isinstance(inner, bytes) else inner.encode()).decode()
        case dict():
            return {name: built(member) for name, member in value.items()}
        case list():
            return [built(element) for element in value]
    return value


def shown(group: Found) -> dict[str, object]:
    """Show a group as the rows of the table do."""
    assert isinstance(group, Group)
    assert group.rejected == ()
    shape = {"place": asdict(group.place), "record": group.record, "filtered": group.filtered}
    return shape | {"lines": msgspec.to_builtins(group.lines)}


def messages(found: Iterable[Found]) -> list[str]:
    return [line.message for group in found if isinstance(group, Group) for line in group.lines]


# --- every trigger, wrapped in every way ---------------------------------------------------------

ROWS = [pytest.param(row, id=row["name"]) for row in TRIGGERS]


@pytest.mark.parametrize("row", ROWS)
def test_an_event_is_named_after_its_trigger(row: dict[str, Any]) -> None:
    assert sources.event_type(built(row["event"])) == row["type"]


@pytest.mark.parametrize("row", ROWS)
def test_an_event_yields_its_lines_with_their_places(row: dict[str, Any]) -> None:
    objects = {name: text.encode() for name, text in row.get("objects", {}).items()}
    expected = [{"record": 0, "filtered": 0} | group for group in row["groups"]]
    assert [shown(group) for group in found_in(built(row["event"]), objects)] == expected


# --- what nothing here reads ---------------------------------------------------------------------


UNREAD = "Unsupported event with the keys:"
NO_RECORDS: tuple[object, ...] = (7, {}, [], [7])


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ({}, f"{UNREAD} (none)."),
        ({"a": "sesame", "b": 1}, f"{UNREAD} a, b."),
        ({"detail": {}}, f"{UNREAD} detail."),
        ({"Event": "sesame"}, f"{UNREAD} Event."),
        *(({"Records": records}, f"{UNREAD} Records.") for records in NO_RECORDS),
        (
            {"Records": [{"eventSource": "aws:dynamodb", "a": "sesame"}]},
            f"{UNREAD} Records. Its first record has the keys: eventSource, a, and the eventSource aws:dynamodb.",
        ),
        (
            {"Records": [{"a": "sesame"}]},
            f"{UNREAD} Records. Its first record has the keys: a.",
        ),
        ([], "The event is a list; expected a JSON object."),
        (None, "The event is a NoneType; expected a JSON object."),
        ("sesame", "The event is a str; expected a JSON object."),
    ],
)
def test_an_unknown_shape_is_an_error_that_names_its_keys_and_no_values(event: object, sentence: str) -> None:
    with pytest.raises(UnsupportedEventError) as caught:
        sources.event_type(event)
    assert str(caught.value) == sentence


def test_an_error_about_an_event_stays_short_whatever_the_event() -> None:
    wide = {f"{number}" * 1000: 1 for number in range(1000)}
    with pytest.raises(UnsupportedEventError) as caught:
        sources.event_type(wide | {"Records": [wide | {"eventSource": "x" * 1000}]})
    assert len(str(caught.value)) < 1100


# --- one bad record spoils nothing else ----------------------------------------------------------

CORRUPT_KINESIS = {"eventSource": "aws:kinesis", "kinesis": {"data": "!", "sequenceNumber": "7"}}
CORRUPT_SQS = {"eventSource": "aws:sqs", "messageId": "m7", "body": None}
CORRUPT_SNS = {"EventSource": "aws:sns", "Sns": {"MessageId": "n7"}}
CORRUPT_S3 = {"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {}}}
KINDS = [
    pytest.param(kinesis_event(b"good"), CORRUPT_KINESIS, id="kinesis"),
    pytest.param(sqs_event("good"), CORRUPT_SQS, id="sqs"),
    pytest.param(sns_event("good"), CORRUPT_SNS, id="sns"),
    pytest.param(s3_event("good", bucket="b"), CORRUPT_S3, id="s3"),
]


@pytest.mark.parametrize(("event", "corrupt"), KINDS)
def test_one_corrupt_record_among_ten_costs_only_itself(event: dict[str, Any], corrupt: object) -> None:
    records = [event["Records"][0]] * 10
    records[5] = corrupt
    found = found_in({"Records": records}, {"s3://b/good": b"good"})
    assert messages(found) == ["good"] * 9
    assert [isinstance(one, Rejection) for one in found] == [number == 5 for number in range(10)]


@pytest.mark.parametrize(("event", "corrupt"), KINDS)
@pytest.mark.parametrize("stray", [None, 7, "sesame", [], {}, {"eventSource": "aws:dynamodb"}], ids=repr)
def test_a_record_that_is_none_of_its_kind_is_rejected_even_if_it_is_the_first(
    event: dict[str, Any], corrupt: object, stray: object
) -> None:
    rejection, group = found_in({"Records": [stray, *event["Records"]]}, {"s3://b/good": b"good"})
    assert isinstance(rejection, Rejection)
    assert messages([group]) == ["good"]


@pytest.mark.parametrize(
    ("record", "rejection"),
    [
        (CORRUPT_KINESIS, Rejection("kinesis.data is not base64", "kinesis record 0 7")),
        (CORRUPT_SQS, Rejection("Expected `str`, got `null` - at `$.body`", "sqs record 0 m7")),
        (CORRUPT_SNS, Rejection("Object missing required field `Message` - at `$.Sns`", "sns record 0")),
        (CORRUPT_S3, Rejection("Object missing required field `key` - at `$.s3.object`", "s3 record 0")),
    ],
)
def test_a_rejection_says_what_is_wrong_where_and_keeps_the_record(
    record: dict[str, Any], rejection: Rejection
) -> None:
    (found,) = found_in({"Records": [record]})
    assert isinstance(found, Rejection)
    assert (found.reason, found.pointer) == (rejection.reason, rejection.pointer)
    assert json.loads(found.raw) == record


def test_a_corrupt_cloudwatch_event_is_one_rejection_with_the_event() -> None:
    (found,) = found_in(wrap(b"plain text"))
    assert found == Rejection(
        "its gzip is corrupt", "the awslogs event", raw=json.dumps(wrap(b"plain text"), separators=(",", ":"))
    )


def test_an_event_of_10_000_records_yields_each_of_them_in_order() -> None:
    found = found_in(sqs_event(*map(str, range(10_000))))
    assert messages(found) == [str(number) for number in range(10_000)]
    assert [group.record for group in found if isinstance(group, Group)] == list(range(10_000))


def test_records_that_are_nested_absurdly_are_rejected_without_their_text() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    (found,) = found_in({"Records": [{"eventSource": "aws:sqs", "body": deep}]})
    assert isinstance(found, Rejection)
    assert found.raw == ""


MEMBERS = """
    Records awslogs data kinesis body Sns Message s3 bucket object name key detail detail-type source Event eventSource
    eventName continuation attributes Type time Timestamp SentTimestamp approximateArrivalTimestamp position TopicArn
"""
MEMBER = st.sampled_from(MEMBERS.split())
VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(codec=None)),
    st.sampled_from(["aws:sqs", "aws:sns", "aws:s3", "aws:kinesis", "aws.s3", "Object Created", "Notification"]),
)
JSON = st.recursive(VALUE, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBER, inner, max_size=5))
RECORD = st.dictionaries(MEMBER, JSON, max_size=6)


@given(st.dictionaries(MEMBER, JSON) | st.builds(lambda records: {"Records": records}, st.lists(RECORD)))
def test_whatever_comes_is_either_unsupported_or_read_without_an_error(event: dict[str, Any]) -> None:
    try:
        sources.event_type(event)
    except UnsupportedEventError:
        return
    groups = [found for found in found_in(event) if isinstance(found, Group)]
    assert all(msgspec.json.encode([*group.lines, str(group.place)]) for group in groups)


@pytest.mark.parametrize(
    "event",
    [
        {"Records": [{"eventSource": "aws:sqs", "eventSourceARN": "\ud800", "messageId": "\ud800", "body": "a"}]},
        {"Records": [{"eventSource": "aws:sns", "Sns": {"TopicArn": "\ud800", "MessageId": "\ud800", "Message": "a"}}]},
        {"Records": [{"eventSource": "aws:kinesis", "eventSourceARN": "\ud800", "kinesis": {"data": "YQ=="}}]},
    ],
    ids=["sqs", "sns", "kinesis"],
)
def test_a_name_that_no_encoding_has_a_place_for_is_left_out(event: dict[str, Any]) -> None:
    (group,) = found_in(event)
    assert isinstance(group, Group)
    assert asdict(group.place)["arn"] == ""
    assert group.lines[0].id == ""


@pytest.mark.parametrize(
    ("event", "broken"),
    [
        (kinesis_event(b"1", b"2"), {"kinesis": "\ud800"}),
        (s3_event("1", "2", bucket="b"), {"s3": "\ud800"}),
        (sns_event("1", "2"), {"Sns": "\ud800"}),
        (sqs_event("1", "2"), {"body": None}),
    ],
    ids=["kinesis", "s3", "sns", "sqs"],
)
def test_a_record_with_a_string_in_place_of_something_else_costs_only_itself(
    event: dict[str, Any], broken: dict[str, Any]
) -> None:
    event["Records"][0] |= broken
    rejection, group = found_in(event, {"s3://b/2": b"2"})
    assert isinstance(rejection, Rejection)
    assert isinstance(group, Group)
    assert [line.message for line in group.lines] == ["2"]


# --- when the time is up -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (awslogs_event(["a"]), "the awslogs event"),
        (kinesis_event(packed(document(["a"]))), STREAM_ARN),
        (kinesis_event(b"a"), STREAM_ARN),
        (sqs_event("a"), QUEUE_ARN),
        (sns_event("a"), TOPIC_ARN),
        (eventbridge_event(), "ec2"),
    ],
)
def test_what_has_not_been_begun_by_the_deadline_is_unread(event: dict[str, Any], pointer: str) -> None:
    assert found_in(event, deadline=Deadline.after(0)) == [Unread(0, "the time was up", pointer)]


def test_of_objects_not_begun_by_the_deadline_a_replay_can_start_from_the_beginning() -> None:
    found = found_in(s3_event("1", "2", bucket="b"), deadline=Deadline.after(0))
    assert [one.rest for one in found if isinstance(one, Unread)] == [
        Continuation(S3Object("b", "1")),
        Continuation(S3Object("b", "2")),
    ]


# --- what Lambda calls the records ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "identifiers"),
    [
        (kinesis_event(b"a", b"b"), ["0", "1"]),
        (sqs_event("a", "b"), ["message-0", "message-1"]),
        (sns_event("a"), []),
        (s3_event("a"), []),
        (awslogs_event(["a"]), []),
        (eventbridge_event(), []),
    ],
)
def test_records_of_kinesis_and_sqs_have_identifiers(event: dict[str, Any], identifiers: list[str]) -> None:
    assert sources.item_identifiers(event) == identifiers


@pytest.mark.parametrize("stray", [None, {}, {"messageId": 7}, {"messageId": None}], ids=repr)
def test_a_record_without_an_identifier_keeps_its_place_among_them(stray: object) -> None:
    event: Any = sqs_event("a")
    assert sources.item_identifiers({"Records": [stray, *event["Records"]]}) == ["", "message-0"]
