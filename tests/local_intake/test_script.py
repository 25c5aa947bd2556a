"""Scripted responses."""

import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from local_intake.script import Script, ScriptError, Step, parse_argument
from local_intake.server import LocalIntake
from tests.local_intake.conftest import Send

LOGS = [{"message": "x"}]
METRICS = {"series": [{"metric": "a", "points": [[1_795_343_071, [1]]]}]}


def test_each_request_takes_one_step_and_then_all_is_well(send_logs: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 429}, {"status": 503}])
    assert [send_logs(LOGS).status_code for _ in range(4)] == [429, 503, 202, 202]


def test_a_step_that_is_not_2xx_stores_nothing_and_is_counted_as_refused(send_logs: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 429}])
    send_logs(LOGS)
    stats = intake.store.stats()
    assert (stats.logs, stats.refused) == (0, {429: 1})


def test_headers_and_body_are_returned_as_scripted(send_logs: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 429, "headers": {"Retry-After": "1"}, "body": '{"slow":"down"}'}])
    answer = send_logs(LOGS)
    assert (answer.headers["Retry-After"], answer.json()) == ("1", {"slow": "down"})


def test_an_error_without_a_body_is_in_datadogs_form(send_logs: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 503}])
    assert send_logs(LOGS).json()["errors"][0]["status"] == "503"


def test_a_status_202_is_taken_as_always(send_logs: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 202}, {"status": 200}, {}])
    assert [send_logs(LOGS).status_code for _ in range(3)] == [202, 200, 202]
    assert intake.store.stats().logs == 3


@pytest.mark.parametrize("body", [None, "{}"])
@pytest.mark.parametrize(("status", "stored"), [(204, 1), (304, 0)])
def test_a_status_that_has_no_body_is_returned_without_one(
    send_logs: Send, intake: LocalIntake, status: int, stored: int, body: str | None
) -> None:
    intake.script.replace([{"status": status, "headers": {"X-Here": "1"}, "body": body}])
    answer = send_logs(LOGS)
    assert (answer.status_code, answer.content, answer.headers["X-Here"]) == (status, b"", "1")
    assert intake.store.stats().logs == stored


@pytest.mark.parametrize("status", [204, 304])
def test_after_a_response_without_a_body_the_connection_is_still_usable(intake: LocalIntake, status: int) -> None:
    intake.script.replace([{"status": status, "times": 2}])
    connection = HTTPConnection(intake.url.removeprefix("http://"))
    for _ in range(2):
        connection.request("POST", "/api/v2/logs", "[]", {"DD-API-KEY": "0" * 32})
        assert connection.getresponse().read() == b""
        assert connection.sock is not None
    connection.close()


def test_what_is_accepted_is_checked_anyway(send_logs: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 202}])
    assert send_logs(b"[").status_code == 400


def test_a_page_of_html_with_200_stores_nothing(send_logs: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 200, "body": "<html>Log in</html>"}])
    answer = send_logs(LOGS)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    assert intake.store.logs() == []


def test_then_accept_stores_although_the_response_says_otherwise(send_logs: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 503, "then_accept": True}])
    assert send_logs(LOGS).status_code == 503
    assert len(intake.store.logs()) == 1


def test_a_delayed_request_gets_its_response_after_the_delay(send_logs: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"delay": 0.2}])
    start = time.monotonic()
    assert send_logs(LOGS).status_code == 202
    assert time.monotonic() - start >= 0.2


def test_a_delayed_request_holds_up_no_other(send_metrics: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"delay": 100_000, "signal": "logs"}])
    slow = HTTPConnection(intake.url.removeprefix("http://"), timeout=10)
    slow.request("POST", "/api/v2/logs", b"[]", {"DD-API-KEY": "any"})
    while intake.script.remaining():
        assert slow.sock is not None
    assert send_metrics(METRICS).status_code == 202
    slow.close()


def test_a_step_for_a_signal_waits_for_it(send_logs: Send, send_metrics: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 500, "signal": "metrics"}, {"status": 503}])
    assert [send_logs(LOGS).status_code, send_logs(LOGS).status_code] == [503, 202]
    assert [send_metrics(METRICS).status_code, send_metrics(METRICS).status_code] == [500, 202]


def test_a_step_counts_for_several_requests(send_logs: Send, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 500, "times": 2}])
    assert [send_logs(LOGS).status_code for _ in range(3)] == [500, 500, 202]


def test_the_remaining_steps_can_be_seen() -> None:
    script = Script([{"status": 500, "times": 3}])
    script.take("logs", bytes)
    assert script.remaining() == [Step(status=500, times=2)]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ({"statsu": 500}, "statsu"),
        ({"status": 99}, "status"),
        ({"status": "500"}, "status"),
        ({"delay": -1}, "delay"),
        ({"times": 0}, "times"),
        ({"signal": "profiles"}, "signal"),
        ({"headers": {"Retry-After": 1}}, "headers"),
        ({"headers": {"X": "a\r\nb"}}, "headers"),
    ],
)
def test_an_invalid_step_is_one_sentence_that_names_the_problem(step: dict[str, object], says: str) -> None:
    with pytest.raises(ScriptError, match=says) as error:
        Script([step])
    assert "\n" not in str(error.value)


def test_a_wrong_script_leaves_the_old_one_in_place() -> None:
    script = Script([{"status": 500}])
    with pytest.raises(ScriptError):
        script.replace([{"status": 503}, {"status": 1}])
    assert script.remaining() == [Step(status=500)]


def test_the_short_form_is_statuses_with_seconds_to_retry_after() -> None:
    steps = [Step(status=429, headers={"Retry-After": "1"}), Step(status=503), Step(status=202)]
    assert parse_argument("429:1,503, 202") == steps


def test_the_long_form_is_a_file_of_json(tmp_path: Path) -> None:
    file = tmp_path / "slow.json"
    file.write_text('[{"delay": 2.5, "signal": "logs"}]')
    assert parse_argument(f"@{file}") == [Step(delay=2.5, signal="logs")]


@pytest.mark.parametrize("text", ["", "teapot", "429:1,", "99", "@no-such-file", "-1"])
def test_an_argument_that_is_not_a_script_is_an_error(text: str) -> None:
    with pytest.raises(ScriptError):
        parse_argument(text)
