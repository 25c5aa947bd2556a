"""What is stored is sent again: all of it, oldest first, once, by one replay at a time, within the remaining time."""

import json
import time

import pytest

from forwarder.errors import UnsupportedEventError
from forwarder.replay.timed import READ_AHEAD
from local_intake.server import LocalIntake
from tests.aws.support import (
    DOWN,
    LEASE,
    LOGS_DOWN,
    PENDING,
    REJECTED,
    RETRY,
    Bucket,
    Cloud,
    Starts,
    coffee,
    handle,
    now_ms,
    received,
)
from tests.builders import awslogs_event
from tests.flow.support import FOREVER, Said, Start, arrived, attempts, is_balanced, metrics, until

DAY_MS = 24 * 3600 * 1000


# --- what a replay delivers ----------------------------------------------------------------------


@pytest.mark.parametrize("event", [{"retry": True}, {"retry": "true"}, {"retry": "True"}])
def test_what_failed_is_delivered_by_the_next_replay(
    event: dict[str, object], storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    forwarder = storing()
    intake.script.replace([DOWN])
    handle(forwarder, awslogs_event(["a", "b", coffee()]))
    intake.script.replace([])
    answer = handle(forwarder, event)
    assert (arrived(intake), bucket.names(), is_balanced(answer)) == ((2, 1), [], True)
    assert (answer["event_type"], answer["replayed"], answer["left_in_store"]) == ("retry", 2, 0)


def test_a_replay_may_come_with_another_event(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    bucket.put_logs("stored")
    answer = handle(storing(), awslogs_event(["new"]) | RETRY)
    assert (sorted(map(str, received(intake))), bucket.names()) == (["new", "stored"], [])
    assert (answer["event_type"], answer["lines"]["received"], answer["items"]["delivered"]) == ("awslogs", 1, 2)


def test_a_replay_is_done_although_the_rest_of_its_event_is_not_supported(
    storing: Starts, intake: LocalIntake, bucket: Bucket, said: Said
) -> None:
    bucket.put_logs("stored")
    with pytest.raises(UnsupportedEventError, match="with the keys: foo"):
        handle(storing(), RETRY | {"foo": 1})
    assert (received(intake), bucket.names()) == (["stored"], [])
    (summary,) = said.summaries
    assert (summary["event_type"], summary["replayed"], is_balanced(summary)) == ("retry", 1, True)


def test_a_replay_for_which_its_event_leaves_no_time_is_not_begun(
    storing: Starts, intake: LocalIntake, bucket: Bucket, said: Said
) -> None:
    stored = bucket.put_logs("stored")
    intake.script.replace([{"delay": FOREVER, "signal": "logs"}])
    answer = handle(storing(), awslogs_event(["new"]) | RETRY, 2)
    assert (stored in bucket.names(), bucket.names(LEASE), "replay_failed" in answer) == (True, [], False)
    assert any(each["message"] == "There is no time left for the replay." for each in said.at("WARNING"))


@pytest.mark.parametrize("value", [False, "false", None, 1, "yes", [], {}])
def test_only_true_requests_a_replay(value: object, storing: Starts, bucket: Bucket) -> None:
    bucket.put_logs("stored")
    with pytest.raises(UnsupportedEventError, match="retry"):
        handle(storing(), {"retry": value})
    assert len(bucket.names()) == 1


def test_an_empty_store_is_not_a_problem(storing: Starts, bucket: Bucket, said: Said) -> None:
    answer = handle(storing(), RETRY)
    assert (answer["replayed"], answer["left_in_store"], answer["oldest_seconds"], said.at("WARNING")) == (0, 0, 0, [])
    assert bucket.names() == []


def test_without_a_store_a_replay_is_a_warning(start: Start, said: Said) -> None:
    handle(start(), RETRY)
    (warning,) = said.at("WARNING")
    assert "set DD_S3_BUCKET_NAME or DD_SQS_QUEUE_URL" in warning["message"]


def test_the_oldest_goes_first(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    for minutes in (3, 60, 1, 17):
        bucket.put_logs(f"{minutes} minutes", minutes_ago=minutes)
    handle(storing(), RETRY)
    assert received(intake) == ["60 minutes", "17 minutes", "3 minutes", "1 minutes"]


def test_no_other_replay_may_run_before_the_invocation_is_over(storing: Starts, bucket: Bucket, cloud: Cloud) -> None:
    bucket.put_logs("stored")
    leases: list[dict[str, float]] = []
    cloud.meanwhile("GetObject", PENDING, lambda: leases.append(json.loads(bucket.body(LEASE))))
    end = time.time() + 30
    handle(storing(), RETRY, 30)
    assert leases[0]["until"] > end


def test_a_refused_request_is_split_into_the_batches_it_was_joined_from(
    storing: Starts, intake: LocalIntake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forwarder.intake.delivery.MAX_HALVINGS_ONCE_TAKEN", 0)
    bucket.put_logs("goes ahead", minutes_ago=9)
    bucket.put_logs("one")
    bucket.put_logs("another")
    refused = {"status": 400, "times": 2, "signal": "logs"}  # both together, and then one of them
    intake.script.replace([{"status": 202, "signal": "logs"}, refused])
    answer = handle(storing(), RETRY)
    assert (answer["items"]["delivered"], answer["items"]["rejected"]) == (2, 1)


def test_many_small_batches_are_sent_in_few_requests(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    for number in range(50):
        bucket.put_logs(f"{number}")
        bucket.put_points([1])
    answer = handle(storing(), RETRY)
    assert (arrived(intake), answer["replayed"]) == ((50, 50), 100)
    assert answer["requests"] == 2 * 2  # the first of each signal goes ahead


def test_a_store_of_more_than_a_page_is_emptied(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    for number in range(1_002):
        bucket.put_logs(f"{number}")
    answer = handle(storing(), RETRY, 60)
    assert (len(set(received(intake))), arrived(intake), bucket.names()) == (1_002, (1_002, 0), [])
    assert (answer["replayed"], answer["left_in_store"], cloud.count("DeleteObjects")) == (1_002, 0, 6)


def test_requests_of_a_replay_keep_within_the_intakes_limits(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    for _ in range(3):
        bucket.put_logs(*["x" * 9_000] * 400)
    handle(storing(), RETRY)
    requests = [request for request in intake.store.requests() if request.signal == "logs"]
    assert (sum(request.entries for request in requests), len(requests)) == (1_200, 3)
    assert max(request.body_bytes for request in requests) <= 5_000_000


def test_an_object_that_is_already_removed_is_not_a_problem(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    bucket.put_logs("a")
    cloud.refuse("GetObject", "NoSuchKey", PENDING)
    answer = handle(storing(), RETRY)
    assert (answer["replayed"], said.at("WARNING"), is_balanced(answer)) == (0, [], True)


# --- what it makes of what is old ----------------------------------------------------------------


def test_replayed_logs_are_tagged_once_however_often_they_are_replayed(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    bucket.put_logs("a", "b")
    forwarder = storing()
    # One of the halves is stored again, now with the tag.
    intake.script.replace([{"status": 413, "signal": "logs"}, {**LOGS_DOWN, "times": 1}])
    handle(forwarder, RETRY)
    handle(forwarder, RETRY)
    assert [log.tags for log in intake.store.logs()] == ["env:none,retry:true"] * 2


def test_logs_too_old_for_the_intake_get_the_current_time_and_keep_theirs(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    then = now_ms() - DAY_MS
    bucket.put_logs("old", timestamp=then)
    handle(storing(), RETRY)
    (log,) = intake.store.logs()
    assert (abs((log.timestamp or 0) - now_ms()) < 10_000, log.attributes["original_timestamp"]) == (True, then)


def test_the_first_time_of_a_log_wins(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    bucket.put_logs("older", timestamp=now_ms() - DAY_MS, original_timestamp=7)
    handle(storing(), RETRY)
    assert [log.attributes["original_timestamp"] for log in intake.store.logs()] == [7]


def test_logs_that_the_intake_takes_keep_their_time(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    then = now_ms() - DAY_MS // 2
    bucket.put_logs("young", timestamp=then)
    handle(storing(), RETRY)
    (log,) = intake.store.logs()
    assert (log.timestamp, "original_timestamp" in log.attributes) == (then, False)


def test_points_older_than_an_hour_are_set_aside_and_the_others_delivered(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    bucket.put_points([10, 4_000, 20, 5_000])
    answer = handle(storing(), RETRY)
    name = bucket.only(REJECTED)
    assert [metric.value for metric in metrics(intake)] == [10, 20]
    assert [series["points"][0][1] for series in bucket.json(name)["series"]] == [[4_000], [5_000]]
    assert bucket.metadata(name)["reason"].startswith("expired")
    assert (answer["items"]["delivered"], answer["items"]["rejected"], is_balanced(answer)) == (2, 2, True)
    assert bucket.names(PENDING) == []


def test_points_that_cannot_be_set_aside_stay(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    bucket.put_points([10, 4_000])
    cloud.refuse("PutObject", path="rejected")
    answer = handle(storing(), RETRY)
    (series,) = bucket.json(bucket.only(PENDING))["series"]
    assert (series["points"][0][1], answer["signals"]["metrics"]["stored"], is_balanced(answer)) == ([4_000], 1, True)


def test_a_large_batch_of_expired_points_is_sorted_out(storing: Starts, bucket: Bucket) -> None:
    bucket.put_points([10, 4_000] * 5_000)
    answer = handle(storing(), RETRY)
    assert (answer["items"]["delivered"], answer["items"]["rejected"]) == (5_000, 5_000)


# --- what fails again ----------------------------------------------------------------------------


def test_what_fails_again_stays_with_one_more_attempt(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    name = bucket.put_logs("a", "b")
    before = bucket.metadata(name), bucket.body(name)
    intake.script.replace([{"status": 404, "signal": "logs"}])
    answer = handle(storing(), RETRY)
    assert bucket.names() == [name]
    assert (bucket.metadata(name), bucket.body(name)) == (
        before[0] | {"attempts": "2", "reason": "status 404"},
        before[1],
    )
    assert (answer["items"]["stored"], answer["left_in_store"], is_balanced(answer)) == (2, 1, True)


def test_of_what_was_partly_delivered_the_rest_is_stored_again(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    name = bucket.put_logs("a", "b", "c", "d")
    intake.script.replace([{"status": 413, "signal": "logs"}, {"status": 404, "signal": "logs"}])
    answer = handle(storing(), RETRY)
    rest = bucket.only(PENDING)
    messages = {log["message"] for log in bucket.json(rest)}
    assert (rest != name, messages | set(received(intake)), len(messages)) == (True, {"a", "b", "c", "d"}, 2)
    metadata = bucket.metadata(rest)
    assert (metadata["attempts"], metadata["items"], metadata["reason"]) == ("2", "2", "status 404")
    assert (answer["items"]["delivered"], answer["items"]["stored"], is_balanced(answer)) == (2, 2, True)


def test_what_remains_keeps_its_age(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    name = bucket.put_logs("a", "b", minutes_ago=90)
    age = bucket.metadata(name)["first-failure"]
    intake.script.replace([{"status": 413, "signal": "logs"}, {"status": 404, "signal": "logs"}])
    answer = handle(storing(), RETRY)
    rest = bucket.only(PENDING)
    assert (bucket.metadata(rest)["first-failure"], rest.split("T")[0]) == (age, name.split("T")[0])
    assert answer["oldest_seconds"] == pytest.approx(5_400, abs=10)


def test_the_original_stays_if_the_rest_cannot_be_stored(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    name = bucket.put_logs("a", "b")
    cloud.refuse("PutObject", path="pending")
    intake.script.replace([{"status": 413, "signal": "logs"}, {"status": 404, "signal": "logs"}])
    handle(storing(), RETRY)
    assert bucket.names(PENDING) == [name]


def test_batches_that_were_merged_are_accounted_for_each(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    bucket.put_logs("ahead", minutes_ago=10)
    bucket.put_logs("a", minutes_ago=9)
    kept = bucket.put_logs("b", minutes_ago=8)
    intake.script.replace([{"signal": "logs"}, {"status": 413, "signal": "logs"}, {"status": 404, "signal": "logs"}])
    handle(storing(), RETRY)
    (left,) = bucket.names(PENDING)
    assert {log["message"] for log in bucket.json(left)} | set(received(intake)) == {"ahead", "a", "b"}
    assert (bucket.metadata(left)["attempts"], bucket.metadata(left)["items"], kept.count("logs")) == ("2", "1", 1)


def test_a_refusal_of_merged_batches_affects_only_the_log_that_is_refused_alone(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    for number in range(3):
        bucket.put_logs(f"{number} first", f"{number} second", minutes_ago=9 - number)
    intake.script.replace([{"status": 400, "signal": "logs", "times": 99, "contains": "1 second"}])
    answer = handle(storing(), RETRY)
    assert [log["message"] for log in bucket.json(bucket.only(REJECTED))] == ["1 second"]
    assert sorted(map(str, received(intake))) == ["0 first", "0 second", "1 first", "2 first", "2 second"]
    assert (bucket.names(PENDING), is_balanced(answer)) == ([], True)


def test_an_intake_that_is_down_does_not_hold_up_the_other_signal(
    storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    for minutes in range(5):
        bucket.put_logs("a", minutes_ago=minutes + 10)
        bucket.put_points([1], minutes_ago=minutes + 1)
    intake.script.replace([LOGS_DOWN])
    answer = handle(storing(), RETRY)
    assert (arrived(intake), len(bucket.names(PENDING)), answer["left_in_store"]) == ((0, 5), 5, 5)


def test_a_replay_stops_reading_when_the_intakes_are_down(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    for number in range(40):  # each too large to share a request
        bucket.put_logs(*["x" * 30_000] * 90, minutes_ago=100 - number)
    intake.script.replace([{**DOWN, "headers": {}}])
    answer = handle(storing(DD_MAX_WORKERS="4"), RETRY)
    assert (cloud.count("GetObject") < 40, len(attempts(intake, "logs")) <= 8 + 3, is_balanced(answer)) == (True,) * 3
    assert (answer["left_in_store"], len(bucket.names(PENDING))) == (40, 40)


def test_a_replay_stops_at_the_deadline_and_reports_what_is_left(
    storing: Starts, intake: LocalIntake, bucket: Bucket, said: Said
) -> None:
    for minutes in range(6):
        bucket.put_logs(*["x" * 30_000] * 90, minutes_ago=60 + minutes)
    intake.script.replace([{"signal": "logs", "times": 2}, {"signal": "logs", "delay": FOREVER, "times": 9}])
    began = time.monotonic()
    answer = handle(storing(DD_MAX_WORKERS="1"), RETRY, 5)
    assert time.monotonic() - began < 5
    # The first request holds one of the batches, the second one and a part of the third.
    assert (answer["left_in_store"], len(bucket.names(PENDING))) == (4, 4)
    assert (3_500 < answer["oldest_seconds"] < 4_000, is_balanced(answer)) == (True, True)
    embedded = next(record for record in said.records if "stored_batches_left" in record)
    assert embedded["stored_batches_left"] == [float(answer["left_in_store"])]
    assert embedded["oldest_stored_seconds"][0] == pytest.approx(answer["oldest_seconds"], abs=2)


def test_what_has_been_read_is_sent_although_there_was_no_time_to_read_all(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    for number in range(4):
        bucket.put_logs(f"{number}", minutes_ago=10 - number)
    unique = bucket.put_logs("takes too long").rpartition("-")[2]
    cloud.meanwhile("GetObject", unique, lambda: cloud.freed.wait(20))
    answer = handle(storing(), RETRY, 5)
    assert (received(intake), answer["left_in_store"]) == (["0", "1", "2", "3"], 1)


@pytest.mark.parametrize("status", [401, 404])
def test_of_what_an_intake_would_refuse_no_more_than_one_is_sent(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, status: int
) -> None:
    for number in range(9):
        bucket.put_points([number], minutes_ago=10)
    bucket.put_logs("younger", minutes_ago=1)
    intake.script.replace([{"signal": "metrics", "status": status, "times": 99}])
    cloud.calls.clear()
    answer = handle(storing(), RETRY)
    assert (received(intake), answer["left_in_store"], cloud.count("CopyObject")) == (["younger"], 9, 1)


def test_after_expired_points_the_first_that_can_be_sent_goes_ahead(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    bucket.put_points([4_000], minutes_ago=60)
    for minutes in range(3):
        bucket.put_points([1], minutes_ago=minutes + 1)
    intake.script.replace([{"signal": "metrics", "status": 401, "times": 99}])
    cloud.calls.clear()
    answer = handle(storing(), RETRY)
    assert (answer["left_in_store"], cloud.count("CopyObject")) == (3, 1)


def test_running_out_of_time_is_not_an_attempt(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    name = bucket.put_logs("a")
    intake.script.replace([{"signal": "logs", "delay": FOREVER}])
    handle(storing(), RETRY, 3)
    assert bucket.metadata(name)["attempts"] == "1"


def test_further_objects_are_read_while_one_is_waited_for(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    for number in range(READ_AHEAD):
        bucket.put_logs(f"{number}", minutes_ago=20 - number)
    all_asked_for: list[bool] = []
    cloud.calls.clear()
    cloud.meanwhile(
        "GetObject", PENDING, lambda: all_asked_for.append(until(lambda: cloud.count("GetObject") == READ_AHEAD))
    )
    handle(storing(), RETRY, 60)
    assert all_asked_for == [True]
