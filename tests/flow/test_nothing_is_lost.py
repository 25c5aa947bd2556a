"""Whatever intake, network, store and clock do: the ledgers balance, and every line arrives in the end."""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from forwarder.errors import DeliveryError
from forwarder.handler import Forwarder
from forwarder.intake import answers
from forwarder.records import Batch, Signal
from local_intake.fault_proxy import FaultProxy
from local_intake.server import LocalIntake
from tests.builders import awslogs_event, context, log_events, settings, trace_line, trace_span
from tests.fakes import FakeStore, Trouble
from tests.flow.support import Answer, Said, delivery_threads, is_balanced, span_ids, until
from trace_proto.agent_payload_pb2 import AgentPayload, Span

DELIVERIES = 3  # of an asynchronous event, before Lambda gives up on it
MAX_REPLAYS = 5  # that it takes to empty a store once all is well
MEASURES = {"probe", "aws.lambda.enhanced.max_memory_used"}  # metrics whose value is the number of their line

T = TypeVar("T")
Item = tuple[Signal, int]
Event = dict[str, object]

RETRY: Event = {"retry": True}


# --- what is drawn -------------------------------------------------------------------------------

KINDS = ("log", "metric", "report", "trace", "filtered", "bad")
ANSWERS: dict[str, dict[str, object]] = {
    "202": {},
    "413": {"status": 413},
    "429": {"status": 429, "headers": {"Retry-After": "0"}},
    "429, for long": {"status": 429, "headers": {"Retry-After": "600"}},
    "500": {"status": 500},
    "503": {"status": 503},
    "400": {"status": 400},
    "403": {"status": 403},
    "HTML": {"status": 200, "body": "<html>Sign in</html>"},
}
HARMLESS = ("pass", "refuse", "reset_before_body", "reset_after_body", "dribble_headers:0.0005")
LOSING = ("lost_answer", "cut_answer")  # the intake has the batch, and the forwarder cannot know
TIGHT, AMPLE = (0.2, 0.3, 0.5, 5.0), (10.0,)  # seconds for an invocation
EXAMPLES = examples(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=int(os.environ.get("FORWARDER_TEST_EXAMPLES", "75")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Step = tuple[list[str] | None, float]  # the kinds of an event's lines, or None for a replay; seconds


@dataclass(frozen=True)
class Story:
    """What happens, and what goes wrong meanwhile, call by call."""

    steps: list[Step]
    answers: list[str]
    faults: list[str]
    store: list[Trouble]


def mostly(usual: T, *others: T) -> st.SearchStrategy[T]:
    """Draw something usual half of the time: what always fails shows less than what fails now and then."""
    return st.one_of(st.just(usual), st.sampled_from(others))


def stories(seconds: tuple[float, ...], faults: tuple[str, ...], problems: int) -> st.SearchStrategy[Story]:
    """Draw stories with this much time per invocation, these faults, and at most this many scripted store calls."""
    kinds = st.lists(st.sampled_from(KINDS), min_size=2, max_size=10)
    steps = st.tuples(st.one_of(kinds, st.none()), st.sampled_from(seconds))
    return st.builds(
        Story,
        st.lists(steps, min_size=3, max_size=6),
        st.lists(mostly(*ANSWERS), min_size=10, max_size=40),
        st.lists(mostly(*faults), min_size=10, max_size=40),
        st.lists(mostly(*Trouble), min_size=problems // 2, max_size=problems),
    )


# --- lines that can be told apart ----------------------------------------------------------------

NUMBERS = count(100)  # no line of one example is like one of another, so that what comes late does no harm


def line(kind: str, number: int) -> str:
    """Return a line that holds its number."""
    texts = {
        "log": f"line {number}",
        "bad": f"line {number}",
        "filtered": f"unwanted line {number}",
        "metric": json.dumps({"m": "probe", "v": number, "e": int(time.time()), "t": []}),
        "trace": trace_line(trace_span(f"{number:x}", f"{number:x}")),
        "report": f"REPORT RequestId: 6ab1f0c9-58a7-4c61-9d0b-2f0c3f1f7d10\tDuration: 1.50 ms\tBilled Duration: 2 ms\t"
        f"Memory Size: 1024 MB\tMax Memory Used: {number} MB\t",
    }
    return texts[kind]


SIGNALS = {
    "log": [Signal.LOGS],
    "metric": [Signal.METRICS],
    "report": [Signal.LOGS, Signal.METRICS],
    "trace": [Signal.TRACES],
}


def event_of(kinds: list[str]) -> tuple[Event, set[Item]]:
    """Return an event with one line of each kind, and the items that have to arrive of it."""
    numbers = [next(NUMBERS) for _ in kinds]
    events = log_events(map(line, kinds, numbers))
    for kind, entry in zip(kinds, events, strict=True):
        entry["timestamp"] = "yesterday" if kind == "bad" else int(time.time() * 1000)
    items = {(sort, number) for kind, number in zip(kinds, numbers, strict=True) for sort in SIGNALS.get(kind, [])}
    return awslogs_event(logEvents=events), items


def number_of(message: str | None) -> int:
    return int(re.findall(r"(\d+)(?: MB)?\s*$", message or "")[-1])


def arrived(intake: LocalIntake) -> Counter[Item]:
    """Count how often each item arrived."""
    logs = [(Signal.LOGS, number_of(log.message)) for log in intake.store.logs()]
    points = [(Signal.METRICS, int(each.value)) for each in intake.store.metrics() if each.name in MEASURES]
    return Counter([*logs, *points, *((Signal.TRACES, span) for span in span_ids(intake))])


def items_of(batches: Iterable[Batch]) -> Counter[Item]:
    """Count the items of batches that were set aside."""
    found: Counter[Item] = Counter()
    for batch in batches:
        if batch.signal is Signal.TRACES:
            found.update((batch.signal, span.spanID) for span in spans_of(batch))
            continue
        for entry in map(json.loads, batch.entries()):
            if batch.signal is Signal.LOGS:
                found[batch.signal, number_of(entry["message"])] += 1
            elif entry["metric"] in MEASURES:
                found.update((batch.signal, int(value)) for _, values in entry["points"] for value in values)
    return found


def spans_of(batch: Batch) -> list[Span]:
    payload = AgentPayload.FromString(batch.body.inflated())
    return [span for each in payload.tracerPayloads for chunk in each.chunks for span in chunk.spans]


# --- Lambda, as far as events go -----------------------------------------------------------------


class Lambda:
    """Gives events to a forwarder as asynchronous invocations are given."""

    def __init__(self, forwarder: Forwarder, store: FakeStore) -> None:
        self._forwarder = forwarder
        self._store = store
        self.returned = 0

    def invoke(self, event: Event, seconds: float) -> bool:
        """Invoke once; return whether nothing has to come again."""
        try:
            self._forwarder.handle(event, context(seconds))
        except DeliveryError:
            self.returned += 1
            return False
        return True

    def send(self, event: Event, seconds: float) -> None:
        """Invoke until it works, or Lambda gives up."""
        if not any(self.invoke(event, seconds) for _ in range(DELIVERIES)):
            self._store.give_up_on(event)

    def empty_the_store(self) -> None:
        """Replay until nothing is left, within reason."""
        for _ in range(MAX_REPLAYS):
            if self._store.left:
                self.invoke(RETRY, 30)


@dataclass(frozen=True)
class StoryEnd:
    """What is known when all is well again and the store has been replayed."""

    expected: set[Item]
    arrived: Counter[Item]
    rejected: Counter[Item]
    left: int
    returned: int
    answers: list[Answer]


class Stage:
    """Where stories are played: an intake behind a faulty network."""

    def __init__(self, intake: LocalIntake, proxy: FaultProxy, capsys: pytest.CaptureFixture[str]) -> None:
        self._intake = intake
        self._proxy = proxy
        self._capsys = capsys

    def play(self, story: Story) -> StoryEnd:
        """Let a story happen, then set everything right and replay what was stored."""
        said, store, expected = Said(self._capsys), FakeStore(story.store), set[Item]()
        self._intake.store.clear()
        self._set([ANSWERS[answer] for answer in story.answers], story.faults)
        with closing(self._forwarder(store)) as forwarder:
            function = Lambda(forwarder, store)
            for kinds, seconds in story.steps:
                if kinds is None:
                    function.invoke(RETRY, seconds)
                    continue
                event, items = event_of(kinds)
                expected |= items
                function.send(event, seconds)
            store.heal()
            self._set([], [])
            function.empty_the_store()
        # A thread that backs off asks for random numbers, which hypothesis does not want while it draws.
        assert until(lambda: not delivery_threads()), f"still running: {delivery_threads()}"
        rejected = items_of(store.rejected)
        return StoryEnd(expected, arrived(self._intake), rejected, store.left, function.returned, said.summaries)

    def _set(self, script: list[Answer], faults: list[str]) -> None:
        self._intake.script.replace(script)
        self._proxy.faults(faults)

    def _forwarder(self, store: FakeStore) -> Forwarder:
        url = self._proxy.url
        return Forwarder(
            settings(DD_URL=url, DD_API_URL=url, DD_TRACE_INTAKE_URL=url, EXCLUDE_AT_MATCH="unwanted"), store=store
        )


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pauses between attempts be as good as none."""
    monkeypatch.setattr(answers, "MAX_BACKOFF", 0.001)


@pytest.fixture
def stage(intake: LocalIntake, proxy: FaultProxy, capsys: pytest.CaptureFixture[str], without_pauses: None) -> Stage:
    return Stage(intake, proxy, capsys)


# --- the promises --------------------------------------------------------------------------------


@EXAMPLES
@given(stories(TIGHT, (*HARMLESS, *LOSING), problems=24))
def test_whatever_happens_the_ledgers_balance_and_every_line_arrives(stage: Stage, story: Story) -> None:
    ending = stage.play(story)
    assert all(map(is_balanced, ending.answers))
    assert ending.left == 0
    assert ending.expected - ending.arrived.keys() - ending.rejected.keys() == set()


@EXAMPLES
@given(stories(AMPLE, HARMLESS, problems=0))
def test_every_line_arrives_once_unless_an_answer_is_lost_or_storing_fails(stage: Stage, story: Story) -> None:
    ending = stage.play(story)
    assert ending.returned == 0
    assert ending.arrived + ending.rejected == Counter(ending.expected)
