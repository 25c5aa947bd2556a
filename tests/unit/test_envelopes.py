"""Nested messages: the innermost counts, and what only looks like an envelope is a log."""

import json
from typing import Any

import pytest

from forwarder import sources
from forwarder.records import Found, Group, Rejection, S3Object
from tests.builders import (
    FIRST_TIMESTAMP,
    QUEUE_ARN,
    eventbridge_event,
    far_deadline,
    object_created_event,
    s3_event,
    sns_event,
    sns_message,
    sqs_event,
)
from tests.fakes import FakeObjects

TIME = "2026-11-22T10:24:31.000Z"


def found_in(event: dict[str, Any], **objects: bytes) -> list[Found]:
    reading = sources.Reading(FakeObjects({f"s3://b/{key}": data for key, data in objects.items()}), far_deadline())
    return list(sources.read(event, reading))


def message_of(event: dict[str, Any]) -> str:
    """Return the text of the only log in an event."""
    (group,) = found_in(event)
    assert isinstance(group, Group)
    (line,) = group.lines
    return line.message


def in_sns(message: str, times: int) -> str:
    for _ in range(times):
        message = json.dumps(sns_message(message))
    return message


# --- which logs are not taken for envelopes ------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{",
        "[]",
        "null",
        '{"a":1}',
        '{"Records":[]}',
        '{"Records":[{"a":1}]}',
        '{"Records":"s3"}',
        '{"Records":[{"s3":"a/b"},{"s3":null}]}',
        '{"Type":"Notification"}',
        '{"Type":"Notification","TopicArn":"arn:t","Message":7}',
        '{"Type":"Notification","Message":"an application\'s own"}',
        '{"Type":"Notification","Message":"{\\"Records\\":[{\\"a\\":1}]}"}',
        '{"Type":"Notification","Message":"{\\"detail\\":{},\\"detail-type\\":\\"x\\"}"}',
        '{"detail":"an application\'s own"}',
        '{"Event":"an application\'s own"}',
        '{"a":1e999}',
        '{"a":"\\ud800"}',
        '{"Records":' + "[" * 100_000 + "]" * 100_000 + "}",
        '\u2028{"a":1}',
    ],
    ids=lambda body: body[:40],
)
def test_a_message_that_is_no_envelope_is_a_log_as_it_is(body: str) -> None:
    assert message_of(sqs_event(body)) == body
    assert message_of(sns_event(body)) == body


def test_a_lone_surrogate_is_replaced_since_nothing_could_send_it() -> None:
    assert message_of(sqs_event("a\ud800b")) == "a\ufffdb"
    assert "a\ufffdb" in message_of(eventbridge_event(name="a\ud800b"))


def test_an_envelope_with_white_space_around_it_is_one() -> None:
    assert message_of(sqs_event(f"\n {in_sns('a', 1)}\n")) == "a"


def test_what_is_wrapped_too_often_is_a_log_as_it_is_at_that_depth() -> None:
    assert message_of(sqs_event(in_sns("a", 5))) == "a"
    assert message_of(sqs_event(in_sns("a", 7))) == in_sns("a", 2)


# --- objects that messages name ------------------------------------------------------------------


def test_an_object_read_through_a_queue_belongs_to_the_message_that_named_it() -> None:
    body = json.dumps(s3_event("a", bucket="b"))
    found = found_in(sqs_event("text", body), a=b"1\n")
    assert [one.record for one in found if isinstance(one, Group)] == [0, 1]


def without_topic(content: object) -> str:
    """Return the least that is an SNS envelope."""
    return json.dumps({"Type": "Notification", "Message": json.dumps(content)})


@pytest.mark.parametrize("content", [s3_event("a", bucket="b"), object_created_event("a", "b")])
def test_an_envelope_without_its_topic_is_one_if_there_is_an_object_in_it(content: dict[str, object]) -> None:
    envelope = without_topic(content)
    for body in (envelope, in_sns(envelope, 1)):
        (group,) = found_in(sqs_event(body), a=b"1\n")
        assert isinstance(group, Group)
        assert [line.message for line in group.lines] == ["1"]


def test_a_test_event_of_s3_in_an_envelope_without_its_topic_is_acknowledged() -> None:
    (group,) = found_in(sqs_event(without_topic({"Service": "Amazon S3", "Event": "s3:TestEvent"})))
    assert isinstance(group, Group)
    assert (group.lines, group.filtered) == ([], 1)


@pytest.mark.parametrize("odd", ["\ud800", float("nan")])
def test_what_a_decoder_refuses_does_not_hide_which_object_it_is(odd: object) -> None:
    notification: Any = s3_event("a", bucket="b")
    notification["Records"][0]["userIdentity"] = {"principalId": odd}
    body, created = json.dumps(notification), json.dumps(object_created_event("a", "b") | {"account": odd})
    events = [sqs_event(body), sns_event(body), sqs_event(json.dumps(sns_message(body))), sqs_event(created)]
    for event in events:
        (group,) = found_in(event, a=b"1\n")
        assert isinstance(group, Group)
        assert [line.message for line in group.lines] == ["1"]


