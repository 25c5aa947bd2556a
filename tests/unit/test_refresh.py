"""What is stored is updated for sending."""

import json
from typing import Any

import pytest

from forwarder.batches import LogBatches
from forwarder.errors import CorruptRecordError
from forwarder.failed_events.refresh import MAX_LOG_AGE, MAX_POINT_AGE, ORIGINAL_TIMESTAMP, refreshed
from forwarder.records import Batch, Body, Line, LineAttributes, Origin, Signal

NOW = 1_795_343_071.0


def batch(signal: Signal, body: bytes, items: int = 1) -> Batch:
    return Batch(signal, Body(body), [(0, items)], len(body))


def log(**fields: object) -> dict[str, Any]:
    """Return a log as it is after it was refreshed."""
    (entry,), stale = refreshed(batch(Signal.LOGS, json.dumps([fields]).encode()), NOW)
    assert stale == []
    return dict(json.loads(entry))


def points(*ages: float) -> tuple[list[float], list[float]]:
    """Return the ages of the points that are sent, and of those that are not."""
    series = [{"metric": "m", "points": [[int(NOW - age), [age]]]} for age in ages]
    body = json.dumps({"series": series}).encode()
    fresh, stale = refreshed(batch(Signal.METRICS, body, len(ages)), NOW)
    return [_value(entry) for entry in fresh], [_value(entry) for entry in stale]


def _value(entry: bytes) -> float:
    return float(json.loads(entry)["points"][0][1][0])


def test_a_log_that_was_cut_still_has_room_for_what_a_replay_adds() -> None:
    packed = LogBatches()
    origin = Origin(source="s3", service="s", tags=("a:1",), attributes={})
    lines = [Line("x" * 2_000_000, "7", int(NOW - MAX_LOG_AGE - 1) * 1000)]
    (stored,) = [*packed.add(lines, origin, LineAttributes(), 0), *packed.rest()]
    (entry,), _ = refreshed(stored, NOW)
    assert {"ddtags", ORIGINAL_TIMESTAMP} <= json.loads(entry).keys()
    assert len(entry) <= 1_000_000


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, "retry:true"),
        ({"ddtags": ""}, "retry:true"),
        ({"ddtags": "env:none"}, "env:none,retry:true"),
        ({"ddtags": "env:none,retry:true"}, "env:none,retry:true"),
        ({"ddtags": "retry:true,env:none"}, "retry:true,env:none"),
        ({"ddtags": "retry:trueish"}, "retry:trueish,retry:true"),
    ],
)
def test_a_log_is_tagged_as_replayed_once(tags: dict[str, str], expected: str) -> None:
    assert log(message="a", **tags)["ddtags"] == expected


def test_a_log_of_the_limits_age_keeps_its_time() -> None:
    then = int((NOW - MAX_LOG_AGE) * 1000)
    assert log(timestamp=then) == {"timestamp": then, "ddtags": "retry:true"}


def test_an_older_log_gets_the_current_time_and_keeps_its_own() -> None:
    then = int((NOW - MAX_LOG_AGE) * 1000) - 1
    assert log(timestamp=then) == {
        "timestamp": int(NOW * 1000),
        "original_timestamp": then,
        "ddtags": "retry:true",
    }


@pytest.mark.parametrize("first", [7, "7", None])
def test_the_first_time_of_a_log_is_kept(first: object) -> None:
    assert log(timestamp=1, original_timestamp=first)["original_timestamp"] == first


def test_a_log_without_a_time_gets_none() -> None:
    assert "timestamp" not in log(message="a")


@pytest.mark.parametrize("value", [{"a": [1, 2.50, None]}, "é\u2028\x00", 12345678901234567890, 1e-7])
def test_the_rest_of_a_log_stays_as_it_is(value: object) -> None:
    assert log(extra=value)["extra"] == value


def test_points_of_the_limits_age_are_sent() -> None:
    assert points(0, MAX_POINT_AGE, -60) == ([0, MAX_POINT_AGE, -60], [])


def test_older_points_are_not_sent() -> None:
    assert points(1, MAX_POINT_AGE + 1, 2, 99_999) == ([1, 2], [MAX_POINT_AGE + 1, 99_999])


def test_equal_points_are_all_kept() -> None:
    assert points(1, 1, 9_999, 9_999) == ([1, 1], [9_999, 9_999])


@pytest.mark.parametrize("items", [0, 1, 3])
def test_a_batch_whose_item_count_does_not_match_its_metadata_is_corrupt(items: int) -> None:
    with pytest.raises(CorruptRecordError):
        refreshed(batch(Signal.LOGS, b'[{"message":"a"},{"message":"b"}]', items), NOW)


@pytest.mark.parametrize(
    ("signal", "body"),
    [
        (Signal.LOGS, b""),
        (Signal.LOGS, b"{}"),
        (Signal.LOGS, b'["secret"]'),
        (Signal.LOGS, b'[{"ddtags":"\xff secret"}]'),
        (Signal.LOGS, b'[{"ddtags":["secret"]}]'),
        (Signal.LOGS, b'[{"timestamp":"secret"}]'),
        (Signal.LOGS, b"[" * 100_000),
        (Signal.METRICS, b"[]"),
        (Signal.METRICS, b'{"series":[{"metric":"secret"}]}'),
        (Signal.METRICS, b'{"series":[{"points":[["secret",[1]]]}]}'),
    ],
)
def test_what_is_not_a_batch_is_an_error_without_its_content(signal: Signal, body: bytes) -> None:
    with pytest.raises(CorruptRecordError) as raised:
        refreshed(batch(signal, body), NOW)
    assert ("secret" in str(raised.value), raised.value.__cause__) == (False, None)
