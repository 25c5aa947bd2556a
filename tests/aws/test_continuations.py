"""Objects that take longer than an invocation: a replay continues them, and each line arrives once."""

import gzip
from typing import Any

import pytest

from forwarder import sources
from forwarder.errors import DeliveryError
from forwarder.records import Continuation, S3Object
from forwarder.sources import Reading, continuation_event
from local_intake.server import LocalIntake
from tests.aws.support import EVENTS, RETRY, ROOT, Bucket, Cloud, Objects, Starts, handle, received
from tests.builders import OBJECTS_BUCKET, eventbridge_event, s3_event
from tests.clocks import Expiring
from tests.flow.support import is_balanced

Event = dict[str, object]


def let_read(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """Let each invocation that begins from now on read only for this many checks of the deadline."""

    def reading(objects: Any, _: object, multiline: Any, **others: Any) -> Reading:
        return Reading(objects, Expiring(looks), multiline, **others)

    monkeypatch.setattr("forwarder.pipeline.Reading", reading)


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each invocation read no more than a little: some blocks of a few lines."""
    let_read(monkeypatch, 40)
    monkeypatch.setattr("forwarder.sources.objects.BLOCK", 4_096)
    monkeypatch.setattr("forwarder.sources.s3_client.CHUNK", 4_096)


@pytest.fixture
def too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let invocations begin to read when the time for it is over, though there is some for storing."""
    let_read(monkeypatch, 0)


def unread_notes(bucket: Bucket) -> list[str]:
    return bucket.names(f"{ROOT}unread/")


def replayed(forwarder: Any, seconds: float = 30) -> dict[str, Any]:
    return handle(forwarder, RETRY, seconds)


def test_what_there_was_no_time_for_is_read_by_a_replay(
    objects: Objects, storing: Starts, intake: LocalIntake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put("a.log", b"a\nb\n")
    forwarder = storing()
    let_read(monkeypatch, 0)
    answer = handle(forwarder, s3_event("a.log"))
    assert (answer["continued"], len(unread_notes(bucket)), received(intake)) == (1, 1, [])
    let_read(monkeypatch, 1_000)
    replayed(forwarder)
    assert (received(intake), unread_notes(bucket)) == (["a", "b"], [])


LINES = [f"{number:06} of an object that takes longer than one invocation" for number in range(6_000)]
LONG = "\n".join(LINES).encode()


@pytest.mark.usefixtures("slowly")
@pytest.mark.parametrize("body", [LONG, gzip.compress(LONG)], ids=["plain", "gzip"])
def test_an_object_that_takes_many_invocations_arrives_completely_and_each_line_once(
    body: bytes, objects: Objects, storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    objects.put("long.log", body)
    forwarder = storing()
    answers = [handle(forwarder, s3_event("long.log"))]
    while unread_notes(bucket):
        answers.append(replayed(forwarder))
    assert sorted(map(str, received(intake))) == LINES
    assert (len(answers) > 1, all(map(is_balanced, answers))) == (True, True)


@pytest.mark.usefixtures("slowly")
def test_an_object_that_is_replaced_in_between_is_read_again(
    objects: Objects, storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    objects.put("long.log", LONG)
    forwarder = storing()
    handle(forwarder, s3_event("long.log"))
    before = len(received(intake))
    objects.put("long.log", b"a\nb\n")
    replayed(forwarder)
    assert (received(intake)[before:], unread_notes(bucket)) == (["a", "b"], [])


@pytest.mark.usefixtures("too_late")
def test_without_a_store_what_there_was_no_time_for_is_returned(objects: Objects, start: Starts) -> None:
    objects.put("a.log", b"a\n")
    with pytest.raises(DeliveryError, match="could not be read: the time was up"):
        handle(start(), s3_event("a.log"))


@pytest.mark.usefixtures("too_late")
def test_where_no_note_can_be_stored_what_there_was_no_time_for_is_returned(
    objects: Objects, storing: Starts, cloud: Cloud
) -> None:
    objects.put("a.log", b"a\n")
    cloud.refuse("PutObject")
    with pytest.raises(DeliveryError, match="could not be read: the time was up"):
        handle(storing(), s3_event("a.log"))


@pytest.mark.usefixtures("too_late")
def test_the_notes_of_unread_objects_are_not_among_the_events_that_lambda_gave_up_on(
    objects: Objects, storing: Starts, bucket: Bucket
) -> None:
    objects.put("a.log", b"a\n")
    handle(storing(), s3_event("a.log"))
    assert bucket.names(EVENTS) == []


# --- how much time is left -----------------------------------------------------------------------


def continued(attempts: int) -> Event:
    return continuation_event(Continuation(S3Object(OBJECTS_BUCKET, "a.log"), "", 0, attempts))


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let replays find that too much of the time is gone for what got nowhere before."""
    monkeypatch.setattr("forwarder.replay.events.SHARE_FOR_A_STALLED_OBJECT", 1.1)


@pytest.mark.usefixtures("late")
def test_an_object_without_progress_is_not_begun_late(
    objects: Objects, storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    objects.put("a.log", b"a\n")
    bucket.put_event(continued(1))
    replayed(storing())
    assert (received(intake), len(bucket.names(EVENTS))) == ([], 1)


@pytest.mark.usefixtures("late")
def test_an_object_that_is_continued_for_the_first_time_may_be_begun_late(
    objects: Objects, storing: Starts, intake: LocalIntake, bucket: Bucket
) -> None:
    objects.put("a.log", b"a\n")
    bucket.put_event(continued(0))
    replayed(storing())
    assert (received(intake), bucket.names(EVENTS)) == (["a"], [])


def test_an_event_that_the_forwarder_fails_on_does_not_hold_up_the_others(
    objects: Objects, storing: Starts, intake: LocalIntake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    objects.put("a.log", b"a\n")
    bucket.put_event(eventbridge_event("aws.ec2"), number=1)
    bucket.put_event(s3_event("a.log"), number=2)
    monkeypatch.setitem(sources._EVENT_READERS, "eventbridge", fails)
    replayed(storing())
    assert (received(intake), len(bucket.names(EVENTS))) == (["a"], 1)


def test_an_object_is_not_read_to_be_stored_for_an_intake_that_is_left_alone(
    objects: Objects, storing: Starts, intake: LocalIntake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put("a.log", b"a\n")
    forwarder = storing()
    with monkeypatch.context() as dead:
        dead.setattr("forwarder.intake.delivery.Shipment.gave_up", lambda *_: True)
        answer = handle(forwarder, s3_event("a.log"))
    assert (answer["continued"], received(intake), len(unread_notes(bucket))) == (1, [], 1)
    replayed(forwarder)
    assert (received(intake), unread_notes(bucket)) == (["a"], [])
