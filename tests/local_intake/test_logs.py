"""What the logs endpoint accepts and keeps."""

import time

import pytest
import requests

from local_intake.server import LocalIntake
from tests.local_intake.conftest import Send

MB = 1_000_000
LOG = {
    "id": "38" * 28,
    "timestamp": 1_795_343_071_123,
    "message": "START RequestId: 1\n\x00 ü",
    "ddsource": "lambda",
    "service": "orders-api",
    "host": "arn:aws:lambda:us-east-1:123456789012:function:orders-api",
    "ddtags": "env:dev,team:coffee",
    "aws": {"awslogs": {"logGroup": "/aws/lambda/orders-api"}},
}


def detail(answer: requests.Response) -> str:
    errors: list[dict[str, str]] = answer.json()["errors"]
    (error,) = errors
    assert error["status"] == str(answer.status_code)
    assert error["title"]
    return error["detail"]


def test_an_array_of_logs_gets_202_and_an_empty_object(send_logs: Send) -> None:
    answer = send_logs([LOG])
    assert (answer.status_code, answer.json()) == (202, {})


def test_a_log_is_kept_field_by_field_and_whole(send_logs: Send, intake: LocalIntake) -> None:
    send_logs([LOG])
    (log,) = intake.store.logs()
    assert (log.id, log.timestamp, log.message) == (LOG["id"], LOG["timestamp"], LOG["message"])
    assert (log.source, log.service, log.host, log.tags) == (
        LOG["ddsource"],
        LOG["service"],
        LOG["host"],
        LOG["ddtags"],
    )
    assert log.attributes == LOG


def test_one_object_is_one_log(send_logs: Send, intake: LocalIntake) -> None:
    assert send_logs(LOG).status_code == 202
    assert [log.message for log in intake.store.logs()] == [LOG["message"]]


def test_logs_are_kept_in_the_order_of_the_array(send_logs: Send, intake: LocalIntake) -> None:
    send_logs([{"message": str(number)} for number in range(1000)])
    assert [log.message for log in intake.store.logs()] == [str(number) for number in range(1000)]


def test_an_empty_array_is_taken(send_logs: Send, intake: LocalIntake) -> None:
    assert send_logs([]).status_code == 202
    assert intake.store.stats().logs == 0


def test_a_log_without_fields_is_taken(send_logs: Send, intake: LocalIntake) -> None:
    send_logs([{}])
    (log,) = intake.store.logs()
    assert (log.message, log.id, log.timestamp, log.tags, log.oversized) == (None, None, None, None, False)


def test_a_message_that_is_an_object_is_kept_as_json_text(send_logs: Send, intake: LocalIntake) -> None:
    send_logs([{"message": {"level": "info"}}])
    assert intake.store.logs()[0].message == '{"level":"info"}'


@pytest.mark.parametrize("timestamp", ["2026-11-22T16:00:00Z", True, 10**30, None])
def test_a_timestamp_that_is_not_in_milliseconds_is_left_out(
    send_logs: Send, intake: LocalIntake, timestamp: object
) -> None:
    assert send_logs([{"timestamp": timestamp}]).status_code == 202
    assert intake.store.logs()[0].timestamp is None


def test_a_timestamp_in_microseconds_is_a_warning(send_logs: Send, intake: LocalIntake) -> None:
    send_logs([{"timestamp": int(time.time() * 1e6)}, {"timestamp": int(time.time() * 1e3)}])
    assert list(intake.store.stats().warnings.values()) == [1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b'[{"message": hunter2}]',
        b'"hunter2"',
        b"3",
        b"null",
        b'["hunter2"]',
        b'[{"message": "ok"}, 3]',
        b'[{"message": NaN}]',
        b'[{"message": "hunter2\xff"}]',
        b'[{"message": "hunter2\\ud800"}]',
        b'{"message": "ok"} hunter2',
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_a_body_that_is_not_logs_is_refused_without_quoting_it(
    send_logs: Send, intake: LocalIntake, body: bytes
) -> None:
    answer = send_logs(body)
    assert answer.status_code == 400
    assert "hunter2" not in detail(answer)
    assert intake.store.logs() == []


def test_the_error_names_the_log_that_is_wrong(send_logs: Send) -> None:
    assert detail(send_logs([{}, {}, 7])).startswith("Log 3 ")


def test_1000_logs_are_taken(send_logs: Send) -> None:
    assert send_logs([{}] * 1000).status_code == 202


def test_1001_logs_are_too_many(send_logs: Send, intake: LocalIntake) -> None:
    answer = send_logs([{}] * 1001)
    assert answer.status_code == 413
    assert "1,000" in detail(answer)
    assert intake.store.stats().logs == 0


def padded(size: int) -> bytes:
    return b'[{"message":"' + b"x" * (size - 16) + b'"}]'


def test_5_mb_are_taken(send_logs: Send) -> None:
    assert send_logs(padded(5 * MB)).status_code == 202


@pytest.mark.parametrize("size", [5 * MB + 1, 20 * MB])
def test_more_than_5_mb_are_too_much(send_logs: Send, intake: LocalIntake, size: int) -> None:
    answer = send_logs(padded(size))
    assert answer.status_code == 413
    assert "5,000,000" in detail(answer)
    assert intake.store.stats().refused == {413: 1}


def test_a_client_that_closes_after_the_response_still_sees_413(send_logs: Send) -> None:
    assert send_logs(padded(20 * MB), Connection="close").status_code == 413


def test_a_log_of_1_mb_is_not_oversized(send_logs: Send, intake: LocalIntake) -> None:
    send_logs(padded(MB + 2))
    assert [log.oversized for log in intake.store.logs()] == [False]


def test_a_log_over_1_mb_is_taken_and_marked(send_logs: Send, intake: LocalIntake) -> None:
    assert send_logs(padded(MB + 3)).status_code == 202
    assert [log.oversized for log in intake.store.logs()] == [True]
    assert intake.store.stats().oversized == 1
