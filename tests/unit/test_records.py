"""Batches split without losing anything, and show nothing of what is in them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder.batches import MetricBatches
from forwarder.intake.compression import compress
from forwarder.records import (
    Batch,
    Body,
    Continuation,
    Group,
    Line,
    LineAttributes,
    LogStream,
    Metric,
    Origin,
    S3Object,
    Signal,
    Unread,
)

RUNS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=8)


def records_of(batch: Batch) -> list[int]:
    """Return the record number of each item, in order."""
    return [record for record, count in batch.runs for _ in range(count)]


def log_batch(runs: list[tuple[int, int]], encoding: str = "identity") -> Batch:
    """Return a batch of logs that each hold their own place."""
    entries = [b'{"n": %d}' % number for number in range(sum(count for _, count in runs))]
    batch = Batch.of(Signal.LOGS, entries, runs)
    batch.body = Body(compress(batch.body.data, encoding, 6), encoding)
    return batch


def points_of(batch: Batch) -> list[float]:
    series = json.loads(batch.body.data)["series"]
    return [value for entry in series for _, values in entry["points"] for value in values]


def leaves(batch: Batch) -> list[Batch]:
    """Split until nothing splits any more."""
    halves = list(batch.split())
    return [leaf for half in halves for leaf in leaves(half)] if halves else [batch]


@given(RUNS, st.sampled_from(["identity", "gzip", "deflate"]))
def test_splitting_logs_keeps_every_item_in_order_with_its_record(runs: list[tuple[int, int]], encoding: str) -> None:
    batch = log_batch([*runs, (9, 1)], encoding)
    parts = leaves(batch)
    assert [entry["n"] for part in parts for entry in json.loads(part.body.data)] == list(range(batch.count))
    assert [record for part in parts for record in records_of(part)] == records_of(batch)
    assert all(part.count == 1 and part.size == len(part.body.data) for part in parts)


@given(RUNS)
def test_the_halves_of_logs_differ_by_one_at_most(runs: list[tuple[int, int]]) -> None:
    counts = [half.count for half in log_batch(runs).split()]
    assert not counts or abs(counts[0] - counts[1]) <= 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), min_size=1, max_size=20))
def test_splitting_metrics_keeps_every_point_with_its_record(points: list[tuple[str, int]]) -> None:
    batches = MetricBatches()
    for number, (name, record) in enumerate(points):
        assert not list(batches.add([Metric(name, number, 1, ())], record))
    (batch,) = batches.rest()
    parts = leaves(batch)
    found = [pair for part in parts for pair in zip(points_of(part), records_of(part), strict=True)]
    assert sorted(found) == [(number, record) for number, (_, record) in enumerate(points)]
    assert all(len(json.loads(part.body.data)["series"]) == 1 for part in parts)


@pytest.mark.parametrize("signal", [Signal.LOGS, Signal.METRICS])
def test_a_single_entry_cannot_be_split(signal: Signal) -> None:
    entry = b'{"metric":"m","points":[[1,[1,2,3]]],"type":"distribution","tags":[]}'
    assert list(Batch.of(signal, [entry], [(0, 3)]).split()) == []


def test_a_body_does_not_show_its_bytes() -> None:
    assert "sesame" not in repr(Batch.of(Signal.LOGS, [b'"sesame"'], [(0, 1)]))


def test_a_log_stream_reads_as_its_group_and_stream() -> None:
    assert str(LogStream("group", "stream", "1")) == "group stream"
    assert str(LogStream("", "", "")) == "a log stream without a name"


# --- the common attributes, and a message's own tags among them ----------------------------------


def common(own_tags: str, *tags: str) -> tuple[list[str], str]:
    """Return the tags and the service of a log of an origin with these tags and the service `ours`."""
    origin = Origin(source="lambda", service="ours", tags=tags, attributes={"ddsource": "lambda"})
    log = json.loads(b'{"message":""' + origin.common(LineAttributes(own_tags)))
    assert log["ddsource"] == "lambda"
    return log["ddtags"].split(","), log["service"]


def test_without_tags_of_its_own_a_log_has_the_origins() -> None:
    assert common("", "env:none", "a:1") == (["env:none", "a:1"], "ours")


def test_a_messages_own_tags_follow_the_origins() -> None:
    assert common(" b:2 ,, c:3,", "a:1") == (["a:1", "b:2", "c:3"], "ours")


def test_a_service_among_its_own_tags_replaces_the_origins() -> None:
    assert common("service:theirs", "service:ours", "a:1") == (["a:1", "service:theirs"], "theirs")


def test_an_env_among_its_own_tags_replaces_env_none() -> None:
    assert common("env:prod", "env:none", "a:1") == (["a:1", "env:prod"], "ours")


@pytest.mark.parametrize("own", ["service:", "service: ,env:", "env:,,service:"])
def test_a_service_or_env_without_a_name_replaces_nothing(own: str) -> None:
    assert common(own, "env:none", "service:ours") == (["env:none", "service:ours"], "ours")


def test_the_first_service_with_a_name_is_the_service() -> None:
    assert common("service:,service:theirs,env:,env:prod", "env:none") == (["service:theirs", "env:prod"], "theirs")


def test_a_host_of_its_own_replaces_the_origins() -> None:
    origin = Origin(source="lambda", service="ours", tags=("a:1",), attributes={"host": "ours"})
    log = json.loads(b'{"message":""' + origin.common(LineAttributes(host="theirs")))
    assert log == {"message": "", "ddtags": "a:1", "service": "ours", "host": "theirs"}


def test_a_tag_that_is_there_already_is_not_repeated() -> None:
    assert common("a:1,b:2,b:2", "a:1") == (["a:1", "b:2"], "ours")


def test_what_is_not_processed_of_an_object_is_named_for_the_object_wherever_its_lines_are_from() -> None:
    rest = Continuation(S3Object("logs", "a.gz"), position=7)
    unread = Group(LogStream("g", "s", "1"), [], 2, rest=rest).as_unread("late")
    assert unread == Unread(2, "late", "s3://logs/a.gz", rest)


@pytest.mark.parametrize(("identifier", "named"), [("7", "7"), ("", "without id"), ("i" * 600, "i" * 512)])
def test_a_pointer_names_the_id_and_the_time_of_a_line_and_nothing_of_its_message(identifier: str, named: str) -> None:
    assert Line("secret", identifier, 3).pointer == f"event {named} at 3"
