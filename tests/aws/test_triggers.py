"""Kinesis, SQS and S3 from end to end: one bad record affects no other, and only what failed comes again."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from forwarder.errors import DeliveryError
from local_intake.server import LocalIntake
from tests.aws.support import DOWN, Bucket, Cloud, Objects, Starts, handle, received
from tests.builders import (
    OBJECTS_BUCKET,
    document,
    eventbridge_event,
    kinesis_event,
    object_created_event,
    packed,
    s3_event,
    sns_message,
    sqs_event,
)
from tests.flow.support import Said, is_balanced

REPORTS = {"DD_REPORT_BATCH_ITEM_FAILURES": "true"}
CORRUPT = b"\x1f\x8b\x08\x00 not gzip at all"


def notification(*keys: str) -> str:
    return json.dumps(s3_event(*keys))


# --- one bad record among ten --------------------------------------------------------------------

Event = dict[str, object]


def ten_kinesis_records() -> Event:
    """Return ten records of one line each, except the fifth, which is corrupt."""
    payloads = [packed(document([f"line {number}"])) for number in range(10)]
    payloads[4] = CORRUPT
    return kinesis_event(*payloads)


def ten_sqs_messages(objects: Objects) -> Event:
    """Return ten messages that name an object of one line each, except the fifth, whose object is corrupt."""
    for number in range(10):
        objects.put(f"{number}.log", f"line {number}\n".encode() if number != 4 else CORRUPT)
    return sqs_event(*(notification(f"{number}.log") for number in range(10)))


NINE = [f"line {number}" for number in range(10) if number != 4]


@pytest.fixture(params=["kinesis", "sqs"])
def ten(request: pytest.FixtureRequest, objects: Objects) -> Event:
    return ten_kinesis_records() if request.param == "kinesis" else ten_sqs_messages(objects)


@pytest.mark.parametrize("environ", [REPORTS, {}], ids=["reported", "not reported"])
def test_of_ten_records_with_a_corrupt_one_nine_are_delivered_and_none_is_returned(
    ten: Event, environ: dict[str, str], start: Starts, intake: LocalIntake
) -> None:
    answer = handle(start(**environ), ten)
    assert sorted(map(str, received(intake))) == NINE
    assert (answer["lines"]["rejected"], answer["unread"], is_balanced(answer)) == (1, 0, True)
    assert answer.get("batchItemFailures", []) == []


def test_a_throttled_read_returns_the_message_that_it_was_for(
    objects: Objects, cloud: Cloud, start: Starts, intake: LocalIntake
) -> None:
    ten = ten_sqs_messages(objects)
    objects.put("4.log", b"line 4\n")
    cloud.refuse("GetObject", "SlowDown", path="/4.log")
    answer = handle(start(**REPORTS), ten)
    assert answer["batchItemFailures"] == [{"itemIdentifier": "message-4"}]
    assert (sorted(map(str, received(intake))), answer["unread"]) == (NINE, 1)


def test_a_throttled_read_fails_the_invocation_where_single_messages_cannot_be_reported(
    objects: Objects, cloud: Cloud, start: Starts
) -> None:
    ten = ten_sqs_messages(objects)
    cloud.refuse("GetObject", "SlowDown", path="/4.log")
    with pytest.raises(DeliveryError, match=r"^1 of the event's records could not be read: .*SlowDown\.$"):
        handle(start(), ten)


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize("environ", [REPORTS, {}], ids=["reported", "not reported"])
def test_records_that_were_read_and_not_delivered_are_returned(
    environ: dict[str, str],
    start: Starts,
    intake: LocalIntake,
) -> None:
    intake.script.replace([DOWN])
    event = kinesis_event(packed(document(["a"])), CORRUPT, packed(document(["b"])))
    if environ:
        failures = handle(start(**environ), event)["batchItemFailures"]
        assert failures == [{"itemIdentifier": "0"}, {"itemIdentifier": "2"}]
        return
    with pytest.raises(DeliveryError, match="2 logs could not be delivered"):
        handle(start(), event)


@pytest.mark.usefixtures("cloud")
def test_without_time_every_record_is_returned(start: Starts) -> None:
    answer = handle(start(**REPORTS), kinesis_event(b"a", b"b"), seconds=0)
    assert answer["batchItemFailures"] == [{"itemIdentifier": "0"}, {"itemIdentifier": "1"}]


def test_a_deleted_object_is_rejected_and_does_not_come_back(
    objects: Objects, start: Starts, intake: LocalIntake, said: Said
) -> None:
    objects.put("there.log", b"here\n")
    answer = handle(start(**REPORTS), sqs_event(notification("gone.log"), notification("there.log")))
    (error,) = said.at("ERROR")
    assert (received(intake), answer["lines"]["rejected"], answer["batchItemFailures"]) == (["here"], 1, [])
    assert (error["where"][:5], error["where"][-8:]) == ("s3://", "gone.log")


@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown", "InternalError"])
def test_an_object_that_cannot_be_read_now_fails_an_invocation_that_lambda_tries_again(
    code: str, objects: Objects, cloud: Cloud, start: Starts
) -> None:
    objects.put("a.log", b"a\n")
    cloud.refuse("GetObject", code)
    with pytest.raises(DeliveryError, match=code):
        handle(start(), s3_event("a.log"))


# --- every record, every key ---------------------------------------------------------------------


def test_all_objects_of_a_notification_are_delivered(objects: Objects, start: Starts, intake: LocalIntake) -> None:
    for name in "abc":
        objects.put(f"{name}.log.gz", gzip.compress(f"{name}1\n{name}2".encode()))
    answer = handle(start(), s3_event("a.log.gz", "b.log.gz", "c.log.gz"))
    assert sorted(map(str, received(intake))) == ["a1", "a2", "b1", "b2", "c1", "c2"]
    assert (answer["event_type"], answer["lines"]["routed"]) == ("s3", 6)


KEYS = ["a+b%41.log", "with space.log", "größe/日本.log", "a%2Bb.log", "100%.log"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "event_of",
    [
        object_created_event,
        s3_event,
        lambda key: sqs_event(notification(key)),
        lambda key: sqs_event(json.dumps(sns_message(notification(key)))),
        lambda key: sqs_event(json.dumps({"Type": "Notification", "Message": notification(key)})),
        lambda key: sqs_event(json.dumps(object_created_event(key))),
    ],
    ids=["eventbridge", "direct", "sqs", "sns in sqs", "without its topic", "eventbridge in sqs"],
)
def test_an_object_is_found_whatever_its_key(
    key: str, event_of: Callable[[str], Event], objects: Objects, start: Starts, intake: LocalIntake
) -> None:
    objects.put(key, b"found\n")
    handle(start(), event_of(key))
    (log,) = intake.store.logs()
    assert (log.message, log.attributes["aws"]["s3"]["key"]) == ("found", key)


def test_a_log_of_an_object_says_where_it_comes_from(objects: Objects, start: Starts, intake: LocalIntake) -> None:
    objects.put("AWSLogs/1/elasticloadbalancing/a.log", b"a\n")
    handle(start(), s3_event("AWSLogs/1/elasticloadbalancing/a.log"))
    (log,) = intake.store.logs()
    assert (log.source, log.service, log.host) == ("elb", "elb", f"arn:aws:s3:::{OBJECTS_BUCKET}")


@pytest.mark.parametrize("beginning", ["x" * 1_000_000, "é" * 500_000, "x" + "€" * 333_333], ids=["x", "é", "€"])
def test_a_line_that_was_cut_says_so_although_a_mask_makes_it_short(
    beginning: str, objects: Objects, start: Starts, intake: LocalIntake
) -> None:
    objects.put("long.log", f"before\n{beginning} and the rest\nafter\n".encode())
    answer = handle(start(DD_SCRUBBING_RULE=r"x?(.)\1{99,}"), s3_event("long.log"))
    tags = {log.message: (log.tags or "").split(",") for log in intake.store.logs()}
    assert {message: "truncated:true" in each for message, each in tags.items()} == {
        "before": False, "xxxxx": True, "after": False
    }  # fmt: skip
    assert answer["logs_truncated"] == 1


def test_a_pattern_that_takes_too_long_to_find_beginnings_is_named_once(
    objects: Objects, start: Starts, intake: LocalIntake, said: Said
) -> None:
    line = "a" * 40 + "!"
    objects.put("a.log", f"b\n{line}\n{line}\n".encode())
    handle(start(DD_MULTILINE_LOG_REGEX_PATTERN="b|(a|a)+$"), s3_event("a.log"))
    (warning,) = said.at("WARNING")
    assert warning["message"] == (
        "DD_MULTILINE_LOG_REGEX_PATTERN ran over its time limit on at least one line: it does not begin a log."
    )
    assert len(received(intake)) == 1


# --- shapes that can be searched -----------------------------------------------------------------


def only_message(intake: LocalIntake) -> Any:
    (message,) = received(intake)
    return json.loads(str(message))


def test_two_headers_of_one_name_both_arrive(objects: Objects, start: Starts, intake: LocalIntake) -> None:
    headers = [{"name": "Cookie", "value": "a"}, {"name": "Cookie", "value": "b"}, {"name": "Host", "value": "c"}]
    objects.put("aws-waf-logs-shop.log", json.dumps({"httpRequest": {"headers": headers}}).encode())
    handle(start(), s3_event("aws-waf-logs-shop.log"))
    assert only_message(intake)["httpRequest"]["headers"] == {"Cookie": ["a", "b"], "Host": "c"}


@pytest.mark.usefixtures("cloud")
def test_two_resources_of_one_type_both_arrive(start: Starts, intake: LocalIntake) -> None:
    resources = [{"Type": "AwsEc2Instance", "Id": "i-1"}, {"Type": "AwsEc2Instance", "Id": "i-2"}]
    event = eventbridge_event(
        "aws.securityhub", "Security Hub Findings - Imported", findings=[{"Resources": resources}]
    )
    handle(start(), event)
    found = only_message(intake)["detail"]["finding"]["resources"]["AwsEc2Instance"]
    assert [resource["Id"] for resource in found] == ["i-1", "i-2"]


@pytest.mark.usefixtures("cloud")
def test_every_finding_is_a_log_of_its_own(start: Starts, intake: LocalIntake) -> None:
    findings = [{"Id": str(number), "Resources": [{}]} for number in range(3)]
    answer = handle(
        start(), eventbridge_event("aws.securityhub", "Security Hub Findings - Imported", findings=findings)
    )
    assert (len(received(intake)), answer["lines"]["received"], answer["items"]["created"]) == (3, 1, 3)
    assert is_balanced(answer)


# --- what is said of it --------------------------------------------------------------------------


def test_the_key_of_an_object_that_is_gone_is_masked_where_it_is_reported(
    objects: Objects, storing: Starts, bucket: Bucket, said: Said
) -> None:
    handle(storing(REDACT_EMAIL="true"), s3_event("of/joe@example.com/gone.log"))
    (error,) = said.at("ERROR")
    assert error["where"].endswith("of/xxxxx@xxxxx.com/gone.log")
    assert "joe@example.com" not in said.text + bucket.everything()


@pytest.mark.usefixtures("cloud")
def test_a_long_group_goes_through_in_parts_and_is_counted_once(
    start: Starts, intake: LocalIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forwarder.pipeline.LINES_AT_ONCE", 2)
    answer = handle(start(), kinesis_event(b"a\nb\n\nc\nd\ne\n"))
    assert (received(intake), answer["lines"]["filtered"], is_balanced(answer)) == (["a", "b", "c", "d", "e"], 1, True)
