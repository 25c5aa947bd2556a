"""An event that kills each replay which tries it is set aside after the second, and holds up no other."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from forwarder import sources
from forwarder.failed_events.lease import Lease
from forwarder.handler import Forwarder
from forwarder.records import Continuation, Found, S3Object
from forwarder.sources import Reading, continuation_event
from forwarder.sources.awslogs import read_event
from local_intake.server import LocalIntake
from tests.aws.support import (
    EVENTS,
    LEASE,
    PENDING,
    REJECTED,
    RETRY,
    ROOT,
    Bucket,
    Cloud,
    Killed,
    Starts,
    handle,
    received,
)
from tests.builders import OBJECTS_BUCKET, awslogs_event, eventbridge_event, s3_event
from tests.flow.support import Said, is_balanced

DEADLY = eventbridge_event("aws.ec2")
UNREAD = f"{ROOT}unread/"


@pytest.fixture(autouse=True)
def _deadly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the function die of events of EventBridge."""

    def dies(*_: object) -> None:
        raise Killed

    monkeypatch.setitem(sources._EVENT_READERS, "eventbridge", dies)


@contextmanager
def deadly_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the function die of events of CloudWatch Logs as well, for a while."""
    with monkeypatch.context() as for_a_while:
        for_a_while.setitem(sources._EVENT_READERS, "awslogs", sources._EVENT_READERS["eventbridge"])
        yield


def let_expire(bucket: Bucket) -> None:
    """Make it as late as the end of the lease."""
    bucket.put(LEASE, json.dumps(json.loads(bucket.body(LEASE)) | {"until": time.time() - 1}).encode())


def kill_replays(times: int, forwarder: Forwarder, bucket: Bucket, cloud: Cloud) -> None:
    """Let replays be killed, each when the lease of the one before has expired: who is killed gives none back."""
    for _ in range(times):
        with pytest.MonkeyPatch.context() as killing:
            killing.setattr(Lease, "release", lambda _: None)
            with pytest.raises(Killed):
                handle(forwarder, RETRY)
        cloud.heal()
        let_expire(bucket)


# --- what becomes of it --------------------------------------------------------------------------


def test_an_event_that_killed_two_replays_is_set_aside_as_it_is(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    name = bucket.put_event(DEADLY)
    body = bucket.body(name)
    forwarder = storing()
    kill_replays(2, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    moved = f"{REJECTED}{name.rsplit('/', 1)[-1]}"
    assert (bucket.names(), bucket.body(moved)) == ([moved], body)
    assert bucket.metadata(moved)["reason"].startswith("two replays were killed")


def test_later_events_are_no_longer_held_up(storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud) -> None:
    bucket.put_event(DEADLY, 1)
    bucket.put_event(awslogs_event(["behind"]), 2)
    forwarder = storing()
    kill_replays(2, forwarder, bucket, cloud)
    assert received(intake) == []
    handle(forwarder, RETRY)
    assert (received(intake), bucket.names(EVENTS)) == (["behind"], [])


def test_two_events_that_kill_replays_are_set_aside_one_after_the_other(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    bucket.put_event(DEADLY, 1)
    bucket.put_event(DEADLY, 2)
    bucket.put_event(awslogs_event(["behind"]), 3)
    forwarder = storing()
    kill_replays(4, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    assert (received(intake), len(bucket.names(REJECTED)), bucket.names(EVENTS)) == (["behind"], 2, [])


def test_a_continuation_that_kills_replays_is_set_aside_too(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sources._EVENT_READERS, "continuation", sources._EVENT_READERS["eventbridge"])
    rest = continuation_event(Continuation(S3Object(OBJECTS_BUCKET, "a.log"), "", 7, 0))
    bucket.put(f"{UNREAD}2026-11-22T16:05:03.000000Z-1.json", json.dumps({"requestPayload": rest}).encode())
    forwarder = storing()
    kill_replays(2, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    assert bucket.names() == [f"{REJECTED}2026-11-22T16:05:03.000000Z-1.json"]


def test_an_event_that_cannot_even_be_loaded_is_set_aside_too(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    bucket.put_event(awslogs_event(["larger than the memory"]))
    forwarder = storing()
    for _ in range(2):
        cloud.kill("GetObject", EVENTS)
        kill_replays(1, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    assert (received(intake), bucket.names(EVENTS), len(bucket.names(REJECTED))) == ([], [], 1)


def test_it_is_reported_once_with_its_name_and_what_to_do_and_counted_as_a_rejected_line(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    name = bucket.put_event(DEADLY)
    forwarder = storing()
    kill_replays(2, forwarder, bucket, cloud)
    answer = handle(forwarder, RETRY)
    (error,) = said.at("ERROR")
    assert (error["where"], "raise MemorySize or Timeout" in error["message"]) == (name, True)
    assert (answer["lines"]["rejected"], is_balanced(answer), answer["replay_failed"]) == (1, True, False)


def test_it_stays_within_the_bucket_as_it_came_where_something_is_masked_too(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    name = bucket.put_event(DEADLY)
    body = bucket.body(name)
    forwarder = storing(REDACT_EMAIL="true")
    kill_replays(2, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    assert bucket.body(bucket.only(REJECTED)) == body


def test_moved_back_it_is_tried_again(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = bucket.put_event(awslogs_event(["a"]))
    forwarder = storing()
    with deadly_logs(monkeypatch):
        kill_replays(2, forwarder, bucket, cloud)
        handle(forwarder, RETRY)
    moved = bucket.only(REJECTED)
    bucket.put(f"{EVENTS}{name.rsplit('/', 1)[-1]}", bucket.body(moved))
    handle(forwarder, RETRY)
    assert (received(intake), bucket.names(EVENTS)) == (["a"], [])


def test_one_that_cannot_be_set_aside_is_not_tried_either_and_holds_nothing_up(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    name = bucket.put_event(DEADLY, 1)
    bucket.put_event(awslogs_event(["behind"]), 2)
    forwarder = storing()
    kill_replays(2, forwarder, bucket, cloud)
    cloud.refuse("CopyObject")
    answer = handle(forwarder, RETRY)
    assert (received(intake), bucket.names(EVENTS), answer["lines"]["rejected"]) == (["behind"], [name], 0)
    assert any("could not be set aside: AccessDenied" in each["message"] for each in said.at("WARNING"))


def test_one_that_could_not_be_set_aside_is_by_the_next_replay(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    bucket.put_event(DEADLY, 1)
    bucket.put_event(awslogs_event(["behind"]), 2)
    forwarder = storing()
    kill_replays(2, forwarder, bucket, cloud)
    cloud.refuse("CopyObject", "SlowDown", times=1)
    for _ in range(2):
        handle(forwarder, RETRY)
    assert (received(intake), bucket.names(EVENTS), len(bucket.names(REJECTED))) == (["behind"], [], 1)


def test_one_is_set_aside_although_others_are_tried_before_it_each_time(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    denied = bucket.put_event(s3_event("denied"), 1)  # survived each time, and stays
    bucket.put_event(DEADLY, 2)
    bucket.put_event(awslogs_event(["behind"]), 3)
    forwarder = storing()
    for _ in range(2):
        cloud.refuse("GetObject", path="/denied")
        kill_replays(1, forwarder, bucket, cloud)
    cloud.refuse("GetObject", path="/denied")
    handle(forwarder, RETRY)
    assert (received(intake), bucket.names(EVENTS), len(bucket.names(REJECTED))) == (["behind"], [denied], 1)


def test_a_replay_that_does_not_come_to_it_does_not_forget_it(
    storing: Starts, bucket: Bucket, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put_event(DEADLY)
    forwarder = storing()
    kill_replays(1, forwarder, bucket, cloud)
    with monkeypatch.context() as for_a_while:
        for_a_while.setattr("forwarder.replay.events.SHARE_FOR_AN_EVENT", 1.1)
        handle(forwarder, RETRY)
    kill_replays(1, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    assert (bucket.names(EVENTS), len(bucket.names(REJECTED))) == ([], 1)


def test_a_replay_that_has_no_time_for_it_does_not_forget_it(
    storing: Starts, bucket: Bucket, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sources._EVENT_READERS, "continuation", sources._EVENT_READERS["eventbridge"])
    rest = continuation_event(Continuation(S3Object(OBJECTS_BUCKET, "a.log"), "", 7, 1))
    bucket.put(f"{UNREAD}2026-11-22T16:05:03.000000Z-1.json", json.dumps({"requestPayload": rest}).encode())
    forwarder = storing()
    kill_replays(1, forwarder, bucket, cloud)
    with monkeypatch.context() as for_a_while:
        for_a_while.setattr("forwarder.replay.events.SHARE_FOR_A_STALLED_OBJECT", 1.1)
        handle(forwarder, RETRY)
    kill_replays(1, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    assert (bucket.names(UNREAD), len(bucket.names(REJECTED))) == ([], 1)


# --- who is not to blame -------------------------------------------------------------------------


def test_one_killed_replay_does_not_set_an_event_aside(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put_event(awslogs_event(["a"]))
    forwarder = storing()
    with deadly_logs(monkeypatch):
        kill_replays(1, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    assert (received(intake), bucket.names()) == (["a"], [])


def test_a_replay_killed_among_the_batches_blames_no_event(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    bucket.put_logs("stored")
    bucket.put_event(awslogs_event(["a"]))
    forwarder = storing()
    for _ in range(3):
        cloud.kill("GetObject", PENDING)
        kill_replays(1, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    assert (received(intake), bucket.names()) == (["stored", "a"], [])


def test_a_replay_killed_among_the_batches_does_not_count_for_an_event(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put_event(awslogs_event(["a"]))
    forwarder = storing()
    with deadly_logs(monkeypatch):
        kill_replays(1, forwarder, bucket, cloud)
    bucket.put_logs("stored")
    cloud.kill("GetObject", PENDING)
    kill_replays(1, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    assert (received(intake), bucket.names()) == (["stored", "a"], [])


def test_deaths_of_two_events_are_counted_separately(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put_event(awslogs_event(["a"]), 1)
    bucket.put_event(awslogs_event(["b"]), 2)
    forwarder = storing()
    deaths = iter([True, False, True])  # the first event kills, then lets one through, and the second kills

    def dies_at_times(event: object, number: int, reading: Reading) -> Iterator[Found]:
        if next(deaths, False):
            raise Killed
        return read_event(event, number, reading)

    monkeypatch.setitem(sources._EVENT_READERS, "awslogs", dies_at_times)
    bucket.put_event(awslogs_event(["c"]), 3)
    kill_replays(2, forwarder, bucket, cloud)
    handle(forwarder, RETRY)
    assert (sorted(map(str, received(intake))), bucket.names(REJECTED)) == (["a", "b", "c"], [])


def test_an_event_that_comes_with_a_replay_request_is_not_noted_in_a_lease(storing: Starts, bucket: Bucket) -> None:
    bucket.put_event(awslogs_event(["waits"]))
    with pytest.raises(Killed):
        handle(storing(), DEADLY | RETRY)
    assert (bucket.names(LEASE), len(bucket.names(EVENTS))) == ([], 1)


@pytest.mark.parametrize(
    "note",
    [{"trying": 7}, {"suspect": "x", "deaths": "many"}, {"trying": "x", "deaths": 9}, {"suspect": "x", "deaths": 9}],
)
def test_a_lease_that_names_no_event_blames_none(
    note: dict[str, object], storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    bucket.put_logs("stored")
    bucket.put_event(awslogs_event(["a"]))
    bucket.put(LEASE, json.dumps({"owner": "somebody", "until": time.time() - 1} | note).encode())
    handle(storing(), RETRY)
    assert (received(intake), bucket.names(PENDING), bucket.names(EVENTS)) == (["stored", "a"], [], [])


# --- what it costs -------------------------------------------------------------------------------


def test_an_event_costs_one_more_write_and_stored_batches_none(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud
) -> None:
    for number in range(5):
        bucket.put_logs(f"{number}")
    for number in range(3):
        bucket.put_event(awslogs_event([f"event {number}"]), number)
    cloud.calls.clear()
    handle(storing(), RETRY)
    assert (len(received(intake)), cloud.count("PutObject")) == (8, 1 + 3)


def test_a_replay_that_has_lost_its_lease_begins_no_event(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    bucket.put_logs("stored")
    name = bucket.put_event(awslogs_event(["a"]))
    others = json.dumps({"owner": "another", "until": time.time() + 60}).encode()
    cloud.meanwhile("GetObject", PENDING, lambda: bucket.put(LEASE, others))
    answer = handle(storing(), RETRY)
    (warning,) = said.at("WARNING")
    assert warning["message"] == "Another replay has taken the lease; this one stops."
    assert (received(intake), bucket.names(), answer["replay_failed"]) == (["stored"], [name, LEASE], False)


def test_an_event_that_cannot_be_noted_is_not_begun(
    storing: Starts, intake: LocalIntake, bucket: Bucket, cloud: Cloud, said: Said
) -> None:
    bucket.put_logs("stored")
    name = bucket.put_event(awslogs_event(["a"]))
    cloud.meanwhile("GetObject", PENDING, lambda: cloud.refuse("PutObject"))
    answer = handle(storing(), RETRY)
    (warning,) = said.at("WARNING")
    assert warning["message"] == "The replay ended early: the lease could not be written: AccessDenied."
    assert (received(intake), bucket.names(), answer["replay_failed"]) == (["stored"], [name], True)
