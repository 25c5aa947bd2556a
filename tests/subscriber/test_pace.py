"""Calls are paced, and pause when AWS is busy."""

import pytest
from botocore.exceptions import ClientError

from subscriber.calls import Calls, Pace
from subscriber.errors import AwsError, OutOfTimeError
from subscriber.pace import TokenBucket
from subscriber.settings import CALLS_PER_SECOND
from tests.subscriber.support import Clock


def busy(times: int, made: list[int], code: str = "ThrottlingException") -> object:
    """Return a call that fails a number of times."""

    def put_subscription_filter(**_: object) -> str:
        made.append(1)
        if len(made) <= times:
            raise ClientError({"Error": {"Code": code, "Message": "secret of a user"}}, "Put")
        return "done"

    return put_subscription_filter


def test_after_a_burst_calls_follow_each_other_at_the_rate(clock: Clock) -> None:
    bucket, began = TokenBucket(4, clock), clock.now()
    moments = []
    for _ in range(40):
        bucket.take(float("inf"))
        moments.append(clock.now() - began)

    assert moments[3] == 0
    assert moments[39] == pytest.approx(9)
    assert max(sum(at <= moment < at + 1 for moment in moments) for at in moments) <= 8


@pytest.mark.parametrize(
    ("operation", "per_second"),
    [
        ("DescribeLogGroups", 8),
        ("DescribeSubscriptionFilters", 4),
        ("ListTagsForResource", 4),
        ("PutSubscriptionFilter", 4),
        ("DeleteSubscriptionFilter", 4),
    ],
)
def test_each_kind_of_call_has_a_rate_of_its_own_below_awss_quota(
    clock: Clock, operation: str, per_second: int
) -> None:
    pace, began = Pace(CALLS_PER_SECOND, clock), clock.now()
    for other in ["PutSubscriptionFilter", "DescribeLogGroups"]:
        pace.take(other if other != operation else "AnyOther", float("inf"))
    for _ in range(6 * per_second):
        pace.take(operation, float("inf"))
    assert clock.now() - began == pytest.approx(5)


def test_a_rate_below_one_lets_one_call_through_at_once(clock: Clock) -> None:
    bucket, began = TokenBucket(0.5, clock), clock.now()
    for _ in range(3):
        bucket.take(float("inf"))
    assert clock.now() - began == pytest.approx(4)


def test_a_call_that_would_be_too_late_is_not_waited_for(clock: Clock) -> None:
    bucket = TokenBucket(1, clock)
    bucket.take(clock.now() + 0.5)
    with pytest.raises(OutOfTimeError):
        bucket.take(clock.now() + 0.5)
    assert clock.slept == []


def test_pauses_grow_and_are_random(clock: Clock) -> None:
    Calls(Pace(100, clock)).make(busy(9, []))  # type: ignore[arg-type]  # any callable will do

    assert len(set(clock.slept)) == 9
    assert all(pause <= min(20, 0.5 * 2**number) for number, pause in enumerate(clock.slept))


def test_there_is_no_pause_beyond_the_deadline(clock: Clock) -> None:
    ends = clock.now() + 3
    with pytest.raises(OutOfTimeError):
        Calls(Pace(100, clock), ends).make(busy(99, []))  # type: ignore[arg-type]  # any callable will do
    assert clock.now() < ends


def test_a_refusal_is_not_retried_and_names_only_the_call_and_the_code(clock: Clock) -> None:
    made: list[int] = []
    with pytest.raises(AwsError, match=r"^PutSubscriptionFilter failed: AccessDeniedException$"):
        Calls(Pace(4, clock)).make(busy(1, made, "AccessDeniedException"))  # type: ignore[arg-type]  # as above
    assert len(made) == 1
