"""One intake on loopback for all flow tests, forwarders that send to it, and a recording of what they say."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from forwarder.handler import Forwarder
from local_intake.fault_proxy import FaultProxy
from local_intake.server import LocalIntake
from tests.builders import context, settings
from tests.flow.support import Answer, Forward, Said, Start, by_itself, delivery_threads, until


@pytest.fixture(autouse=True)
def _by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    by_itself(monkeypatch)


@pytest.fixture(scope="session")
def running_intake() -> Iterator[LocalIntake]:
    with LocalIntake() as intake:
        yield intake


@pytest.fixture
def intake(running_intake: LocalIntake) -> LocalIntake:
    running_intake.store.clear()
    running_intake.script.replace([])
    return running_intake


@pytest.fixture
def proxy(intake: LocalIntake) -> Iterator[FaultProxy]:
    with FaultProxy(intake.url) as proxy:
        yield proxy


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(capsys)


@pytest.fixture
def start(intake: LocalIntake, proxy: FaultProxy) -> Iterator[Start]:  # so that forwarders end before the proxy does
    with ExitStack() as stack:

        def start(url: str = intake.url, **environ: str) -> Forwarder:
            urls = {"DD_URL": url, "DD_API_URL": url, "DD_TRACE_INTAKE_URL": url}
            forwarder = Forwarder(settings(**{**urls, **environ}))
            stack.callback(forwarder.close)
            return forwarder

        yield start
    assert until(lambda: not delivery_threads()), f"still running: {delivery_threads()}"


@pytest.fixture
def forward(start: Start, intake: LocalIntake) -> Forward:
    def forward(event: object, seconds: float = 30, url: str = intake.url, **environ: str) -> Answer:
        return start(url, **environ).handle(event, context(seconds))  # type: ignore[arg-type]  # bad events as well

    return forward
