"""Whatever happens to a replay, nothing is lost and nothing is repeated forever."""

import gzip
import json
import time

import pytest

from forwarder.errors import DeliveryError
from local_intake.server import LocalIntake
from tests.aws.support import (
    BUCKET,
    EVENTS,
    LEASE,
    LOGS_DOWN,
    METRICS_DOWN,
    PENDING,
    REJECTED,
    RETRY,
    Bucket,
    Cloud,
    Objects,
    Starts,
    coffee,
    handle,
    received,
)
from tests.builders import awslogs_event, eventbridge_event, s3_event
from tests.flow.support import Said, arrived, is_balanced

DAY_MS = 24 * 3600 * 1000


# --- failures of the store ----------------------------------------------------------------------

HISTORY = {"signal": "logs", "items": "1", "attempts": "1", "first-failure": "1795343071.000"}
PACKED = gzip.compress(b'[{"message":"a"}]')
CORRUPT = [
    (b"no gzip", HISTORY),
    (b"", HISTORY),
    (PACKED[:-9], HISTORY),
    (gzip.compress(b'{"message":"a"}'), HISTORY),
    (gzip.compress(b"[1]"), HISTORY),
    (gzip.compress(b"[]"), HISTORY),
    (gzip.compress(b'[{"message":"a","ddtags":[1]}]'), HISTORY),
    (gzip.compress(b'[{"message":"a","timestamp":"noon"}]'), HISTORY),
    (gzip.compress(b"[" * 100_000), HISTORY),
    (gzip.compress(b'[{"message":"\xff","ddtags":"\xff"}]'), HISTORY),
    (gzip.compress(b'{"series":[{"metric":"a"}]}'), HISTORY | {"signal": "metrics"}),
    (gzip.compress(bytes(70_000_000)), HISTORY),
    (PACKED, {}),
    (PACKED, HISTORY | {"items": "2"}),
    (PACKED, HISTORY | {"items": "0"}),
    (PACKED, HISTORY | {"attempts": "many"}),
    (PACKED, HISTORY | {"first-failure": "nan"}),
    (PACKED, HISTORY | {"first-failure": "1e300"}),
]


