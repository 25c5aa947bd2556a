"""The effect of an intake's responses: batches are retried, split, rejected or returned to AWS."""

import pytest

from forwarder.errors import DeliveryError
from forwarder.intake.delivery import MAX_HALVINGS
from local_intake.fault_proxy import FaultProxy
from local_intake.server import LocalIntake
from tests.builders import ENVIRON, awslogs_event, context
from tests.flow.recorder import Recorder
from tests.flow.support import COFFEE, Forward, Said, Start, arrived, attempts, delivered, is_balanced, messages

LINES = [f"line {number}" for number in range(8)]
POINTS = [COFFEE.replace("12.45", str(number)) for number in range(3)]
AT_ONCE = {"Retry-After": "0"}


def on_logs(status: int, times: int = 1, **step: object) -> dict[str, object]:
    """Return the script's step that answers requests of logs so."""
    return {"signal": "logs", "status": status, "times": times, **step}


# --- tried again ---------------------------------------------------------------------------------


def test_all_is_delivered_once_after_a_429_a_503_and_a_reset(
    forward: Forward, intake: LocalIntake, proxy: FaultProxy
) -> None:
    intake.script.replace([on_logs(429, headers={"Retry-After": "1"}), on_logs(503)])
    proxy.faults(["pass", "pass", "reset_before_body", "pass"])
    answer = forward(awslogs_event(LINES), url=proxy.url)
    assert messages(intake) == LINES
    assert attempts(intake, "logs") == [429, 503, 202]
    assert delivered(answer) == (8, 0)


