"""Many lines at once: batches are in flight together, and every line arrives once."""

import time

import pytest

from local_intake.server import LocalIntake
from tests.builders import awslogs_event
from tests.flow.recorder import Recorder
from tests.flow.support import COFFEE, Forward, arrived, attempts, delivered, messages

LOGS = "/api/v2/logs"
LINES = [f"line {number}" for number in range(20_000)]


def test_all_batches_of_an_event_are_in_flight_at_once(forward: Forward) -> None:
    with Recorder(meet=20) as recorder:  # none is answered before all are there
        event = awslogs_event(LINES)
        answer = forward(event, DD_URL=recorder.url)
        assert (recorder.most_at_once, recorder.paths) == (20, [LOGS] * 20)
    assert delivered(answer) == (20_000, 0)


def test_no_more_requests_are_in_flight_than_there_are_workers(forward: Forward) -> None:
    with Recorder(meet=2) as recorder:
        forward(awslogs_event(LINES), DD_URL=recorder.url, DD_MAX_WORKERS="2")
        assert (recorder.most_at_once, len(recorder.requests)) == (2, 20)


def test_a_slow_intake_is_waited_for_once_not_once_a_batch(forward: Forward, intake: LocalIntake) -> None:
    intake.script.replace([{"signal": "logs", "delay": 2, "times": 20}])
    began = time.monotonic()
    forward(awslogs_event(LINES), seconds=60)
    assert time.monotonic() - began < 20 * 2
    assert messages(intake) == LINES


def test_a_batch_holds_as_many_logs_as_the_intake_takes(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event(LINES[:2_500]))
    assert sorted(request.entries for request in intake.store.requests() if request.signal == "logs") == [
        500,
        1000,
        1000,
    ]


def test_a_batch_holds_as_many_bytes_as_the_intake_takes(forward: Forward, intake: LocalIntake) -> None:
    lines = [f"{number} {'x' * 900_000}" for number in range(11)]
    forward(awslogs_event(lines))
    assert attempts(intake, "logs") == [202, 202, 202]
    assert messages(intake) == lines


def test_a_batch_holds_as_many_metrics_as_the_intake_takes(forward: Forward, intake: LocalIntake) -> None:
    lines = [COFFEE.replace("latte", "l" + "a" * 1_000 + f"tte-{number}") for number in range(6_000)]
    forward(awslogs_event(lines))
    assert arrived(intake) == (0, 6_000)
    assert all(request.body_bytes <= 3_200_000 for request in intake.store.requests())


@pytest.mark.parametrize("workers", ["1", "256"])
def test_any_number_of_workers_delivers_each_line_once(forward: Forward, intake: LocalIntake, workers: str) -> None:
    forward(awslogs_event(LINES[:5_000]), DD_MAX_WORKERS=workers)
    assert messages(intake) == LINES[:5_000]
