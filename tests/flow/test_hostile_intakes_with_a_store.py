"""Misbehaving intakes: however they respond, an invocation ends in time with its lines in the store."""

import time
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from io import StringIO

import pytest

from forwarder.errors import DeliveryError
from forwarder.handler import Forwarder
from local_intake.fault_proxy import FaultProxy
from local_intake.server import LocalIntake
from tests.builders import awslogs_event, context, settings
from tests.fakes import FakeStore, Trouble
from tests.flow.support import Answer, arrived, by_itself, delivered, delivery_threads, until

SECONDS = 3.0  # for the invocation
MANY = 100  # more requests than it makes
PROBE = f'{{"m":"probe","v":1,"e":{int(time.time())},"t":[]}}'  # what is older than an hour is not sent again
EVENT = awslogs_event(["secret order 1042", "two", PROBE])

NETWORKS = ["dribble_headers:1", "dribble_body:1", "endless_headers", "latency:60", "cut_answer", "lost_answer"]
ANSWERS: dict[str, Answer] = {
    "a redirect": {"status": 307, "headers": {"Location": "http://127.0.0.1:9/elsewhere"}},
    "a page with status 200": {"status": 200, "body": "<html>Sign in</html>"},
    "a page with status 503": {"status": 503, "body": "<html>Sorry</html>"},
    "more time than there is": {"status": 429, "headers": {"Retry-After": "3600"}},
    "an error after it took the batch": {"status": 500, "then_accept": True},
}


@dataclass(frozen=True)
class Invocation:
    """What became of an invocation, and of its store; `said` is all that the forwarder printed."""

    answer: Answer
    seconds: float
    store: FakeStore
    said: str


def invoke(url: str) -> Invocation:
    store = FakeStore()
    with (
        redirect_stdout(StringIO()) as said,
        closing(Forwarder(settings(DD_URL=url, DD_API_URL=url), store=store)) as forwarder,
    ):
        began = time.monotonic()
        answer = forwarder.handle(EVENT, context(SECONDS))
        return Invocation(answer, time.monotonic() - began, store, said.getvalue())


@pytest.fixture(scope="module", params=[*NETWORKS, *ANSWERS])
def invocation(request: pytest.FixtureRequest, running_intake: LocalIntake) -> Iterator[Invocation]:
    """Invoke once while all requests get the same hostile answer; the tests look at what became of it."""
    with FaultProxy(running_intake.url) as proxy, pytest.MonkeyPatch.context() as patch:
        by_itself(patch)
        if request.param in ANSWERS:
            running_intake.script.replace([ANSWERS[request.param] | {"times": MANY}])
        else:
            proxy.faults([request.param] * MANY)
        yield invoke(proxy.url)
    assert until(lambda: not delivery_threads())


def test_an_invocation_ends_in_time(invocation: Invocation) -> None:
    assert invocation.seconds < SECONDS


def test_every_item_is_stored(invocation: Invocation) -> None:
    assert invocation.answer["items"]["stored"] == 3
    assert sorted((batch.signal.value, batch.count) for batch in invocation.store.stored) == [
        ("logs", 2),
        ("metrics", 1),
    ]


def test_what_is_stored_knows_why(invocation: Invocation) -> None:
    assert all(batch.history.attempts == 1 and batch.history.reason for batch in invocation.store.stored)


def test_nothing_of_a_line_gets_into_our_log(invocation: Invocation) -> None:
    assert "A batch did not arrive." in invocation.said
    assert "order" not in invocation.said


def test_what_is_stored_arrives_when_the_intake_behaves_again(invocation: Invocation, intake: LocalIntake) -> None:
    with closing(Forwarder(settings(DD_URL=intake.url, DD_API_URL=intake.url), store=invocation.store)) as forwarder:
        forwarder.handle({"retry": True}, context())
    assert (arrived(intake), invocation.store.left) == ((2, 1), 0)


def test_ten_gigabytes_of_an_answer_are_not_read(intake: LocalIntake, proxy: FaultProxy) -> None:
    proxy.faults(["huge_body:10000000000"] * MANY)
    invocation = invoke(proxy.url)
    assert (delivered(invocation.answer), arrived(intake)) == ((2, 1), (2, 1))
    assert invocation.seconds < SECONDS


def test_ten_gigabytes_of_an_error_are_not_read(intake: LocalIntake, proxy: FaultProxy) -> None:
    intake.script.replace([{"status": 403, "times": MANY}])
    proxy.faults(["huge_body:10000000000"] * MANY)
    invocation = invoke(proxy.url)
    assert invocation.answer["items"]["stored"] == 3
    assert invocation.seconds < SECONDS


def test_what_could_not_be_stored_is_returned(intake: LocalIntake, proxy: FaultProxy) -> None:
    proxy.faults(["dribble_headers:1"] * MANY)
    store = FakeStore([Trouble.FAILS] * MANY)
    with (
        closing(Forwarder(settings(DD_URL=proxy.url, DD_API_URL=proxy.url), store=store)) as forwarder,
        pytest.raises(DeliveryError, match="2 logs and 1 metrics could not be delivered: the time was up"),
    ):
        forwarder.handle(EVENT, context(SECONDS))
