"""`Deadline`: a moment that comes, and time that is never negative."""

import threading

import pytest

from forwarder.deadline import NEVER, Deadline, within


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


def test_work_that_takes_too_long_is_left_behind() -> None:
    free = threading.Event()
    with pytest.raises(TimeoutError):
        within(Deadline.after(0.01), free.wait)
    free.set()
