"""`Deadline`: a moment that comes, and time that is never negative."""

from forwarder.deadline import Deadline


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
