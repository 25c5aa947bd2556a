"""Slow and dead intakes: invocations end in time, and a bucket has what was not delivered."""

import time
from dataclasses import dataclass

import pytest

from forwarder.handler import Forwarder
from forwarder.intake import answers
from local_intake.server import LocalIntake
from tests.builders import awslogs_event, context, settings
from tests.fakes import BUCKET, Bucket, mocked_bucket
from tests.flow.support import Answer, messages, metrics

DEAD_FOR = 1_000  # invocations
MAX_REPLAYS = 20
A_PAGE = 1_000  # names, https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html


# --- an intake that takes nearly all of the time for each answer ---------------------------------

TIMEOUT, EACH_ANSWER = 10.0, 9.0  # seconds; tests/runtime has them at full length
SLOW_LINES = [f"line {number}" for number in range(2_500)]


@dataclass(frozen=True)
class Slow:
    """What became of an invocation whose intake is slow, and what arrived of it once the intake was well again."""

    seconds: float
    answer: Answer
    in_the_bucket: int
    arrived: set[str | None]


@pytest.fixture(scope="module")
def slow(running_intake: LocalIntake) -> Slow:
    with pytest.MonkeyPatch.context() as patch, mocked_bucket(patch) as bucket:
        url = running_intake.url
        forwarder = Forwarder(settings(DD_URL=url, DD_API_URL=url, DD_S3_BUCKET_NAME=BUCKET))
        running_intake.script.replace([{"delay": EACH_ANSWER, "times": 100}])
        began = time.monotonic()
        answer = forwarder.handle(awslogs_event(SLOW_LINES), context(TIMEOUT))
        seconds, stored = time.monotonic() - began, bucket.stored_items()
        running_intake.script.replace([])
        running_intake.store.clear()
        forwarder.handle({"retry": True}, context(60))
        forwarder.close()
        return Slow(seconds, answer, stored, set(messages(running_intake)))


def test_an_invocation_ends_in_time_although_answers_come_too_late(slow: Slow) -> None:
    assert slow.seconds < TIMEOUT


def test_all_that_was_not_answered_in_time_is_stored(slow: Slow) -> None:
    assert (slow.answer["signals"]["logs"]["stored"], slow.in_the_bucket) == (len(SLOW_LINES), len(SLOW_LINES))


def test_what_was_not_answered_in_time_may_have_arrived_but_is_sent_again(slow: Slow) -> None:
    assert slow.arrived == set(SLOW_LINES)


# --- an intake that is dead for a thousand invocations -------------------------------------------


@dataclass(frozen=True)
class Recovery:
    """A long outage, and what it took to send again all that was stored in it."""

    sent: list[str]
    arrived: list[str]
    stored: int
    left: int
    calls: dict[str, int]  # of S3's operations
    posts: int  # to the intake

    @property
    def requests(self) -> int:
        return sum(self.calls.values()) + self.posts


@pytest.fixture(scope="module")
def recovery(running_intake: LocalIntake) -> Recovery:
    with pytest.MonkeyPatch.context() as patch, mocked_bucket(patch) as bucket:
        patch.setattr(answers, "MAX_BACKOFF", 0.001)
        url = running_intake.url
        forwarder = Forwarder(settings(DD_URL=url, DD_API_URL=url, DD_S3_BUCKET_NAME=BUCKET))
        running_intake.script.replace([{"status": 503, "times": 100 * DEAD_FOR}])
        sent = [text for number in range(DEAD_FOR) for text in _invoke(forwarder, number)]
        running_intake.script.replace([])
        running_intake.store.clear()
        recovery = _recover(sent, forwarder, running_intake, bucket)
        forwarder.close()
        return recovery


def _invoke(forwarder: Forwarder, number: int) -> list[str]:
    """Send an event with a log, and every fourth time with a metric as well; return what of it has to arrive."""
    probe = f'{{"m":"probe","v":{number},"e":{int(time.time())},"t":[]}}'
    lines = [f"line {number}"] if number % 4 else [f"line {number}", probe]
    forwarder.handle(awslogs_event(lines), context(60))
    return lines[:1] + [f"probe {number}"] * (len(lines) - 1)


def _recover(sent: list[str], forwarder: Forwarder, intake: LocalIntake, bucket: Bucket) -> Recovery:
    """Replay until the bucket is empty; its own look into the bucket does not count."""
    stored = len(bucket.names())
    bucket.calls.clear()
    replays = 1
    while forwarder.handle({"retry": True}, context(60))["left_in_store"] and replays < MAX_REPLAYS:
        replays += 1
    posts = intake.store.stats().requests - replays  # each sends one about itself
    calls = dict(bucket.calls)
    arrived = [*map(str, messages(intake)), *(f"probe {metric.value:.0f}" for metric in metrics(intake, "probe"))]
    return Recovery(sent, arrived, stored, len(bucket.names()), calls, posts)


def test_after_a_long_outage_every_line_arrives_once(recovery: Recovery) -> None:
    assert sorted(recovery.arrived) == sorted(recovery.sent)


def test_after_a_long_outage_the_bucket_is_emptied(recovery: Recovery) -> None:
    assert (recovery.stored, recovery.left) == (DEAD_FOR + DEAD_FOR // 4, 0)


def test_a_recovery_takes_at_most_two_requests_for_each_stored_batch_and_one_for_each_page(recovery: Recovery) -> None:
    assert recovery.requests <= 2 * recovery.stored + recovery.stored // A_PAGE + 1


# --- an intake that refuses some logs, and takes its time ----------------------------------------


def test_a_search_for_refused_logs_that_the_clock_ends_is_continued_by_replays(running_intake: LocalIntake) -> None:
    lines = [f"line {number}" if number % 4 else f"poison {number}" for number in range(200)]
    with pytest.MonkeyPatch.context() as patch, mocked_bucket(patch) as bucket:
        url = running_intake.url
        forwarder = Forwarder(settings(DD_URL=url, DD_API_URL=url, DD_S3_BUCKET_NAME=BUCKET))
        running_intake.script.replace([{"status": 400, "times": 10_000, "contains": "poison", "delay": 0.15}])
        running_intake.store.clear()
        answers: list[Answer] = [forwarder.handle(awslogs_event(lines), context(4))]
        stored = bucket.stored_items()
        while stored and answers[-1].get("left_in_store", 1) and len(answers) < MAX_REPLAYS:
            answers.append(forwarder.handle({"retry": True}, context(10)))
        forwarder.close()
    assert stored
    assert set(messages(running_intake)) == {line for line in lines if "poison" not in line}
    assert sum(answer["signals"]["logs"]["rejected"] for answer in answers) == len(lines) // 4
