"""`Deadline`: a moment that comes, and time that is never negative."""

import threading

import pytest

from forwarder.deadline import NEVER, Deadline, Deadlines, within


def test_a_deadline_ahead_has_time_left() -> None:
    deadline = Deadline.after(100)
    assert 99 < deadline.remaining <= 100
    assert not deadline.expired


def test_a_deadline_that_has_passed_is_expired_with_nothing_left() -> None:
    deadline = Deadline.after(-1)
    assert deadline.remaining == 0
    assert deadline.expired


def test_no_time_at_all_is_expired() -> None:
    assert Deadline.after(0).expired


def test_work_within_a_deadline_has_its_result() -> None:
    assert within(NEVER, lambda: 7) == 7


def test_work_within_a_deadline_raises_what_it_raises() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        within(NEVER, lambda: int("x"))


def test_work_that_takes_too_long_is_abandoned() -> None:
    free = threading.Event()
    with pytest.raises(TimeoutError):
        within(Deadline.after(0.01), free.wait)
    free.set()


@pytest.mark.parametrize(
    ("remaining", "reading", "sending", "storing", "own_metrics"),
    [(10.0, 5.5, 8.0, 9.2, 0.5), (900.0, 885.0, 895.0, 898.0, 1.25)],
)
def test_the_time_of_an_invocation_is_divided(
    remaining: float, reading: float, sending: float, storing: float, own_metrics: float
) -> None:
    deadlines = Deadlines.dividing(remaining)
    assert deadlines.sending.moment - deadlines.reading.moment == pytest.approx(sending - reading)
    assert deadlines.storing.moment - deadlines.sending.moment == pytest.approx(storing - sending)
    assert deadlines.own_metrics == own_metrics
