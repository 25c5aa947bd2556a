"""Time limits of searches: by the length of the text, by earlier overruns, by what is left until the deadline."""

from collections.abc import Callable

import pytest

from forwarder.deadline import Deadline
from forwarder.errors import OutOfTimeError
from forwarder.searches import LIMIT, LIMIT_PER_CHARACTER, MAX_OVERRUN, MIN_LIMIT, STRICT_DIVISOR, SearchBudget


class Left(Deadline):
    """A deadline that stays as far away as its `moment` says."""

    @property
    def remaining(self) -> float:
        return self.moment

    @property
    def expired(self) -> bool:
        return self.moment <= 0


def limit(budget: SearchBudget, text: str = "") -> float:
    """Return the limit that a search gets."""

    def search(_text: str, *, timeout: float) -> float:
        return timeout

    return budget.run(search, text)


def running_over(budget: SearchBudget) -> Callable[[], object]:
    def search(_text: str, *, timeout: float) -> None:
        raise TimeoutError(timeout)

    return lambda: budget.run(search, "")


def test_a_search_returns_what_it_finds() -> None:
    assert SearchBudget(Left(60), 1).run(lambda text, timeout: text * bool(timeout), "found") == "found"


def test_a_longer_text_may_take_longer() -> None:
    assert limit(SearchBudget(Left(60), 1), "a" * 1000) == pytest.approx(LIMIT + 1000 * LIMIT_PER_CHARACTER)


def test_limits_shrink_once_others_have_used_up_the_tolerance() -> None:
    budget = SearchBudget(Left(60), 1)
    for _ in range(round(MAX_OVERRUN / LIMIT) + 1):
        with pytest.raises(TimeoutError):
            running_over(budget)()
    assert limit(budget) == pytest.approx(LIMIT / STRICT_DIVISOR)


def test_no_search_may_outlast_the_deadline() -> None:
    assert limit(SearchBudget(Left(0.05), 1)) == pytest.approx(0.05)


def test_a_function_with_a_part_of_a_cpu_waits_longer_for_a_second_of_one() -> None:
    assert limit(SearchBudget(Left(0.2), 0.25)) == pytest.approx(0.05)


def test_a_harmless_search_gets_a_little_time_even_when_none_is_left() -> None:
    assert limit(SearchBudget(Left(0), 1)) == MIN_LIMIT


@pytest.mark.parametrize("left", [0, LIMIT / 2])
def test_a_search_that_only_the_deadline_ended_is_not_blamed_on_the_pattern(left: float) -> None:
    with pytest.raises(OutOfTimeError, match="the clock ran out while the user's patterns were being applied"):
        running_over(SearchBudget(Left(left), 1))()
