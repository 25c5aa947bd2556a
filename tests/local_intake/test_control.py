"""`/_local`, the index, and paths that do not exist."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from local_intake.server import LocalIntake
from tests.local_intake.conftest import Send

Call = Callable[..., requests.Response]


@pytest.fixture
def call(intake: LocalIntake) -> Call:
    def request(method: str, path: str, **arguments: Any) -> requests.Response:
        return requests.request(method, intake.url + path, timeout=10, **arguments)

    return request


def test_stats_are_totals_by_name(send_logs: Send, call: Call) -> None:
    send_logs([{"message": "x"}])
    send_logs(b"[")
    stats = call("GET", "/_local/stats").json()
    assert set(stats) == {
        "requests",
        "refused",
        "logs",
        "metrics",
        "spans",
        "body_bytes",
        "wire_bytes",
        "oversized",
        "warnings",
    }
    assert (stats["requests"], stats["refused"], stats["logs"]) == (2, {"400": 1}, 1)


def test_logs_are_a_list_with_their_attributes(send_logs: Send, call: Call) -> None:
    send_logs([{"message": "x", "aws": {"region": "us-east-1"}}])
    (log,) = call("GET", "/_local/logs").json()
    assert (log["message"], log["attributes"]["aws"]) == ("x", {"region": "us-east-1"})


def test_pages_ascend_from_after(send_logs: Send, call: Call) -> None:
    send_logs([{"message": str(number)} for number in range(5)])
    first = call("GET", "/_local/logs?limit=2").json()
    second = call("GET", f"/_local/logs?limit=2&after={first[-1]['seq']}").json()
    assert [log["message"] for log in first + second] == ["0", "1", "2", "3"]


def test_metrics_and_requests_have_pages_too(send_metrics: Send, call: Call) -> None:
    send_metrics({"series": [{"metric": "a", "points": [[1_795_343_071, [1]]]}]})
    (metric,) = call("GET", "/_local/metrics").json()
    (request,) = call("GET", "/_local/requests").json()
    assert (metric["name"], metric["request_seq"]) == ("a", request["seq"])
    assert (request["signal"], request["status"], request["entries"]) == ("metrics", 202, 1)


def test_spans_have_pages_too(call: Call) -> None:
    assert call("GET", "/_local/spans").json() == []


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=many", "after=x", "limit=-1"])
def test_an_invalid_page_is_400(call: Call, query: str) -> None:
    assert call("GET", f"/_local/logs?{query}").status_code == 400


def test_a_script_can_be_put_and_seen(call: Call, send_logs: Send) -> None:
    steps = [{"status": 429, "headers": {"Retry-After": "1"}}, {"status": 503}]
    assert call("PUT", "/_local/script", json=steps).json() == steps
    assert send_logs([]).status_code == 429
    assert call("GET", "/_local/script").json() == steps[1:]


@pytest.mark.parametrize("body", [b"", b"{}", b'[{"statsu": 1}]', b"\xff"])
def test_an_invalid_script_is_400(call: Call, body: bytes) -> None:
    assert call("PUT", "/_local/script", data=body).status_code == 400


def test_data_can_be_deleted(call: Call, send_logs: Send, intake: LocalIntake) -> None:
    send_logs([{"message": "x"}])
    assert call("DELETE", "/_local/data").json()["logs"] == 0
    assert (intake.store.logs(), intake.store.requests()) == ([], [])


def test_looking_is_not_counted_as_a_request(call: Call) -> None:
    call("GET", "/_local/stats")
    assert call("GET", "/_local/stats").json()["requests"] == 0


@pytest.mark.parametrize("name", ["evil.example.com", "evil.example.com:8090"])
def test_data_is_not_shown_to_a_web_page_with_a_name_of_its_own(call: Call, name: str) -> None:
    assert call("GET", "/_local/logs", headers={"Host": name}).status_code == 400


def test_the_index_names_every_path(call: Call) -> None:
    text = call("GET", "/").text
    for path in ("/api/v2/logs", "/api/v1/distribution_points", "/api/v0.2/traces", "/api/v1/validate", "/_local"):
        assert path in text


@pytest.mark.parametrize("path", ["/api/v2/log", "/v1/input/secretkey", "/_local/nothing"])
def test_another_path_is_404_in_datadogs_form(call: Call, path: str) -> None:
    answer = call("POST", path)
    assert (answer.status_code, answer.json()["errors"][0]["status"]) == (404, "404")
    assert "secretkey" not in answer.text


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v2/logs"), ("POST", "/api/v1/validate"), ("PUT", "/_local/stats")]
)
def test_another_method_is_405_in_datadogs_form(call: Call, method: str, path: str) -> None:
    answer = call(method, path)
    assert (answer.status_code, answer.json()["errors"][0]["status"]) == (405, "405")
    assert answer.headers["Allow"]
