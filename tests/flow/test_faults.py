"""Networks that fail and intakes that hang: an invocation ends in time and says what was not delivered."""

import time

import pytest

from forwarder.errors import DeliveryError
from local_intake.fault_proxy import FaultProxy
from local_intake.server import LocalIntake
from tests.builders import awslogs_event, context
from tests.flow.support import (
    COFFEE,
    Answer,
    Forward,
    Said,
    Start,
    arrived,
    delivered,
    delivery_threads,
    is_balanced,
    messages,
    until,
)

EVENT = awslogs_event(["secret order 1042", "two", COFFEE])
NO_ANSWER = ["lost_answer", "cut_answer", "reset_before_body", "reset_after_body", "refuse", "endless_headers"]
NO_END = ["dribble_headers:0.05", "dribble_body:0.05", "latency:60"]
MANY = 100  # more than an invocation makes requests


@pytest.fixture(params=[*NO_ANSWER, *NO_END])
def bad_proxy(proxy: FaultProxy, request: pytest.FixtureRequest) -> FaultProxy:
    """Return the proxy with one fault in every request."""
    proxy.faults([request.param] * MANY)
    return proxy


@pytest.fixture
def dribbling(proxy: FaultProxy) -> FaultProxy:
    proxy.faults(["dribble_headers:0.2"] * MANY)
    return proxy


def test_an_invocation_ends_before_its_deadline_with_an_error(forward: Forward, bad_proxy: FaultProxy) -> None:
    began = time.monotonic()
    with pytest.raises(DeliveryError, match="2 logs and 1 metrics could not be delivered: "):
        forward(EVENT, seconds=3, url=bad_proxy.url)
    assert time.monotonic() - began < 3


def test_the_ledgers_balance_when_nothing_confirmed_what_arrived(
    forward: Forward, bad_proxy: FaultProxy, said: Said
) -> None:
    with pytest.raises(DeliveryError):
        forward(EVENT, seconds=1, url=bad_proxy.url)
    (summary,) = said.summaries
    assert (is_balanced(summary), summary["items"]["returned"]) == (True, 3)


def test_an_error_holds_nothing_of_what_was_not_delivered(forward: Forward, bad_proxy: FaultProxy, said: Said) -> None:
    with pytest.raises(DeliveryError) as raised:
        forward(EVENT, seconds=1, url=bad_proxy.url, DD_LOG_LEVEL="DEBUG")
    assert "order" not in said.text + repr(raised.value)


def test_the_next_invocation_works(start: Start, intake: LocalIntake, bad_proxy: FaultProxy) -> None:
    forwarder = start(bad_proxy.url)
    with pytest.raises(DeliveryError):
        forwarder.handle(EVENT, context(1))
    intake.store.clear()
    bad_proxy.faults([])
    answer = forwarder.handle(awslogs_event(["next", COFFEE]), context())
    assert (delivered(answer), messages(intake)) == ((1, 1), ["next"])


def test_no_thread_is_left_after_an_invocation_that_was_cut_off(start: Start, dribbling: FaultProxy) -> None:
    forwarder = start(dribbling.url)
    with pytest.raises(DeliveryError):
        forwarder.handle(EVENT, context(1))
    forwarder.close()  # ends the threads that are kept for the next invocation, and only those
    assert until(lambda: not delivery_threads())


def test_what_answers_in_time_counts_although_the_rest_does_not(
    forward: Forward, intake: LocalIntake, dribbling: FaultProxy, said: Said
) -> None:
    with pytest.raises(DeliveryError, match=r"^2 logs could not be delivered: the time was up\.$"):
        forward(EVENT, seconds=2, DD_URL=dribbling.url, DD_API_URL=intake.url)
    assert delivered(said.summaries[-1]) == (0, 1)


def test_a_huge_answer_is_not_read_to_its_end(forward: Forward, proxy: FaultProxy, intake: LocalIntake) -> None:
    proxy.faults(["huge_body:1000000000000"])
    answer = forward(awslogs_event(["a"]), url=proxy.url)
    assert (delivered(answer), messages(intake)) == ((1, 0), ["a"])


def test_one_fault_is_made_good(forward: Forward, proxy: FaultProxy, intake: LocalIntake) -> None:
    proxy.faults(["reset_after_body", "refuse"])
    answer = forward(awslogs_event(["a", "b"]), url=proxy.url)
    assert (delivered(answer), messages(intake)) == ((2, 0), ["a", "b"])


def test_a_lost_answer_costs_a_log_twice_at_most(forward: Forward, proxy: FaultProxy, intake: LocalIntake) -> None:
    proxy.faults(["lost_answer"])
    answer = forward(awslogs_event(["a"]), url=proxy.url)
    assert (delivered(answer), messages(intake)) == ((1, 0), ["a", "a"])


def test_an_intake_that_is_not_there_is_an_error_that_says_so(forward: Forward) -> None:
    with pytest.raises(DeliveryError, match=r"^2 logs and 1 metrics could not .*ConnectionRefusedError"):
        forward(EVENT, seconds=2, url="http://127.0.0.1:9")


# --- the clock -----------------------------------------------------------------------------------


@pytest.fixture(params=[0, -1])
def too_late(request: pytest.FixtureRequest, forward: Forward, said: Said) -> tuple[DeliveryError, Answer]:
    """Return the error and the summary of an invocation whose time was over before it began."""
    with pytest.raises(DeliveryError) as raised:
        forward(EVENT, seconds=request.param)
    (summary,) = said.summaries
    return raised.value, summary


def test_without_time_an_invocation_is_an_error_that_says_so(too_late: tuple[DeliveryError, Answer]) -> None:
    assert str(too_late[0]) == "1 of the event's records could not be read: the time was up."


def test_without_time_nothing_is_counted(too_late: tuple[DeliveryError, Answer]) -> None:
    summary = too_late[1]
    assert is_balanced(summary)
    assert (summary["lines"]["received"], summary["items"]["created"]) == (0, 0)


def test_without_time_nothing_is_sent(too_late: tuple[DeliveryError, Answer], intake: LocalIntake) -> None:
    assert arrived(intake) == (0, 0)


def test_no_thread_is_left_when_it_is_a_proxy_that_trickles(start: Start, dribbling: FaultProxy) -> None:
    forwarder = start("https://intake.example", HTTPS_PROXY=dribbling.url)
    with pytest.raises(DeliveryError, match="the time was up"):
        forwarder.handle(EVENT, context(1))
    forwarder.close()
    assert until(lambda: not delivery_threads())