@pytest.mark.parametrize(("body", "metadata"), CORRUPT)
def test_what_is_not_a_stored_batch_is_set_aside_and_holds_nothing_up(
    body: bytes, metadata: dict[str, str], storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    bucket.put(f"{PENDING}2020-01-01T00:00:00.000000Z-logs-corrupt.json.gz", body, metadata)
    bucket.put_logs("good")
    answer = handle(storing(), RETRY)
    moved = bucket.only(REJECTED)
    assert (moved.rsplit("-", 1)[-1], bucket.body(moved) == body) == ("corrupt.json.gz", True)
    assert (received(intake), bucket.names(PENDING), is_balanced(answer)) == (["good"], [], True)


def test_what_is_set_aside_is_named(storing: Starts, bucket: Bucket, said: Said) -> None:
    name = bucket.put(f"{PENDING}2020-01-01T00:00:00.000000Z-logs-corrupt.json.gz", b"", HISTORY)
    handle(storing(), RETRY)
    (error,) = said.at("ERROR")
    assert (error["message"], error["where"]) == ("Rejected: it is a stored batch that was cut off.", name)


@pytest.mark.parametrize(
    ("items", "rejected"), [("12", 12), ("1", 1), ("0", 1), ("-5", 1), ("many", 1), ("9" * 400, 1), ("", 1)]
)
def test_a_batch_that_is_set_aside_counts_as_many_rejected_items_as_it_says(
    items: str, rejected: int, storing: Starts, bucket: Bucket
) -> None:
    bucket.put(
        f"{PENDING}2020-01-01T00:00:00.000000Z-metrics-corrupt.json.gz", b"", {"signal": "metrics", "items": items}
    )
    answer = handle(storing(), RETRY)
    assert (answer["signals"]["metrics"]["rejected"], answer["lines"]["rejected"]) == (rejected, 0)
    assert is_balanced(answer)


def test_what_says_nothing_of_itself_counts_as_a_rejected_line(storing: Starts, bucket: Bucket) -> None:
    bucket.put(f"{PENDING}by-hand", b"")
    answer = handle(storing(), RETRY)
    assert (answer["lines"]["rejected"], answer["items"]["rejected"], is_balanced(answer)) == (1, 0, True)


def test_an_event_that_is_set_aside_counts_as_a_rejected_line(storing: Starts, bucket: Bucket, said: Said) -> None:
    name = bucket.put_event({"foo": 1})
    answer = handle(storing(), RETRY)
    (error,) = said.at("ERROR")
    assert (answer["lines"]["rejected"], is_balanced(answer), error["where"]) == (1, True, name)
    assert error["message"].startswith("Rejected: it is not an event that can be read: Unsupported event")


def test_a_batch_of_another_versions_signal_stays(
    storing: Starts, intake: LocalIntake, bucket: Bucket, said: Said
) -> None:
    name = bucket.put(f"{PENDING}2020-01-01T00:00:00.000000Z-smells-x.json.gz", PACKED, HISTORY | {"signal": "smells"})
    bucket.put_logs("good")
    answer = handle(storing(), RETRY)
    (warning,) = said.at("WARNING")
    assert (received(intake), bucket.names(), answer["items"]["rejected"]) == (["good"], [name], 0)
    assert "a batch of the signal 'smells', which this version does not send" in warning["message"]


def test_a_name_of_another_kind_is_read_all_the_same(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    bucket.put(f"{PENDING}by-hand ä+%.gz", PACKED, HISTORY)
    handle(storing(), RETRY)
    assert (received(intake), bucket.names()) == (["a"], [])


@pytest.mark.parametrize("operation", ["CopyObject", "DeleteObject"])
def test_what_cannot_be_set_aside_holds_nothing_up_either(
    operation: str, storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    corrupt = bucket.put(f"{PENDING}2020-01-01T00:00:00.000000Z-logs-corrupt.json.gz", b"", HISTORY)
    bucket.put_logs("good")
    cloud.refuse(operation)
    handle(storing(), RETRY)
    assert (received(intake), bucket.names(PENDING)) == (["good"], [corrupt])


def test_an_object_that_cannot_be_read_stays_and_holds_nothing_up(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    archived = bucket.put_logs("archived", minutes_ago=60)
    bucket.put_logs("good")
    cloud.refuse("GetObject", "InvalidObjectState", archived.rsplit("/", 1)[-1].rsplit("-", 1)[-1])
    answer = handle(storing(), RETRY)
    assert (received(intake), bucket.names(), answer["left_in_store"]) == (["good"], [archived], 1)
    assert any("InvalidObjectState" in warning["message"] for warning in said.at("WARNING"))


def test_a_store_that_cannot_be_listed_is_a_warning_and_no_failure(
    storing: Starts, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    cloud.refuse("ListObjectsV2")
    answer = handle(storing(), RETRY)
    (warning,) = said.at("WARNING")
    assert warning["message"] == "The replay ended early: the store could not be listed: AccessDenied."
    cloud.heal()
    assert ("left_in_store" in answer, bucket.names()) == (False, [])


def test_what_was_read_is_sent_although_the_next_page_cannot_be_listed(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    for _ in range(7):
        bucket.put_logs("a")
    cloud.page = 5
    cloud.refuse("ListObjectsV2", "SlowDown", path="continuation-token")
    answer = handle(storing(), RETRY)
    cloud.heal()
    assert (arrived(intake), is_balanced(answer), len(bucket.names())) == ((5, 0), True, 2)


def test_a_replay_that_may_not_remove_says_so_and_sends_no_more(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    bucket.put_logs("a")
    bucket.put_event(awslogs_event(["event"]))
    cloud.refuse("DeleteObjects")
    answer = handle(storing(), RETRY)
    assert (received(intake), is_balanced(answer), answer["left_in_store"]) == (["a"], True, 2)
    assert any("AccessDenied" in warning["message"] for warning in said.at("WARNING"))


def test_an_object_that_is_not_removed_is_noticed_although_the_answer_is_200(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    cloud.answer("DeleteObjects", Errors=[{"Key": bucket.put_logs("a"), "Code": "AccessDenied"}])
    handle(storing(), RETRY)
    (warning,) = said.at("WARNING")
    assert "could not be removed: AccessDenied" in warning["message"]


# --- the lease -----------------------------------------------------------------------------------


def lease(bucket: Bucket, seconds: float) -> str:
    return bucket.put(LEASE, json.dumps({"owner": "somebody", "until": time.time() + seconds}).encode())


def test_a_replay_leaves_no_lease(storing: Starts, bucket: Bucket) -> None:
    handle(storing(), RETRY)
    assert bucket.names() == []


def test_a_replay_ends_at_once_where_another_one_runs(
    storing: Starts, intake: LocalIntake, bucket: Bucket, said: Said
) -> None:
    stored, held = bucket.put_logs("a"), lease(bucket, 60)
    answer = handle(storing(), RETRY)
    (warning,) = said.at("WARNING")
    assert (arrived(intake), bucket.names(), "left_in_store" in answer) == ((0, 0), [held, stored], False)
    assert warning["message"] == "Another replay is running; this one stops."


def test_an_expired_lease_is_taken_over(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    bucket.put_logs("a")
    lease(bucket, -1)
    handle(storing(), RETRY)
    assert (received(intake), bucket.names()) == (["a"], [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"?",
        b"[]",
        b'{"until": "soon"}',
        b"{}",
        b'{"owner": "\xff", "until": 9e99}',
        b'{"until": 9e99}',
        b"[" * 100_000,
    ],
)
def test_an_unreadable_lease_is_taken_over(body: bytes, storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    bucket.put_logs("a")
    bucket.put(LEASE, body)
    handle(storing(), RETRY)
    assert (received(intake), bucket.names()) == (["a"], [])


def test_a_lease_that_outlives_a_replay_is_that_of_another(storing: Starts, bucket: Bucket, cloud: Cloud) -> None:
    bucket.put_logs("a")
    cloud.meanwhile("GetObject", PENDING, lambda: lease(bucket, 60))
    handle(storing(), RETRY)
    assert bucket.names() == [LEASE]


def test_of_two_replays_at_once_one_does_the_work(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    for number in range(5):
        bucket.put_logs(f"{number}")
    one, other = storing(), storing()
    answers: list[dict[str, object]] = []
    cloud.meanwhile("GetObject", PENDING, lambda: answers.append(handle(other, RETRY)))
    answers.append(handle(one, RETRY))
    assert (arrived(intake), ["replayed" in answer for answer in answers]) == ((5, 0), [False, True])
    assert bucket.names() == []


@pytest.mark.parametrize("write", [0, 1], ids=["the lease is taken", "an event is begun"])
def test_a_lease_that_was_written_although_the_response_was_lost_is_its_writers(
    write: int, storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    bucket.put_event(awslogs_event(["a"]))
    cloud.lose_answer("PUT", "lease.json", after=write)
    handle(storing(), RETRY)
    assert (received(intake), bucket.names()) == (["a"], [])


def test_a_lease_that_is_released_while_it_is_being_read_is_taken(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    bucket.put_logs("a")
    lease(bucket, 60)
    cloud.meanwhile("GetObject", LEASE, lambda: bucket.client.delete_object(Bucket=BUCKET, Key=LEASE))
    answer = handle(storing(), RETRY)
    assert (received(intake), answer["replay_failed"]) == (["a"], False)


def test_a_lease_is_released_after_a_failure(storing: Starts, bucket: Bucket, cloud: Cloud) -> None:
    cloud.refuse("ListObjectsV2", times=1)
    handle(storing(), RETRY)
    assert bucket.names() == []


def test_a_lease_that_cannot_be_taken_is_a_warning(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    bucket.put_logs("a")
    cloud.refuse("PutObject")
    handle(storing(), RETRY)
    (warning,) = said.at("WARNING")
    assert warning["message"] == "The replay ended early: the lease could not be taken: AccessDenied."
    assert arrived(intake) == (0, 0)


# --- what Lambda gave up on ----------------------------------------------------------------------


def test_an_event_that_lambda_gave_up_on_goes_through_the_whole_pipeline(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    bucket.put_event(awslogs_event(["a", coffee()]), 1)
    bucket.put_event(awslogs_event(["b"]), 2)
    answer = handle(storing(), RETRY)
    assert (received(intake), arrived(intake), bucket.names()) == (["a", "b"], (2, 1), [])
    assert (answer["lines"]["received"], answer["items"]["delivered"], answer["replayed"]) == (3, 3, 2)
    assert (is_balanced(answer), answer["left_in_store"]) == (True, 0)


def test_an_event_stays_until_all_of_it_is_accounted_for(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    name = bucket.put_event(awslogs_event(["a", coffee()]))
    intake.script.replace([METRICS_DOWN])
    cloud.refuse("PutObject", path="pending")
    answer = handle(storing(), RETRY)
    assert (bucket.names(), answer["replayed"], answer["left_in_store"], is_balanced(answer)) == ([name], 0, 1, True)


@pytest.fixture
def half_denied(bucket: Bucket, objects: Objects, cloud: Cloud) -> str:
    """Put an event there of two objects, of which one may not be read."""
    objects.put("good", b"one\ntwo\n")
    cloud.refuse("GetObject", path="/denied")
    return bucket.put_event(s3_event("good", "denied"))


@pytest.mark.usefixtures("half_denied")
def test_of_an_event_that_is_read_in_part_only_the_other_records_stay(
    storing: Starts, intake: LocalIntake, bucket: Bucket, objects: Objects, cloud: Cloud
) -> None:
    forwarder = storing()
    for _ in range(3):
        handle(forwarder, RETRY)
    assert received(intake) == ["one", "two"]
    cloud.heal()
    objects.put("denied", b"three\n")
    handle(forwarder, RETRY)
    assert (received(intake), bucket.names()) == (["one", "two", "three"], [])


@pytest.mark.usefixtures("half_denied")
def test_an_event_that_is_read_in_part_is_counted(storing: Starts) -> None:
    answer = handle(storing(), RETRY)
    assert (answer["lines"]["routed"], answer["items"]["delivered"], answer["left_in_store"]) == (2, 2, 1)
    assert (is_balanced(answer), answer["unread"] > 0) == (True, True)


def test_an_event_stays_as_it_is_where_its_rest_cannot_be_stored(
    half_denied: str, storing: Starts, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    cloud.refuse("PutObject", path="unread")
    answer = handle(storing(), RETRY)
    assert (bucket.names(), answer["items"]["delivered"], answer["replay_failed"]) == ([half_denied], 2, True)
    assert any(each["message"].startswith("What remains of an event could not be") for each in said.at("WARNING"))


def test_what_an_event_could_neither_deliver_nor_store_counts_as_still_stored(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    bucket.put_event(awslogs_event(["a", coffee()]))
    intake.script.replace([METRICS_DOWN])
    cloud.refuse("PutObject", path="pending")
    items = handle(storing(), RETRY)["items"]
    assert items == {"created": 2, "delivered": 1, "stored": 1, "rejected": 0, "returned": 0}


def test_an_event_whose_items_are_stored_is_removed(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    bucket.put_event(awslogs_event(["a"]))
    intake.script.replace([LOGS_DOWN])
    answer = handle(storing(), RETRY)
    assert (bucket.names(EVENTS), len(bucket.names(PENDING)), answer["left_in_store"]) == ([], 1, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"{}",
        b'{"requestPayload": null}',
        b'{"requestPayload": "a"}',
        b'{"requestPayload": {"Records": 1}}',
        b'{"requestPayload": {}',
        b'{"a": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_an_unsupported_event_is_set_aside_and_not_looked_at_again(
    body: bytes, storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    bucket.put(f"{EVENTS}2026/11/22/a-broken", body)
    bucket.put_event(awslogs_event(["good"]), 2)
    handle(storing(), RETRY)
    assert (bucket.names(), bucket.body(f"{REJECTED}a-broken")) == ([f"{REJECTED}a-broken"], body)
    assert received(intake) == ["good"]


def test_an_event_with_a_lone_surrogate_is_replayed_as_it_would_have_been_forwarded(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    bucket.put_event(eventbridge_event("my.app", text="caf\ud83d"))
    answer = handle(storing(), RETRY)
    assert (answer["items"]["delivered"], len(received(intake)), bucket.names()) == (1, 1, [])


def test_a_replay_that_lambda_gave_up_on_is_just_removed(storing: Starts, bucket: Bucket) -> None:
    bucket.put_event({"retry": True})
    handle(storing(), RETRY)
    assert bucket.names() == []


def test_lines_that_came_with_a_replay_request_are_forwarded(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    bucket.put_event(awslogs_event(["a"]) | RETRY)
    handle(storing(), RETRY)
    assert (received(intake), bucket.names()) == (["a"], [])


def test_events_of_another_function_are_left_alone(storing: Starts, bucket: Bucket) -> None:
    name = bucket.put("aws/lambda/async/forwarder-2/2026/11/22/x", b"{}")
    handle(storing(), RETRY)
    assert bucket.names() == [name]


def test_an_invocation_that_fails_does_not_replay_the_rest_of_its_event_as_a_success(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    bucket.put_points([1])
    intake.script.replace([LOGS_DOWN])
    cloud.refuse("PutObject", path="pending")
    with pytest.raises(DeliveryError, match="1 logs"):
        handle(storing(), awslogs_event(["a"]) | RETRY)
    assert (arrived(intake), bucket.names()) == ((0, 1), [])
