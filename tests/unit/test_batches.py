"""Packing: within every limit of the intake, nothing lost, nothing longer than it may be."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder import batches
from forwarder.batches import LOG_BYTES, LogBatches, MetricBatches
from forwarder.records import MAX_NAME_CHARACTERS, Batch, Line, LineAttributes, Metric, Origin, Signal
from tests.builders import lines

ORIGIN = Origin(source="lambda", service="s", tags=("a:1",), attributes={"ddsource": "lambda"})
PLAIN = LineAttributes()
COMMON = {"ddtags": "a:1", "service": "s", "ddsource": "lambda"}


def packed(given_lines: list[Line], own: LineAttributes = PLAIN, record: int = 0) -> list[Batch]:
    collected = LogBatches()
    return [*collected.add(given_lines, ORIGIN, own, record), *collected.rest()]


def logs_of(*batches: Batch) -> list[dict[str, Any]]:
    return [log for batch in batches for log in json.loads(batch.body.data)]


def size_of(line: Line) -> int:
    """Return how long a line is as an encoded log."""
    return len(packed([line])[0].body.data) - len(b"[]")


# --- logs ----------------------------------------------------------------------------------------


def test_a_log_has_its_line_and_the_common_attributes() -> None:
    (batch,) = packed([Line("hello", "7", 5), Line("no id or time")])
    assert logs_of(batch) == [
        {"message": "hello", "id": "7", "timestamp": 5, **COMMON},
        {"message": "no id or time", **COMMON},
    ]
    assert (batch.signal, batch.count, batch.size) == (Signal.LOGS, 2, len(batch.body.data))


def test_a_log_has_the_fields_that_were_extracted_from_it() -> None:
    (log,) = logs_of(*packed([Line("a")], LineAttributes(extracted='{"level": "INFO"}')))
    assert log == {"message": "a", **COMMON, "extractedFields": {"level": "INFO"}}


def test_a_log_that_is_too_long_loses_its_extracted_fields_before_its_message() -> None:
    extracted = json.dumps({"first": "x" * 600_000})
    (log,) = logs_of(*packed([Line("x" * 600_000)], LineAttributes(extracted=extracted)))
    assert log == {"message": "x" * 600_000, **COMMON, "ddtags": "a:1,truncated:true"}


def test_a_log_that_was_cut_where_it_was_found_and_is_again_counts_once() -> None:
    collected = LogBatches()
    list(collected.add([Line("x" * 1_000_000)], ORIGIN, LineAttributes(truncated=True), 0))
    assert collected.truncated == 1


def test_no_lines_make_no_batch() -> None:
    assert packed([]) == []


@given(st.lists(st.text()))
def test_every_message_comes_out_as_it_went_in(messages: list[str]) -> None:
    assert [log["message"] for log in logs_of(*packed(lines(*messages)))] == messages


@pytest.mark.parametrize("message", ['},{"message":', '"},{"message":"', '\\"},{\\"message\\":', "]", "}", '"', "\\"])
def test_a_message_that_looks_like_the_seam_between_logs_stays_a_message(message: str) -> None:
    logs = logs_of(*packed([Line(message), Line(message, message, 1), Line(message)]))
    assert [(log["message"], log["ddtags"]) for log in logs] == [(message, "a:1")] * 3


@pytest.mark.parametrize(
    ("count", "sizes"), [(999, [999]), (1000, [1000]), (1001, [1000, 1]), (2500, [1000, 1000, 500])]
)
def test_a_batch_holds_1000_logs_at_most(count: int, sizes: list[int]) -> None:
    assert [batch.count for batch in packed(lines(*["x"] * count))] == sizes


@pytest.mark.parametrize("spare", [0, 1])
def test_a_batch_is_exactly_as_large_as_it_may_be(spare: int, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line("x" * 100)
    ten = len(b"[]") + 10 * size_of(line) + 9
    monkeypatch.setattr(batches, "LOGS_BYTES", ten - spare)
    assert [batch.count for batch in packed([line] * 10)] == ([10] if spare == 0 else [9, 1])


def test_a_batch_stays_under_5_mb() -> None:
    sizes = [batch.size for batch in packed([Line("x" * 900_000)] * 12)]
    assert len(sizes) == 3
    assert max(sizes) <= 5_000_000


def test_batches_know_how_many_items_came_from_which_record() -> None:
    collected = LogBatches()
    full = [batch for record, count in ((0, 600), (1, 1), (2, 900)) for batch in collected.add(
        lines(*["x"] * count), ORIGIN, LineAttributes(), record
    )]  # fmt: skip
    first, second = [*full, *collected.rest()]
    assert (first.runs, second.runs) == ([(0, 600), (1, 1), (2, 399)], [(2, 501)])


def test_own_tags_are_of_their_lines_alone() -> None:
    collected = LogBatches()
    assert not list(collected.add([Line("a")], ORIGIN, LineAttributes("b:2"), 0))
    assert not list(collected.add([Line("b")], ORIGIN, LineAttributes(), 0))
    assert [log["ddtags"] for log in logs_of(*collected.rest())] == ["a:1,b:2", "a:1"]


# --- logs that are too long ----------------------------------------------------------------------

UNITS = ["a", "é", "€", "😀", '"', "\\", "\n", "\x01", "\u2028"]


def filled(unit: str, lead: int, too_long_by: int = 0) -> Line:
    """Return a line whose log is as long as it may be, or so much longer, as nearly as its unit allows."""
    room = LOG_BYTES - size_of(Line("", "1", 1)) - lead + too_long_by
    return Line("x" * lead + unit * (room // (len(json.dumps(unit, ensure_ascii=False).encode()) - 2)), "1", 1)


@pytest.mark.parametrize("unit", ["a", '"'])
def test_a_log_of_just_the_limit_is_not_cut(unit: str) -> None:
    line = filled(unit, lead=0)
    (log,) = logs_of(*packed([line]))
    assert LOG_BYTES - 2 < size_of(line) <= LOG_BYTES
    assert (log["message"], log["ddtags"]) == (line.message, "a:1")


def test_a_log_one_byte_over_the_limit_is_cut_and_tagged() -> None:
    (log,) = logs_of(*packed([filled("a", lead=0, too_long_by=1)]))
    assert log["ddtags"] == "a:1,truncated:true"


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
@pytest.mark.parametrize("lead", range(6))
def test_a_log_too_long_is_cut_between_two_characters_as_late_as_possible(unit: str, lead: int) -> None:
    message = "x" * lead + unit * 1_100_000
    (batch,) = packed([Line(message, "1", 1)])
    (log,) = logs_of(batch)
    assert message.startswith(log["message"])
    assert log | {"message": ""} == {
        "message": "", "id": "1", "timestamp": 1, **COMMON, "ddtags": "a:1,truncated:true"
    }  # fmt: skip
    assert LOG_BYTES - 12 < batch.size - len(b"[]") <= LOG_BYTES


def test_its_own_tags_and_host_stay_with_a_log_that_is_cut() -> None:
    (log,) = logs_of(*packed([Line("x" * 2_000_000)], LineAttributes("b:2", "i-0")))
    assert (log["ddtags"], log["host"]) == ("a:1,b:2,truncated:true", "i-0")


def test_only_the_log_that_is_too_long_is_cut() -> None:
    logs = logs_of(*packed([Line("before"), Line("\x01" * 1_000_000), Line("after")]))
    assert [log["message"][:6] for log in logs] == ["before", "\x01" * 6, "after"]
    assert [log["ddtags"] for log in logs] == ["a:1", "a:1,truncated:true", "a:1"]


def test_an_id_that_leaves_no_room_for_a_message_is_cut() -> None:
    (log,) = logs_of(*packed([Line("message", "i" * LOG_BYTES)]))
    assert (log["message"], log["id"]) == ("message", "i" * MAX_NAME_CHARACTERS)


def test_a_log_without_room_for_a_message_goes_out_without_it() -> None:
    (log,) = logs_of(*packed([Line("message")], LineAttributes(host="h" * LOG_BYTES)))
    assert log["message"] == ""


# --- metrics -------------------------------------------------------------------------------------


def packed_metrics(*metrics: Metric) -> list[Batch]:
    collected = MetricBatches()
    return [*collected.add(list(metrics), 0), *collected.rest()]


def series_of(*batches: Batch) -> list[dict[str, Any]]:
    return [series for batch in batches for series in json.loads(batch.body.data)["series"]]


def test_a_metric_is_one_distribution() -> None:
    assert series_of(*packed_metrics(Metric("m", 12.45, 7, ("a:1", "b:2")))) == [
        {"metric": "m", "points": [[7, [12.45]]], "type": "distribution", "tags": ["a:1", "b:2"]}
    ]


def test_points_of_one_metric_tags_and_second_share_a_series() -> None:
    (batch,) = packed_metrics(*(Metric("m", value, 7, ("a:1",)) for value in (1, 2.5, 1)))
    assert [series["points"] for series in series_of(batch)] == [[[7, [1, 2.5, 1]]]]
    assert batch.count == 3


@pytest.mark.parametrize(
    "other", [Metric("n", 1, 7, ("a:1",)), Metric("m", 1, 8, ("a:1",)), Metric("m", 1, 7, ("a:2",))]
)
def test_another_name_second_or_tags_is_another_series(other: Metric) -> None:
    assert len(series_of(*packed_metrics(Metric("m", 1, 7, ("a:1",)), other))) == 2


def test_points_of_a_series_remember_their_trigger_records() -> None:
    collected = MetricBatches()
    for record, name in enumerate("aba"):
        assert not list(collected.add([Metric(name, record, 7, ())], record))
    (batch,) = collected.rest()
    assert batch.runs == [(0, 1), (2, 1), (1, 1)]


POINTS = st.builds(
    Metric,
    name=st.sampled_from(["short", "long" * 50]),
    value=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1),
    second=st.integers(0, 2),
    tags=st.sampled_from([(), ("tag:" + "x" * 300,), ('"\\',)]),
)


@given(st.lists(POINTS, max_size=60))
def test_metrics_stay_under_their_limit_and_no_point_is_lost(metrics: list[Metric]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "METRICS_BYTES", 1_000)
        made = packed_metrics(*metrics)
    assert all(batch.size <= 1_000 for batch in made)
    assert sum(batch.count for batch in made) == len(metrics)
    points = [value for series in series_of(*made) for _, values in series["points"] for value in values]
    assert sorted(points) == sorted(metric.value for metric in metrics)


def test_no_metrics_make_no_batch() -> None:
    assert packed_metrics() == []
