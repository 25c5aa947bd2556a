"""Every fault, as a client sees it, and whether the intake got the request."""

import http.client
import time
from collections.abc import Iterator
from typing import Protocol

import pytest
import requests

from local_intake.fault_proxy import FAULTS, Fault, FaultProxy
from local_intake.server import LocalIntake
from tests.local_intake.conftest import Send

LOGS = [{"message": "x" * 1000}] * 1000
CONNECTION_ERRORS = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


class SendThrough(Protocol):
    """Sends logs through the proxy, with these faults."""

    def __call__(self, *faults: str) -> requests.Response: ...


@pytest.fixture
def proxy(intake: LocalIntake) -> Iterator[FaultProxy]:
    with FaultProxy(intake.url) as proxy:
        yield proxy


@pytest.fixture
def send_through(proxy: FaultProxy, send_logs: Send) -> SendThrough:
    def send(*faults: str) -> requests.Response:
        proxy.faults(faults)
        return send_logs(LOGS, url=proxy.url)

    return send


def test_without_faults_requests_pass(send_through: SendThrough, intake: LocalIntake) -> None:
    answer = send_through()
    assert (answer.status_code, answer.json()) == (202, {})
    assert intake.store.stats().logs == 1000


def test_the_intakes_own_errors_pass(send_through: SendThrough, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 429, "headers": {"Retry-After": "1"}}])
    answer = send_through("pass")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_a_connection_stays_open_between_requests(proxy: FaultProxy, intake: LocalIntake) -> None:
    connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=10)
    connection.connect()
    local_port = connection.sock.getsockname()
    for _ in range(3):
        connection.request("GET", "/api/v1/validate", headers={"DD-API-KEY": "any"})
        assert connection.getresponse().read() == b'{"valid":true}'
        assert connection.sock.getsockname() == local_port
    connection.close()


@pytest.mark.parametrize("fault", ["refuse", "reset_before_body", "reset_after_body"])
def test_a_reset_before_the_upstream_leaves_it_without_the_request(
    send_through: SendThrough, intake: LocalIntake, fault: str
) -> None:
    with pytest.raises(CONNECTION_ERRORS):
        send_through(fault)
    assert intake.store.stats().requests == 0


def test_a_lost_response_is_a_reset_although_the_upstream_has_the_request(
    send_through: SendThrough, intake: LocalIntake
) -> None:
    with pytest.raises(CONNECTION_ERRORS):
        send_through("lost_answer")
    assert intake.store.stats().logs == 1000


def test_a_cut_response_ends_in_the_middle_of_its_body(send_through: SendThrough, intake: LocalIntake) -> None:
    with pytest.raises(CONNECTION_ERRORS, match="IncompleteRead"):
        send_through("cut_answer")
    assert intake.store.stats().logs == 1000


def test_dribbled_headers_take_their_time(send_through: SendThrough) -> None:
    start = time.monotonic()
    assert send_through("dribble_headers:0.005").json() == {}
    assert time.monotonic() - start > 0.3


def test_a_dribbled_body_comes_after_prompt_headers(proxy: FaultProxy, intake: LocalIntake) -> None:
    proxy.faults(["dribble_body:60"])
    connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/api/v1/validate", headers={"DD-API-KEY": "any"})
    answer = connection.getresponse()
    assert answer.read(1) == b"{"
    connection.close()


def test_a_dribbled_body_takes_its_time_and_arrives_whole(send_through: SendThrough) -> None:
    start = time.monotonic()
    assert send_through("dribble_body:0.05").json() == {}
    assert time.monotonic() - start >= 0.05


def test_endless_headers_never_become_a_response(send_through: SendThrough, intake: LocalIntake) -> None:
    with pytest.raises(requests.ConnectionError, match="header"):
        send_through("endless_headers")
    assert intake.store.stats().logs == 1000


def test_a_huge_body_is_as_large_as_told(send_through: SendThrough) -> None:
    answer = send_through("huge_body:1000001")
    assert (answer.status_code, len(answer.content)) == (202, 1_000_001)


def test_latency_delays_and_passes(send_through: SendThrough, intake: LocalIntake) -> None:
    start = time.monotonic()
    assert send_through("latency:0.2").status_code == 202
    assert time.monotonic() - start >= 0.2


def test_each_request_takes_one_fault_and_then_all_passes(
    proxy: FaultProxy, send_logs: Send, intake: LocalIntake
) -> None:
    proxy.faults(["reset_after_body", "pass", "lost_answer"])
    outcomes: list[int | str] = []
    for _ in range(4):
        try:
            outcomes.append(send_logs(LOGS, url=proxy.url).status_code)
        except requests.ConnectionError:
            outcomes.append("reset")
    assert outcomes == ["reset", 202, "reset", 202]
    assert intake.store.stats().requests == 3


def test_a_fault_hits_a_connection_that_is_kept_alive(proxy: FaultProxy, intake: LocalIntake) -> None:
    with requests.Session() as session:
        session.headers["DD-API-KEY"] = "any"
        assert session.get(f"{proxy.url}/api/v1/validate", timeout=10).status_code == 200
        proxy.faults(["refuse"])
        with pytest.raises(requests.ConnectionError):
            session.get(f"{proxy.url}/api/v1/validate", timeout=10)


def test_the_remaining_faults_can_be_seen(proxy: FaultProxy) -> None:
    proxy.faults(["pass", "latency:2"])
    assert proxy.remaining() == [Fault("pass", 0), Fault("latency", 2)]


def test_a_dribble_goes_at_one_byte_a_second_unless_told_otherwise() -> None:
    assert [Fault.parse(name).value for name in ("dribble_headers", "dribble_body")] == [1, 1]


def test_a_proxy_stops_at_once_in_the_middle_of_a_dribble(intake: LocalIntake) -> None:
    with FaultProxy(intake.url, faults=["dribble_headers:60"]) as proxy:
        connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/api/v1/validate", headers={"DD-API-KEY": "any"})
        assert connection.sock.recv(1) == b"H"
        start = time.monotonic()
    assert time.monotonic() - start < 30
    connection.close()


def test_a_chunked_request_gets_411(proxy: FaultProxy) -> None:
    answer = requests.post(f"{proxy.url}/api/v2/logs", data=iter([b"[]"]), timeout=10)
    assert answer.status_code == 411


def test_without_an_upstream_the_connection_closes() -> None:
    with FaultProxy("http://127.0.0.1:9") as proxy, pytest.raises(requests.ConnectionError):
        requests.get(proxy.url, timeout=10)


@pytest.mark.parametrize("text", ["", "explode", "latency:soon", "latency:-1", "latency:inf", "latency:nan"])
def test_an_unknown_fault_is_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"There is no fault|must be a number") as error:
        Fault.parse(text)
    assert "\n" not in str(error.value)


def test_every_fault_has_a_sentence_for_the_help() -> None:
    assert all(kind.help for kind in FAULTS.values())