def test_the_intake_is_given_the_time_that_it_asks_for(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([on_logs(429, headers={"Retry-After": "1"})])
    forward(awslogs_event(LINES))
    refused, taken = (request for request in intake.store.requests() if request.signal == "logs")
    assert taken.received_at - refused.received_at >= 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_a_temporary_failure_is_retried(forward: Forward, intake: LocalIntake, status: int) -> None:
    intake.script.replace([on_logs(status, headers=AT_ONCE)])
    forward(awslogs_event(LINES))
    assert (attempts(intake, "logs"), messages(intake)) == ([status, 202], LINES)


def test_a_batch_is_tried_six_times(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([on_logs(503, times=100, headers=AT_ONCE)])
    with pytest.raises(DeliveryError, match=r"^8 logs could not be delivered: status 503\.$"):
        forward(awslogs_event(LINES))
    assert attempts(intake, "logs") == [503] * 6


def test_an_invocation_does_not_wait_for_an_intake_that_asks_for_more_time_than_there_is(
    forward: Forward, intake: LocalIntake
) -> None:
    intake.script.replace([on_logs(429, headers={"Retry-After": "60"})])
    with pytest.raises(DeliveryError, match="8 logs could not be delivered: status 429"):
        forward(awslogs_event(LINES))
    assert attempts(intake, "logs") == [429]


def test_answers_that_are_not_read_to_their_end_cost_no_connection(start: Start, intake: LocalIntake) -> None:
    forwarder = start(DD_MAX_WORKERS="2")
    intake.script.replace([on_logs(403, times=5, body="x" * 200_000)])
    for _ in range(5):
        with pytest.raises(DeliveryError):
            forwarder.handle(awslogs_event(["refused"]), context())
    answer = forwarder.handle(awslogs_event(LINES), context())
    assert (delivered(answer), messages(intake)) == ((8, 0), LINES)


def test_interim_answers_cost_no_connection(forward: Forward) -> None:
    with Recorder(status=103) as recorder:
        with pytest.raises(DeliveryError):
            forward(awslogs_event(["a"]), DD_URL=recorder.url, DD_MAX_WORKERS="1")
        assert recorder.paths == ["/api/v2/logs"] * 6


# --- split ---------------------------------------------------------------------------------------


def test_what_is_too_large_is_split_until_it_is_taken(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([on_logs(413, times=3)])
    answer = forward(awslogs_event(LINES))
    assert messages(intake) == LINES
    assert sorted(attempts(intake, "logs")) == [202, 202, 202, 202, 413, 413, 413]
    assert delivered(answer) == (8, 0)


def test_metrics_are_split_between_their_series(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([{"signal": "metrics", "status": 413}])
    answer = forward(awslogs_event([*POINTS, COFFEE.replace("latte", "mocha")]))
    assert (arrived(intake), delivered(answer)) == ((0, 4), (0, 4))


def test_a_single_log_that_is_too_large_is_rejected(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([on_logs(413)])
    answer = forward(awslogs_event(["a"]))
    assert answer["signals"]["logs"] == {"created": 1, "delivered": 0, "stored": 0, "rejected": 1, "returned": 0}
    assert attempts(intake, "logs") == [413]


def test_when_everything_is_too_large_each_log_is_rejected_by_itself(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([on_logs(413, times=100)])
    answer = forward(awslogs_event(LINES))
    assert (answer["signals"]["logs"]["rejected"], is_balanced(answer)) == (8, True)
    assert answer["reasons"] == {"status 413": 8}


# --- rejected ------------------------------------------------------------------------------------


def test_what_the_intake_refuses_for_good_is_not_retried(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([on_logs(400, times=9)])
    answer = forward(awslogs_event(["one"]))
    assert (attempts(intake, "logs"), answer["signals"]["logs"]["rejected"]) == ([400], 1)
    assert is_balanced(answer)


def test_one_refused_log_among_a_thousand_is_found_and_the_others_arrive(forward: Forward, intake: LocalIntake) -> None:
    lines = [*(f"line {number}" for number in range(999)), "poison"]
    intake.script.replace([on_logs(400, times=1_000, contains="poison")])
    answer = forward(awslogs_event(lines))
    assert sorted(map(str, messages(intake))) == sorted(lines[:-1])
    assert (answer["reasons"], is_balanced(answer)) == ({"status 400": 1}, True)


def test_an_intake_that_refuses_everything_is_not_asked_for_each_log(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([on_logs(400, times=10_000)])
    answer = forward(awslogs_event([f"line {number}" for number in range(1_000)]))
    assert len(attempts(intake, "logs")) == 1 + 2 * MAX_HALVINGS
    assert answer["signals"]["logs"]["rejected"] == 1_000


@pytest.mark.parametrize(("count", "each"), [(5_000, 625), (5_000, 100), (300, 2)])
def test_however_many_logs_are_refused_all_others_arrive(
    forward: Forward, intake: LocalIntake, count: int, each: int
) -> None:
    lines = [f"line {number}" if number % each else f"poison {number}" for number in range(count)]
    intake.script.replace([on_logs(400, times=10_000, contains="poison")])
    answer = forward(awslogs_event(lines))
    assert set(messages(intake)) == {line for line in lines if "poison" not in line}
    assert (answer["signals"]["logs"]["rejected"], is_balanced(answer)) == (count // each, True)


def test_logs_that_are_refused_in_a_row_affect_none_before_them(forward: Forward, intake: LocalIntake) -> None:
    lines = [f"line {number}" if number < 30 else f"poison {number}" for number in range(100)]
    intake.script.replace([on_logs(400, times=10_000, contains="poison")])
    answer = forward(awslogs_event(lines))
    assert (len(messages(intake)), answer["reasons"]) == (30, {"status 400": 70})


def test_an_intake_that_takes_metrics_is_still_not_asked_for_each_log(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([on_logs(400, times=10_000)])
    forward(awslogs_event([*(f"line {number}" for number in range(1_000)), *POINTS]))
    assert len(attempts(intake, "logs")) == 1 + 2 * MAX_HALVINGS


def test_a_rejected_batch_affects_no_other(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([on_logs(400, times=99)])
    answer = forward(awslogs_event([*LINES, *POINTS]))
    assert (arrived(intake), delivered(answer)) == ((0, 3), (0, 3))


def test_an_error_of_our_log_points_to_what_was_rejected(forward: Forward, intake: LocalIntake, said: Said) -> None:
    intake.script.replace([on_logs(400)])
    forward(awslogs_event(["one"]))
    (error,) = said.at("ERROR")
    assert {
        "signal": "logs",
        "status": 400,
        "fate": "reject",
        "items": 1,
        "trigger_records": [0],
    }.items() <= error.items()


# --- returned ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_an_error_that_says_so(forward: Forward, intake: LocalIntake, status: int) -> None:
    intake.script.replace([on_logs(status)])
    with pytest.raises(DeliveryError, match=rf"^8 logs .*: status {status}: the key from DD_API_KEY is refused\.$"):
        forward(awslogs_event(LINES))
    assert attempts(intake, "logs") == [status]


@pytest.mark.parametrize("status", [400, 401, 403, 503])
def test_a_key_never_appears_in_what_is_printed_or_raised(
    start: Start, intake: LocalIntake, said: Said, status: int
) -> None:
    forwarder = start(DD_LOG_LEVEL="DEBUG")
    intake.script.replace([{"status": status, "times": 100, "headers": AT_ONCE}])
    told = repr(forwarder)
    try:
        told += str(forwarder.handle(awslogs_event([*LINES, *POINTS]), context()))
    except DeliveryError as error:
        told += repr(error)
    assert ENVIRON["DD_API_KEY"] not in told + said.text


@pytest.mark.parametrize("status", [300, 404, 405, 410, 431])
def test_what_is_not_the_intakes_answer_is_not_retried(forward: Forward, intake: LocalIntake, status: int) -> None:
    intake.script.replace([on_logs(status)])
    with pytest.raises(DeliveryError, match=f"8 logs could not be delivered: status {status}"):
        forward(awslogs_event(LINES))
    assert attempts(intake, "logs") == [status]


@pytest.mark.parametrize("status", [200, 202])
def test_a_page_of_html_is_no_delivery(forward: Forward, intake: LocalIntake, status: int) -> None:
    intake.script.replace([on_logs(status, body=" <!doctype html><title>Sign in</title>")])
    with pytest.raises(DeliveryError, match=r"^8 logs could not be delivered: a page of HTML\.$"):
        forward(awslogs_event(LINES))
    assert messages(intake) == []


@pytest.mark.parametrize("body", ["", "{}", "null", "not JSON"])
def test_any_other_2xx_is_a_delivery(forward: Forward, intake: LocalIntake, body: str) -> None:
    intake.script.replace([on_logs(200, body=body)])
    assert delivered(forward(awslogs_event(LINES))) == (8, 0)


def test_an_error_names_everything_that_was_not_delivered(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([on_logs(404), {"signal": "metrics", "status": 410}])
    with pytest.raises(DeliveryError) as raised:
        forward(awslogs_event([*LINES, *POINTS]))
    counts, _, reasons = str(raised.value).partition(" could not be delivered: ")
    assert (counts, set(reasons.rstrip(".").split(", "))) == ("8 logs and 3 metrics", {"status 404", "status 410"})


def test_the_ledgers_balance_when_something_goes_back_to_aws(forward: Forward, intake: LocalIntake, said: Said) -> None:
    intake.script.replace([on_logs(403)])
    with pytest.raises(DeliveryError):
        forward(awslogs_event([*LINES, *POINTS]))
    (summary,) = said.summaries
    assert is_balanced(summary)
    assert (summary["items"]["returned"], summary["items"]["delivered"]) == (8, 3)


def test_metrics_about_the_forwarder_are_sent_once_and_cannot_fail_an_invocation(
    forward: Forward, intake: LocalIntake, said: Said
) -> None:
    intake.script.replace([{"signal": "metrics", "status": 503, "times": 100, "headers": AT_ONCE}])
    forward(awslogs_event(LINES))
    assert attempts(intake, "metrics") == [503]
    assert [record["message"] for record in said.at("WARNING")] == [
        "The forwarder's metrics about itself did not reach the intake."
    ]
