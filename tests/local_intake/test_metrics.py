"""What the distribution points endpoint accepts and keeps."""

import time

import pytest

from local_intake.server import LocalIntake
from tests.local_intake.conftest import Send

SECOND = 1_795_343_071
SERIES = {
    "metric": "coffee_house.order_value",
    "points": [[SECOND, [12.45, 3]], [SECOND + 1, [7]]],
    "type": "distribution",
    "host": "till-1",
    "tags": ["product:latte", "order:online"],
    "interval": 10,
}


def test_series_get_202_and_ok(send_metrics: Send) -> None:
    answer = send_metrics({"series": [SERIES]})
    assert (answer.status_code, answer.json()) == (202, {"status": "ok"})


def test_each_value_is_a_row(send_metrics: Send, intake: LocalIntake) -> None:
    send_metrics({"series": [SERIES]})
    rows = [(row.name, row.second, row.value, row.tags, row.host) for row in intake.store.metrics()]
    name, tags, host = SERIES["metric"], SERIES["tags"], SERIES["host"]
    assert rows == [
        (name, SECOND, 12.45, tags, host),
        (name, SECOND, 3.0, tags, host),
        (name, SECOND + 1, 7.0, tags, host),
    ]


def test_the_stats_count_values(send_metrics: Send, intake: LocalIntake) -> None:
    send_metrics({"series": [SERIES, SERIES]})
    assert intake.store.stats().metrics == 6


def test_type_host_and_tags_may_be_missing(send_metrics: Send, intake: LocalIntake) -> None:
    assert send_metrics({"series": [{"metric": "a", "points": [[SECOND, [1]]]}]}).status_code == 202
    (row,) = intake.store.metrics()
    assert (row.tags, row.host) == ([], None)


@pytest.mark.parametrize(
    "series",
    [
        {"points": [[SECOND, [1]]]},
        {"metric": "", "points": [[SECOND, [1]]]},
        {"metric": 7, "points": [[SECOND, [1]]]},
        {"metric": "a"},
        {"metric": "a", "points": []},
        {"metric": "a", "points": [[SECOND, []]]},
        {"metric": "a", "points": [[SECOND, 1]]},
        {"metric": "a", "points": [[SECOND]]},
        {"metric": "a", "points": [[SECOND, [1], [2]]]},
        {"metric": "a", "points": [[str(SECOND), [1]]]},
        {"metric": "a", "points": [[-1, [1]]]},
        {"metric": "a", "points": [[1e300, [1]]]},
        {"metric": "a", "points": [[SECOND, ["hunter2"]]]},
        {"metric": "a", "points": [[SECOND, [True]]]},
        {"metric": "a", "points": [[SECOND, [None]]]},
        {"metric": "a", "points": [[SECOND, [1]]], "type": "hunter2"},
        {"metric": "a", "points": [[SECOND, [1]]], "tags": "hunter2"},
        {"metric": "a", "points": [[SECOND, [1]]], "tags": [1]},
        "hunter2",
    ],
)
def test_an_invalid_series_is_refused_without_quoting_it(
    send_metrics: Send, intake: LocalIntake, series: object
) -> None:
    answer = send_metrics({"series": [SERIES, series]})
    assert answer.status_code == 400
    assert "hunter2" not in answer.text
    assert intake.store.metrics() == []


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_a_value_that_is_not_finite_is_refused(send_metrics: Send, number: bytes) -> None:
    body = b'{"series":[{"metric":"a","points":[[1795343071,[%b]]]}]}' % number
    assert send_metrics(body).status_code == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"series": null}', b"{"])
def test_a_body_that_is_not_series_is_refused(send_metrics: Send, body: bytes) -> None:
    assert send_metrics(body).status_code == 400


def test_a_timestamp_in_milliseconds_is_taken_with_a_warning(send_metrics: Send, intake: LocalIntake) -> None:
    answer = send_metrics({"series": [{"metric": "a", "points": [[time.time() * 1000, [1]]]}]})
    assert answer.status_code == 202
    ((sentence, count),) = intake.store.stats().warnings.items()
    assert "seconds" in sentence
    assert count == 1


def test_timestamps_in_seconds_are_no_warning(send_metrics: Send, intake: LocalIntake) -> None:
    send_metrics({"series": [{"metric": "a", "points": [[time.time(), [1]]]}]})
    assert intake.store.stats().warnings == {}


def test_more_than_3_2_mb_are_too_much(send_metrics: Send) -> None:
    assert send_metrics(b" " * 3_200_001).status_code == 413
