"""What flow tests share: invocations and responses of a forwarder, its log, what arrived."""

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from forwarder.handler import Forwarder
from forwarder.telemetry import SERVICE
from local_intake.records import Metric
from local_intake.server import LocalIntake
from tests.flow.recorder import Recorder

Answer = dict[str, Any]

# A delay in seconds after the end of all tests: what is delayed arrives although nobody waits for it any more, and must
# not do so in another test.
FOREVER = 100_000
SOON = 30  # seconds; what is to happen soon takes milliseconds, but not on every machine
OWN = "aws.dd_forwarder."
TRACES_PATH = "/api/v0.2/traces"
COFFEE = '{"m":"coffee_house.order_value","v":12.45,"e":1795343071,"t":["product:latte","order:online"]}\n'


class Start(Protocol):
    """Starts a forwarder that sends to `url`, by default the intake."""

    def __call__(self, url: str = ..., **environ: str) -> Forwarder: ...


class Forward(Protocol):
    """Starts a forwarder, lets it handle one event and returns its answer; raises what it raises."""

    def __call__(self, event: object, seconds: float = 30, url: str = ..., **environ: str) -> Answer: ...


class Said:
    """What the forwarder wrote to its standard output and error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    @property
    def text(self) -> str:
        captured = self._capsys.readouterr()
        self._text += captured.out + captured.err
        return self._text

    @property
    def records(self) -> list[Answer]:
        """The JSON objects of all lines; fails if a line is none."""
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def summaries(self) -> list[Answer]:
        """The lines that sum an invocation up."""
        return [record for record in self.records if "lines" in record]

    def at(self, level: str) -> list[Answer]:
        """What was said at a level, without the summaries."""
        return [record for record in self.records if record.get("level") == level and "lines" not in record]


def by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's HTTP proxy has no business here, and the logger made for one test none in the next."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    known = logging.Logger.manager.loggerDict
    for name in [name for name in known if name.partition(".")[0] == SERVICE]:
        del known[name]


def is_balanced(summary: Answer) -> bool:
    """Return whether both ledgers of a response or a summary balance."""
    lines, ledgers = summary["lines"], summary["signals"].values()
    return lines["received"] == lines["routed"] + lines["filtered"] + lines["rejected"] and all(
        items["created"] == items["delivered"] + items["stored"] + items["rejected"] + items["returned"]
        for items in ledgers
    )


def messages(intake: LocalIntake) -> list[str | None]:
    """Return the messages of all logs that arrived, in the order of their ids."""
    logs = sorted(intake.store.logs(), key=lambda log: int(log.id or 0))
    return [log.message for log in logs]


def metrics(intake: LocalIntake, prefix: str = "") -> list[Metric]:
    """Return the metric values that arrived, without those about the forwarder itself."""
    found = intake.store.metrics()
    return [metric for metric in found if metric.name.startswith(prefix) and not metric.name.startswith(OWN)]


def arrived(intake: LocalIntake) -> tuple[int, int]:
    """Return how many logs and metric values arrived."""
    return len(intake.store.logs()), len(metrics(intake))


def delivered(summary: Answer) -> tuple[int, int]:
    """Return how many logs and metric values the forwarder says that it delivered."""
    return summary["signals"]["logs"]["delivered"], summary["signals"]["metrics"]["delivered"]


def span_ids(intake: LocalIntake) -> list[int]:
    """Return the ids of all spans that arrived, as they came."""
    return [int(span.span_id, 16) for span in intake.store.spans()]


def body_of_traces(recorder: Recorder) -> bytes:
    """Return the body of the only request of traces."""
    (body,) = (request.inflated for request in recorder.requests if request.target == TRACES_PATH)
    return body


def attempts(intake: LocalIntake, signal: str) -> list[int]:
    """Return the statuses that the requests of a signal got, in their order."""
    return [request.status for request in intake.store.requests() if request.signal == signal]


def until(condition: Callable[[], bool]) -> bool:
    """Wait until a condition holds; return whether it did soon."""
    end = time.monotonic() + SOON
    while not condition() and time.monotonic() < end:
        threading.Event().wait(0.005)
    return condition()


def delivery_threads() -> list[str]:
    """Return the names of the threads in which a forwarder is sending, or waits for something to send."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("delivery")]
