"""What a replay reports about itself, for alarms on replays that do not work and on what waits too long."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from local_intake.server import LocalIntake
from tests.aws.support import EVENTS, LEASE, LOGS_DOWN, PENDING, RETRY, ROOT, Bucket, Cloud, Starts, handle, received
from tests.aws.test_replay_trouble import lease
from tests.builders import awslogs_event
from tests.flow.support import Answer, Said

MINUTE = 60


def embedded(said: Said) -> Answer:
    """Return the one line of embedded metrics."""
    (line,) = [record for record in said.records if "_aws" in record]
    return line


# --- replays that do not work --------------------------------------------------------------------


def test_a_replay_that_works_has_not_failed(storing: Starts, bucket: Bucket, said: Said) -> None:
    bucket.put_logs("a")
    answer = handle(storing(DD_LOG_LEVEL="INFO"), RETRY)
    (summary,) = said.summaries
    assert (answer["replay_failed"], summary["replay_failed"], embedded(said)["replays_failed"]) == (False, False, [0])
    assert summary["message"] == "Forwarded."


def test_an_intake_that_is_down_is_not_a_failure_of_the_replay(
    storing: Starts, intake: LocalIntake, bucket: Bucket, said: Said
) -> None:
    bucket.put_logs("a")
    intake.script.replace([LOGS_DOWN])
    handle(storing(), RETRY)
    assert embedded(said)["replays_failed"] == [0]


@pytest.mark.parametrize(
    "refused",
    [("PutObject", "lease"), ("ListObjectsV2", ""), ("GetObject", "pending"), ("DeleteObjects", "")],
    ids=["take the lease", "list", "read", "remove"],
)
def test_a_replay_that_may_not_do_its_work_has_failed(
    refused: tuple[str, str], storing: Starts, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    bucket.put_logs("a")
    operation, path = refused
    cloud.refuse(operation, path=path)
    answer = handle(storing(), RETRY)
    (summary,) = said.summaries
    assert (answer["replay_failed"], summary["replay_failed"], embedded(said)["replays_failed"]) == (True, True, [1])
    assert (summary["message"], summary["level"]) == ("The replay failed.", "WARNING")


def test_a_replay_that_cannot_store_what_remains_has_failed(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    bucket.put_logs("a", "b")
    cloud.refuse("PutObject", path="pending")
    intake.script.replace([{"status": 413, "signal": "logs"}, {"status": 404, "signal": "logs"}])
    handle(storing(), RETRY)
    assert any(each["message"].startswith("What remains of a batch could not be") for each in said.at("WARNING"))
    assert embedded(said)["replays_failed"] == [1]


def test_one_object_that_cannot_be_read_does_not_fail_a_replay_that_goes_on(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    archived = bucket.put_logs("archived", minutes_ago=60)
    bucket.put_logs("good")
    cloud.refuse("GetObject", "InvalidObjectState", archived.rsplit("-", 1)[-1])
    handle(storing(), RETRY)
    assert (received(intake), embedded(said)["replays_failed"]) == (["good"], [0])


def test_a_replay_that_finds_another_one_has_neither_worked_nor_failed(
    storing: Starts, bucket: Bucket, said: Said
) -> None:
    lease(bucket, MINUTE)
    answer = handle(storing(), RETRY)
    assert ("replay_failed" in answer, "replays_failed" in embedded(said)) == (False, False)


def test_an_invocation_without_a_replay_does_not_report_one(storing: Starts, bucket: Bucket, said: Said) -> None:
    answer = handle(storing(), awslogs_event(["a"]))
    assert ("replay_failed" in answer, "replays_failed" in embedded(said)) == (False, False)


@pytest.fixture
def no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let replays have no time for events: they end at the first."""
    monkeypatch.setattr("forwarder.replay.events.SHARE_FOR_AN_EVENT", 1.1)


@pytest.mark.usefixtures("no_events")
def test_that_what_is_left_cannot_be_counted_is_a_warning_and_no_failure(
    storing: Starts, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    bucket.put_event(awslogs_event(["a"]))
    cloud.refuse("ListObjectsV2", path="unread")
    answer = handle(storing(), RETRY)
    (warning,) = said.at("WARNING")
    assert warning["message"].startswith("What is left in the store was not counted: the store could not be listed")
    assert ("replay_failed" in answer, "replays_failed" in embedded(said), bucket.names(LEASE)) == (False, False, [])


# --- what waits ----------------------------------------------------------------------------------


def put_given_up(bucket: Bucket, minutes_ago: float) -> str:
    """Put an event there that Lambda gave up on then, under the name that Lambda gives it."""
    then = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    name = f"{EVENTS}{then:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-8c1f0c9a-58a7-4c61-9d0b-2f0c3f1f7d10"
    return bucket.put(name, json.dumps({"requestPayload": awslogs_event(["a"])}).encode())


def put_note(bucket: Bucket, minutes_ago: float) -> str:
    """Put a note there of where to read on."""
    then = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    rest = {"continuation": {"bucket": "orders", "key": "a.log", "position": 7}}
    name = f"{ROOT}unread/{then:%Y-%m-%dT%H:%M:%S.%fZ}-8c1f0c9a.json"
    return bucket.put(name, json.dumps({"requestPayload": rest}).encode())


AGES = [(90, 10, 20), (10, 90, 20), (20, 10, 90), (0, 90, 10), (0, 0, 90)]  # minutes; 0: there is none


@pytest.mark.usefixtures("no_events")
@pytest.mark.parametrize("ages", AGES)
def test_the_oldest_that_waits_may_be_a_batch_or_an_event_or_a_note(
    ages: tuple[int, int, int], storing: Starts, intake: LocalIntake, bucket: Bucket, said: Said
) -> None:
    batch, event, note = ages
    for part in (1, 2):
        if batch:
            bucket.put_logs("a", minutes_ago=batch / part)
        if event:
            put_given_up(bucket, event / part)
        put_note(bucket, note / part)
    intake.script.replace([LOGS_DOWN])
    answer = handle(storing(), RETRY)
    assert answer["left_in_store"] == 2 * sum(map(bool, ages))
    assert answer["oldest_seconds"] == pytest.approx(90 * MINUTE, abs=10)
    assert embedded(said)["oldest_stored_seconds"][0] == pytest.approx(90 * MINUTE, abs=10)


def test_a_name_without_a_time_does_not_hide_the_others(storing: Starts, intake: LocalIntake, bucket: Bucket) -> None:
    stored = bucket.put_logs("a", minutes_ago=90)
    bucket.put(f"{PENDING}0-by-hand.json.gz", bucket.body(stored), bucket.metadata(stored))
    intake.script.replace([LOGS_DOWN])
    assert handle(storing(), RETRY)["oldest_seconds"] == pytest.approx(90 * MINUTE, abs=10)


@pytest.mark.usefixtures("no_events")
def test_what_waits_is_counted_with_a_request_for_each_folder(storing: Starts, bucket: Bucket, cloud: Cloud) -> None:
    put_given_up(bucket, 10)
    put_note(bucket, 20)
    cloud.calls.clear()
    handle(storing(), RETRY)
    assert cloud.count("ListObjectsV2") == 1 + 1 + 3  # batches; events, which end with the first; then all three