def test_one_bad_record_of_a_notification_in_a_message_costs_only_itself() -> None:
    records: Any = s3_event("a", "c", bucket="b")["Records"]
    records.insert(1, {"s3": {}})
    first, rejection, last = found_in(sqs_event(json.dumps({"Records": records})), a=b"1\n", c=b"3\n")
    assert [line.message for group in (first, last) if isinstance(group, Group) for line in group.lines] == ["1", "3"]
    assert rejection == Rejection(
        "Object missing required field `bucket` - at `$.s3`", f"{QUEUE_ARN} message-0, s3 record 1", raw='{"s3":{}}'
    )


@pytest.mark.parametrize(
    "key", ["a", "a b", "a+b", "a%41", "%", "%zz", "é😀", "a/b//c/", "=?&#", "\u2028", "\n", "x" * 1024]
)
def test_a_key_is_the_same_whichever_way_it_comes(key: str) -> None:
    direct, created = s3_event(key, bucket="b"), object_created_event(key, "b")
    events = [direct, created, sns_event(json.dumps(direct)), sqs_event(json.dumps(direct), json.dumps(created))]
    for event in events:
        objects = FakeObjects({f"s3://b/{key}": b"1\n"})
        found = list(sources.read(event, sources.Reading(objects, far_deadline())))
        assert {one.place for one in found if isinstance(one, Group)} == {S3Object("b", key)}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ({"bucket": {"name": "b"}, "object": {"key": ""}}, "Expected `str` of length >= 1 - at `$.s3.object.key`"),
        ({"bucket": {"name": "b"}, "object": {"key": 7}}, "Expected `str`, got `int` - at `$.s3.object.key`"),
        ({"bucket": {"name": 7}, "object": {"key": "a"}}, "Expected `str`, got `int` - at `$.s3.bucket.name`"),
        ({"bucket": None, "object": {"key": "a"}}, "Expected `object`, got `null` - at `$.s3.bucket`"),
        ({"bucket": {"name": "sesame!"}, "object": {"key": "a"}}, None),
        ({"bucket": {"name": "b"}, "object": {"key": "\ud800"}}, None),
    ],
)
def test_an_object_without_a_proper_name_is_rejected(names: dict[str, Any], reason: str | None) -> None:
    (rejection,) = found_in({"Records": [{"eventSource": "aws:s3", "s3": names}]})
    assert isinstance(rejection, Rejection)
    assert reason in {None, rejection.reason}
    assert "sesame" not in repr(rejection)


@pytest.mark.parametrize("detail", [None, {}, {"bucket": {"name": "b"}, "object": {"key": ""}}])
def test_an_announcement_without_an_object_is_rejected(detail: object) -> None:
    (rejection,) = found_in(eventbridge_event("aws.s3", "Object Created") | {"detail": detail})
    assert isinstance(rejection, Rejection)
    assert rejection.pointer == "the eventbridge event"


# --- which notifications bring lines -------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload", "s3:ObjectCreated:Copy", "", None, 7]
)
def test_objects_that_are_created_are_read(name: Any) -> None:
    (group,) = found_in(s3_event("a", bucket="b", name=name), a=b"1\n")
    assert isinstance(group, Group)
    assert len(group.lines) == 1


@pytest.mark.parametrize(
    "name",
    ["ObjectRemoved:Delete", "ObjectRestore:Completed", "ObjectTagging:Put", "LifecycleTransition", "s3:ObjectAcl:Put"],
)
def test_what_else_happens_to_objects_is_filtered(name: str) -> None:
    assert found_in(s3_event("a", bucket="b", name=name), a=b"1\n") == [Group(S3Object("b", "a"), [], filtered=1)]


def test_what_eventbridge_reports_about_objects_is_a_log_unless_it_is_a_creation() -> None:
    assert "Object Deleted" in message_of(eventbridge_event("aws.s3", "Object Deleted", object={"key": "a"}))


# --- times and names that are none cost no line --------------------------------------------------


@pytest.mark.parametrize("sent", [None, 7, "", "x", "-1", "0", "9" * 15, "9" * 10_000, "1.5", "²"])
def test_a_queue_message_without_a_proper_time_has_none(sent: object) -> None:
    event: Any = sqs_event("a")
    event["Records"][0]["attributes"]["SentTimestamp"] = sent
    (group,) = found_in(event)
    assert isinstance(group, Group)
    assert group.lines[0].timestamp is None


@pytest.mark.parametrize(
    ("time", "timestamp"),
    [
        (TIME, FIRST_TIMESTAMP),
        ("2026-11-22T10:24:31Z", FIRST_TIMESTAMP),
        ("2026-11-22T10:24:31", FIRST_TIMESTAMP),
        ("2026-11-22T11:24:31+01:00", FIRST_TIMESTAMP),
        *((time, None) for time in (None, 7, "", "yesterday", "0001-01-01T00:00:00+23:59", "1969-01-01T00:00:00Z")),
    ],
)
def test_a_time_is_understood_or_left_out(time: object, timestamp: int | None) -> None:
    published: Any = sns_event("a")
    published["Records"][0]["Sns"]["Timestamp"] = time
    for event in (published, eventbridge_event() | {"time": time}):
        (group,) = found_in(event)
        assert isinstance(group, Group)
        assert group.lines[0].timestamp == timestamp


@pytest.mark.parametrize("source", [None, 7, "", "aws", "aws.", ".", []])
def test_an_event_without_a_source_is_of_cloudwatch(source: Any) -> None:
    (group,) = found_in(eventbridge_event(source))
    assert isinstance(group, Group)
    assert str(group.place) == "cloudwatch"
