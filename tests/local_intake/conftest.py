"""One running intake for all tests, emptied for each; and the requests that a forwarder would make."""

from collections.abc import Callable, Iterator

import msgspec
import pytest
import requests

from local_intake.server import LocalIntake

KEY = "0123456789abcdef0123456789abcdef"
LOGS, METRICS, TRACES = "/api/v2/logs", "/api/v1/distribution_points", "/api/v0.2/traces"

Send = Callable[..., requests.Response]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's HTTP proxy has no business on loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


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
def send(intake: LocalIntake) -> Send:
    """Post bytes, or a value as JSON, to the intake (or another `url`)."""

    def post(path: str, payload: object, url: str = intake.url, **headers: str) -> requests.Response:
        data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(url + path, data=data, headers={"DD-API-KEY": KEY} | named, timeout=10)

    return post


@pytest.fixture
def send_logs(send: Send) -> Send:
    return lambda payload, **headers: send(LOGS, payload, **headers)


@pytest.fixture
def send_metrics(send: Send) -> Send:
    return lambda payload, **headers: send(METRICS, payload, **headers)


@pytest.fixture
def send_traces(send: Send) -> Send:
    return lambda payload, **headers: send(TRACES, payload, **headers)
