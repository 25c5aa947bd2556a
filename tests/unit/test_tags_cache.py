"""The cache of tags: one refresh per TTL, the last known tags when that fails, and no more waiting than allowed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from forwarder.tags.cache import JITTER, PAUSE, Cache, TagsByArn, WaitBudget

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
TTL = 300.0
TAGS = ("team:shop",)


@dataclass
class Source:
    """A source of tags: `answers` in turn, the last one for ever. Counts how often."""

    answers: list[TagsByArn | Exception] = field(default_factory=lambda: [{ARN: TAGS}])
    times: int = 0
    free: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.free.set()

    def fetch(self) -> TagsByArn:
        self.free.wait(20)
        self.times += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Clock:
    now: float = 1_795_343_071.0

    def __call__(self) -> float:
        return self.now


def made(source: Source) -> tuple[Cache, Clock, Callable[[], tuple[str, ...]]]:
    """Return a cache, its clock, and a way to ask for the tags with a large budget."""
    clock = Clock()
    cache = Cache(source.fetch, None, TTL, clock)
    return cache, clock, lambda: cache.get(ARN, WaitBudget(20))


def join_refreshes() -> None:
    for thread in threading.enumerate():
        if thread.name == "tags":
            thread.join(20)


def test_within_the_ttl_there_is_one_fetch_for_all() -> None:
    source = Source()
    cache, clock, tags = made(source)
    assert [tags() for _ in range(3)] == [TAGS] * 3
    clock.now += TTL - 1
    assert tags() == TAGS
    assert cache.get("arn:another", WaitBudget(20)) == ()
    assert source.times == 1


def test_after_the_ttl_and_its_jitter_it_fetches_again() -> None:
    source = Source([{ARN: TAGS}, {ARN: ("team:other",)}])
    _, clock, tags = made(source)
    tags()
    clock.now += TTL * (1 + JITTER) + 1
    assert (tags(), source.times) == (("team:other",), 2)


def test_sandboxes_that_fetched_at_one_time_do_not_all_fetch_again_at_one_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("forwarder.tags.cache.uniform", lambda least, most: (least + most) / 2)
    source = Source()
    _, clock, tags = made(source)
    tags()
    clock.now += TTL * 1.04
    tags()
    assert source.times == 1
    clock.now += TTL * 0.02
    tags()
    assert source.times == 2


def test_that_there_are_no_tags_is_known_too() -> None:
    source = Source([{}])
    _, _, tags = made(source)
    assert ([tags(), tags()], source.times) == ([(), ()], 1)


def test_tags_that_are_gone_are_forgotten() -> None:
    _, clock, tags = made(Source([{ARN: TAGS}, {}]))
    assert tags() == TAGS
    clock.now += TTL * (1 + JITTER) + 1
    assert tags() == ()


def test_a_failure_keeps_the_last_tags_and_is_reported_once() -> None:
    cache, clock, tags = made(Source([{ARN: TAGS}, ValueError("sesame")]))
    tags()
    clock.now += TTL * (1 + JITTER) + 1
    assert tags() == TAGS
    assert [cache.problem(), cache.problem()] == ["could not be fetched: ValueError", ""]


def test_what_failed_is_tried_again_after_a_pause_and_not_before() -> None:
    source = Source([ValueError(), {ARN: TAGS}])
    _, clock, tags = made(source)
    assert [tags(), tags()] == [(), ()]
    clock.now += TTL * PAUSE - 1
    assert (tags(), source.times) == ((), 1)
    clock.now += 2
    assert (tags(), source.times) == (TAGS, 2)


def test_an_invocation_that_runs_out_of_budget_continues_with_the_last_tags() -> None:
    source = Source([{ARN: TAGS}, {ARN: ("team:other",)}])
    cache, clock, tags = made(source)
    tags()
    source.free.clear()
    clock.now += TTL * (1 + JITTER) + 1
    assert cache.get(ARN, WaitBudget(0.01)) == TAGS
    assert cache.get(ARN, WaitBudget(20)) == TAGS  # the one that began the refresh has waited enough
    source.free.set()
    join_refreshes()
    assert (tags(), source.times) == (("team:other",), 2)


def test_as_long_as_nothing_is_known_the_next_invocation_waits_for_the_same_refresh() -> None:
    source = Source()
    cache, _, tags = made(source)
    source.free.clear()
    assert cache.get(ARN, WaitBudget(0.01)) == ()
    source.free.set()
    assert (tags(), source.times) == (TAGS, 1)


def test_without_budget_nothing_is_begun() -> None:
    source = Source()
    cache, _, _ = made(source)
    assert (cache.get(ARN, WaitBudget(0)), source.times) == ((), 0)


def test_budget_is_used_up_by_waiting() -> None:
    budget = WaitBudget(0.02)
    budget.wait(threading.Event())
    assert budget.left == 0
