"""What cannot be delivered is stored in a bucket: where, how, and what happens when that fails as well."""

import json
import re
import threading
import time

import pytest

from forwarder.errors import DeliveryError
from local_intake.server import LocalIntake
from tests.aws.support import BUCKET, DOWN, LOGS_DOWN, PENDING, REJECTED, Bucket, Cloud, Starts, coffee, handle
from tests.builders import awslogs_event, document, raw_event
from tests.flow.support import Said, is_balanced

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
ADDRESS = "jane.doe@example.com"
BROKEN = '{"id": "7", "timestamp": "noon", "message": "unreadable %s"}'


@pytest.fixture
def down(intake: LocalIntake) -> LocalIntake:
    intake.script.replace([DOWN])
    return intake


def broken_event(text: str = "", good: int = 1) -> dict[str, object]:
    """Return an event with good lines and one log event that cannot be read."""
    body = json.dumps(document([f"good {number}" for number in range(good)]))
    return raw_event(body.replace('"logEvents": [', f'"logEvents": [{BROKEN % text}, ').encode())


# --- what a stored batch looks like --------------------------------------------------------------


def test_what_fails_is_stored_and_the_invocation_succeeds(storing: Starts, down: LocalIntake) -> None:
    answer = handle(storing(), awslogs_event(["a", "b", coffee()]))
    assert (answer["items"], is_balanced(answer)) == (
        {"created": 3, "delivered": 0, "stored": 3, "rejected": 0, "returned": 0},
        True,
    )


def test_a_name_has_time_signal_and_an_id(storing: Starts, down: LocalIntake, bucket: Bucket) -> None:
    handle(storing(), awslogs_event(["a", coffee()]))
    logs, metrics = sorted(bucket.names(), key=lambda name: "metrics" in name)
    assert re.fullmatch(rf"{PENDING}{MOMENT}-logs-[0-9a-f]{{32}}\.json\.gz", logs)
    assert re.fullmatch(rf"{PENDING}{MOMENT}-metrics-[0-9a-f]{{32}}\.json\.gz", metrics)


def test_an_object_is_the_gzip_of_the_logs_that_were_to_be_sent(
    storing: Starts, down: LocalIntake, bucket: Bucket
) -> None:
    handle(storing(), awslogs_event(["a", "é\n\u2028"]))
    stored = bucket.json(bucket.only(PENDING))
    assert [(log["message"], log["id"], log["ddsource"]) for log in stored] == [
        ("a", "0", "lambda"),
        ("é\n\u2028", "1", "lambda"),
    ]


def test_an_object_of_metrics_is_gzip_although_they_are_sent_as_deflate(
    storing: Starts, down: LocalIntake, bucket: Bucket
) -> None:
    handle(storing(), awslogs_event([coffee()]))
    (series,) = bucket.json(bucket.only(PENDING))["series"]
    assert (series["metric"], series["points"][0][1]) == ("coffee_house.order_value", [12.45])


@pytest.mark.parametrize("level", ["0", "9"])
def test_an_object_is_gzip_without_compression_too(
    level: str, storing: Starts, down: LocalIntake, bucket: Bucket
) -> None:
    uncompressed = storing(DD_USE_COMPRESSION="false", DD_COMPRESSION_LEVEL=level)
    handle(uncompressed, awslogs_event(["a"]))
    assert [log["message"] for log in bucket.json(bucket.only(PENDING))] == ["a"]


def test_metadata_has_the_history(storing: Starts, down: LocalIntake, bucket: Bucket) -> None:
    before = time.time() - 0.01
    handle(storing(), awslogs_event(["a", "b"]))
    metadata = bucket.metadata(bucket.only(PENDING))
    assert before < float(metadata.pop("first-failure")) < time.time() + 0.01
    assert metadata == {"signal": "logs", "items": "2", "attempts": "1", "reason": "status 503"}


def test_the_same_event_twice_is_stored_twice(storing: Starts, down: LocalIntake, bucket: Bucket) -> None:
    forwarder = storing()
    for _ in range(2):
        handle(forwarder, awslogs_event(["a"]))
    assert len(bucket.names(PENDING)) == 2


def test_only_the_signal_that_failed_is_stored(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    intake.script.replace([LOGS_DOWN])
    answer = handle(storing(), awslogs_event(["a", coffee()]))
    signals = answer["signals"]
    assert (signals["logs"]["stored"], signals["metrics"]["delivered"], len(bucket.names())) == (1, 1, 1)


def test_nothing_is_asked_of_aws_when_all_goes_well(storing: Starts, intake: LocalIntake, cloud: Cloud) -> None:
    handle(storing(), awslogs_event(["a"]))
    assert cloud.calls == []


def test_no_address_is_stored_where_addresses_are_redacted(storing: Starts, down: LocalIntake, bucket: Bucket) -> None:
    tagged = coffee().replace('"t": []', f'"t": ["customer:{ADDRESS}"]')
    lines = [f"order of {ADDRESS}", f'{{"mail": "{ADDRESS}"}}', tagged]
    handle(storing(REDACT_EMAIL="true"), awslogs_event(lines, log_stream=ADDRESS))
    kept = bucket.everything()
    assert (len(bucket.names()), kept.count("xxxxx@xxxxx.com") >= 3, ADDRESS in kept) == (2, True, False)


# --- when storing fails --------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown", "NoSuchBucket"])
def test_what_cannot_be_stored_either_is_returned(
    code: str, storing: Starts, down: LocalIntake, cloud: Cloud, said: Said
) -> None:
    cloud.refuse("PutObject", code)
    with pytest.raises(DeliveryError, match=r"^2 logs and 1 metrics could not be delivered: status 503\.$"):
        handle(storing(), awslogs_event(["a", "b", coffee()]))
    (summary,) = said.summaries
    assert (summary["items"]["returned"], is_balanced(summary)) == (3, True)


def test_what_is_stored_is_not_returned_with_the_rest(
    storing: Starts, down: LocalIntake, cloud: Cloud, bucket: Bucket
) -> None:
    cloud.refuse("PutObject", path="-metrics-")
    with pytest.raises(DeliveryError, match=r"^1 metrics could not be delivered"):
        handle(storing(), awslogs_event(["a", coffee()]))
    assert len(bucket.names(PENDING)) == 1


def test_a_bucket_that_is_not_there_returns_everything_and_is_named_once(
    storing: Starts, down: LocalIntake, said: Said
) -> None:
    with pytest.raises(DeliveryError, match="1 logs and 1 metrics"):
        handle(storing(DD_S3_BUCKET_NAME="gone"), awslogs_event(["a", coffee()]))
    assert [record["message"] for record in said.at("WARNING") if "gone" in record["message"]] == [
        "Undelivered batches could not be stored in S3Store(gone/failed_events/forwarder): NoSuchBucket."
    ]


def test_the_bucket_is_named_where_something_cannot_be_set_aside_either(
    storing: Starts, cloud: Cloud, said: Said
) -> None:
    cloud.refuse("PutObject")
    handle(storing(), broken_event())
    assert [record["message"] for record in said.at("WARNING")] == [
        "Not everything that was rejected could be set aside in the store.",
        f"Undelivered batches could not be stored in S3Store({BUCKET}/failed_events/forwarder): AccessDenied.",
    ]


def test_nothing_is_said_of_a_store_that_works(storing: Starts, down: LocalIntake, cloud: Cloud, said: Said) -> None:
    forwarder = storing()
    cloud.refuse("PutObject", times=1)
    with pytest.raises(DeliveryError):
        handle(forwarder, awslogs_event(["a"]))
    before = len(said.at("WARNING"))
    handle(forwarder, awslogs_event(["a"]))
    assert not any("could not be stored" in record["message"] for record in said.at("WARNING")[before:])


def test_a_store_that_is_too_slow_ends_in_time_with_an_error(storing: Starts, down: LocalIntake, cloud: Cloud) -> None:
    cloud.hold("PutObject")
    began = time.monotonic()
    with pytest.raises(DeliveryError, match="1 logs"):
        handle(storing(), awslogs_event(["a"]), 4)
    assert time.monotonic() - began < 4


def test_nothing_is_stored_where_that_is_disabled(storing: Starts, down: LocalIntake, bucket: Bucket) -> None:
    with pytest.raises(DeliveryError):
        handle(storing(DD_STORE_FAILED_EVENTS="false"), awslogs_event(["a"]))
    assert bucket.names() == []


def test_many_batches_are_stored_at_once(storing: Starts, down: LocalIntake, bucket: Bucket) -> None:
    answer = handle(storing(), awslogs_event(map(str, range(12_500))))
    stored = [log["message"] for name in bucket.names(PENDING) for log in bucket.json(name)]
    assert (len(bucket.names()), answer["items"]["stored"]) == (13, 12_500)
    assert sorted(stored, key=int) == [str(number) for number in range(12_500)]


def test_no_storing_thread_is_left(storing: Starts, down: LocalIntake) -> None:
    handle(storing(), awslogs_event(["a"]))
    for thread in [each for each in threading.enumerate() if each.name.startswith("store")]:
        thread.join(2)
        assert not thread.is_alive()


# --- what is rejected for good -------------------------------------------------------------------

ANSWERS = [
    ('{"errors":["no"]}', '{"errors":["no"]}'),
    ("wrong\r\nX-Injected: 1\n", "wrong  X-Injected: 1"),
    ("falsch, café ☕", r"falsch, caf\xe9 \u2615"),
    ("n" * 10_000, "n" * 1_000),
    ("", ""),
]


@pytest.mark.parametrize(("body", "kept"), ANSWERS)
def test_what_the_intake_refuses_is_set_aside_with_its_answer(
    body: str, kept: str, storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    intake.script.replace([{"status": 400, "body": body, "signal": "logs"}])
    answer = handle(storing(), awslogs_event(["a"]))
    name = bucket.only(REJECTED)
    metadata = bucket.metadata(name)
    assert (metadata["reason"], metadata.get("answer", "")) == ("status 400", kept)
    assert ([log["message"] for log in bucket.json(name)], answer["items"]["rejected"]) == (["a"], 1)
    assert bucket.names(PENDING) == []


def test_a_log_that_is_too_large_alone_is_set_aside(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    intake.script.replace([{"status": 413, "signal": "logs"}])
    handle(storing(), awslogs_event(["a"]))
    assert bucket.metadata(bucket.only(REJECTED))["reason"] == "status 413"


def test_a_record_that_cannot_be_read_is_set_aside_with_its_text(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    answer = handle(storing(), broken_event("order"))
    name = bucket.only(REJECTED)
    (record,) = bucket.json(name)
    assert re.fullmatch(rf"{REJECTED}{MOMENT}-records-[0-9a-f]{{32}}\.json\.gz", name)
    assert (record["count"], "unreadable order" in record["raw"], "log event 0" in record["where"]) == (1, True, True)
    assert answer["lines"] == {"received": 2, "routed": 1, "filtered": 0, "rejected": 1}


def test_an_event_that_cannot_be_read_is_set_aside_as_it_came(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    handle(storing(), {"awslogs": {"data": "bm90IGd6aXA="}})
    (record,) = bucket.json(bucket.only(REJECTED))
    assert (record["where"], record["raw"]) == ("the awslogs event", '{"awslogs":{"data":"bm90IGd6aXA="}}')


@pytest.mark.parametrize("rule", [{"REDACT_EMAIL": "true"}, {"REDACT_IP": "true"}, {"DD_SCRUBBING_RULE": "secret"}])
def test_of_what_cannot_be_masked_only_a_pointer_is_kept(
    rule: dict[str, str], storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    forwarder = storing(**rule)
    handle(forwarder, broken_event("order"))
    handle(forwarder, {"awslogs": {"data": "bm90IGd6aXA="}})
    records = [record for name in bucket.names(REJECTED) for record in bucket.json(name)]
    assert [sorted(record) for record in records] == [["count", "reason", "where"]] * 2


def test_what_cannot_be_set_aside_is_counted_and_logged(
    storing: Starts, intake: LocalIntake, cloud: Cloud, said: Said
) -> None:
    intake.script.replace([{"status": 400, "signal": "logs", "times": 99}])
    cloud.refuse("PutObject")
    answer = handle(storing(), broken_event(good=3))
    assert (answer["items"]["rejected"], answer["lines"]["rejected"], is_balanced(answer)) == (3, 1, True)
    assert {record["message"].partition(":")[0] for record in said.at("ERROR")} == {
        "A batch did not arrive.",
        "Rejected",
    }


def test_without_a_store_what_is_rejected_is_counted_and_pointed_to(
    start: Starts, intake: LocalIntake, said: Said
) -> None:
    answer = handle(start(), broken_event("order"))
    (error,) = said.at("ERROR")
    assert (answer["lines"]["rejected"], "log event 0" in error["where"], "order" in said.text) == (1, True, False)
