"""The summary: two ledgers that balance whatever happens, and a sentence on what was not delivered."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder.failed_events import Keeper
from forwarder.records import (
    Backlog,
    Batch,
    Delivered,
    Failed,
    Fate,
    Group,
    Line,
    LineAttributes,
    LogStream,
    Metric,
    Passed,
    Rejection,
    Signal,
    Signals,
    Unread,
)
from forwarder.settle import MAX_REASONS, Summary, conclude, settle
from forwarder.traces.reading import SpanGroup
from tests.builders import far_deadline, lines

STREAM = LogStream("g", "s", "1")


def batch(count: int = 1, signal: Signal = Signal.LOGS, record: int = 0) -> Batch:
    return Batch.of(signal, [b"{}"] * count, [(record, count)])


def counted(group: Group, found: Signals, passed: Passed) -> Summary:
    summary = Summary("awslogs")
    summary.count(group, found, passed, SpanGroup())
    return summary


def settled(*outcomes: Delivered | Failed) -> tuple[Summary, list[Failed]]:
    """Settle outcomes of items that were created, with nowhere to store what failed."""
    summary = Summary("awslogs")
    reported: list[Failed] = []
    for outcome in outcomes:
        summary.signals[outcome.batch.signal].created += outcome.batch.count
    keeper = Keeper(None, keeps_raw=False)
    settle(outcomes, summary, reported.append, keeper)
    conclude(keeper, summary, far_deadline())
    return summary, reported


# --- lines ---------------------------------------------------------------------------------------


def test_lines_are_routed_filtered_or_rejected() -> None:
    kept, dropped = lines("a", "b"), [Line("c")]
    group = Group(STREAM, [*kept, *dropped], rejected=(Rejection("bad", "event 3"),), filtered=2)
    summary = counted(group, Signals(), Passed(logs={LineAttributes(): kept}, filtered=dropped))
    found = summary.lines
    assert (found.received, found.routed, found.filtered, found.rejected) == (6, 2, 3, 1)
    assert (summary.logs_filtered, found.balanced) == (1, True)


def test_a_line_that_made_metrics_is_routed_even_if_its_log_was_filtered() -> None:
    report = Line("REPORT")
    found = Signals(metrics=[Metric("m", 1, 1, ())] * 6, with_metrics={id(report)})
    summary = counted(Group(STREAM, [report]), found, Passed(metrics=found.metrics, filtered=[report]))
    assert (summary.lines.routed, summary.lines.filtered, summary.logs_filtered) == (1, 0, 1)
    assert (summary.signals[Signal.METRICS].created, summary.signals[Signal.LOGS].created) == (6, 0)


def test_an_item_that_could_not_be_masked_was_created_and_is_rejected() -> None:
    rejections = [Rejection("mask", "event 1"), Rejection("mask", "a metric", signal=Signal.METRICS)]
    summary = counted(Group(STREAM, lines("a")), Signals(), Passed(rejected=rejections))
    logs, metrics = summary.signals[Signal.LOGS], summary.signals[Signal.METRICS]
    assert (logs.created, logs.rejected, metrics.created, metrics.rejected) == (1, 1, 1, 1)
    assert summary.reasons == {"mask": 2}


# --- events from the store -----------------------------------------------------------------------


def test_what_an_event_from_the_store_returns_is_still_stored_and_does_not_come_again_from_aws() -> None:
    event, replay = Summary("s3"), Summary("retry")
    event.signals[Signal.LOGS].created = 2
    event.signals[Signal.LOGS].delivered = 1
    event.return_items(batch(), "status 503")
    event.return_record(Unread(1, "AccessDenied", "s3://b/k"))
    replay.add(event)
    logs = replay.signals[Signal.LOGS]
    assert (logs.delivered, logs.stored, logs.returned, replay.balanced) == (1, 1, 0, True)
    assert (replay.unread, replay.reasons) == (1, {"status 503": 1, "AccessDenied": 1})
    assert (replay.returned_records, replay.undelivered()) == (set(), "")


def test_a_record_of_the_invocation_itself_comes_again_whatever_a_replay_could_not_read() -> None:
    event, replay = Summary("s3"), Summary("s3")
    event.return_record(Unread(1, "AccessDenied", "s3://b/k"))
    replay.return_record(Unread(0, "the time was up", "s3://b/l"))
    replay.add(event)
    assert (replay.unread, replay.undelivered()) == (2, "1 of the event's records could not be read: the time was up.")


# --- items ---------------------------------------------------------------------------------------


def test_what_arrived_is_delivered() -> None:
    summary, reported = settled(Delivered(batch(3), 202, 1))
    assert (summary.items.delivered, summary.balanced, reported, summary.undelivered()) == (3, True, [], "")


@pytest.mark.parametrize("fate", [Fate.RETRY, Fate.KEEP])
def test_what_may_arrive_later_is_returned_with_its_records(fate: Fate) -> None:
    failed = Failed(batch(3, record=7), fate, "status 503", 503, 6)
    summary, reported = settled(failed)
    assert (summary.items.returned, summary.returned_records, reported) == (3, {7}, [failed])


def test_what_can_never_arrive_is_rejected_not_returned() -> None:
    summary, reported = settled(Failed(batch(3, record=7), Fate.REJECT, "status 400", 400, 1))
    assert (summary.items.rejected, summary.items.returned, summary.returned_records) == (3, 0, set())
    assert (len(reported), summary.undelivered()) == (1, "")


def test_requests_are_counted_by_attempt_and_status() -> None:
    summary, _ = settled(
        Delivered(batch(), 202, 3), Delivered(batch(), 202, 1), Failed(batch(), Fate.RETRY, "no answer", 0, 0)
    )
    assert (summary.requests, summary.statuses) == (4, {202: 2, 0: 1})


BATCHES = st.builds(batch, st.integers(1, 5), st.sampled_from([Signal.LOGS, Signal.METRICS]), st.integers(0, 3))
OUTCOMES = st.builds(Delivered, BATCHES, st.just(202), st.integers(1, 6)) | st.builds(
    Failed, BATCHES, st.sampled_from([Fate.RETRY, Fate.KEEP, Fate.REJECT]), st.sampled_from(["a", "b"])
)


@given(st.lists(OUTCOMES))
def test_the_ledgers_balance_whatever_the_outcomes(outcomes: list[Delivered | Failed]) -> None:
    summary, reported = settled(*outcomes)
    assert summary.balanced
    assert summary.items.created == sum(outcome.batch.count for outcome in outcomes)
    assert len(reported) == sum(isinstance(outcome, Failed) for outcome in outcomes)


def test_a_summary_with_an_item_missing_does_not_balance() -> None:
    summary = Summary("awslogs")
    summary.signals[Signal.METRICS].created = 1
    assert not summary.balanced


def test_a_summary_with_a_line_missing_does_not_balance() -> None:
    summary = Summary("awslogs")
    summary.lines.received = 1
    assert not summary.balanced


def test_a_summary_that_is_added_to_another_is_added_whole() -> None:
    summary, other = Summary("retry"), Summary("awslogs")
    counts = ("enhanced_metrics", "trace_lines", "logs_filtered", "logs_truncated", "continued", "requests")
    for number, name in enumerate(counts, 1):
        setattr(other, name, number)
    summary.add(other)
    summary.add(other)
    assert [getattr(summary, name) for name in counts] == [2, 4, 6, 8, 10, 12]


def test_what_is_in_the_store_from_a_clock_that_is_ahead_has_waited_for_no_time() -> None:
    summary = Summary("retry", backlog=Backlog(1, time.time() + 3600))
    assert summary.oldest_age == 0


# --- what is said of it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "unread", "sentence"),
    [
        ([], 0, ""),
        (
            [Failed(batch(3), Fate.RETRY, "status 503", 503)],
            0,
            "3 logs could not be delivered: status 503.",
        ),
        (
            [
                Failed(batch(3), Fate.RETRY, "status 503", 503),
                Failed(batch(2, Signal.METRICS), Fate.KEEP, "status 403", 403),
                Failed(batch(1), Fate.RETRY, "status 503", 503),
            ],
            0,
            "4 logs and 2 metrics could not be delivered: status 503, status 403.",
        ),
        (
            [Failed(batch(3), Fate.RETRY, "status 503")],
            2,
            "3 logs could not be delivered and 2 of the event's records could not be read: status 503, SlowDown.",
        ),
    ],
)
def test_one_sentence_says_what_has_to_come_again(
    outcomes: list[Delivered | Failed], unread: int, sentence: str
) -> None:
    summary, _ = settled(*outcomes)
    for record in range(unread):
        summary.return_record(Unread(record, "SlowDown", "s3://bucket/key"))
    assert summary.undelivered() == sentence


def test_an_event_that_was_not_read_to_its_end_has_to_come_again_even_if_all_that_was_read_arrived() -> None:
    summary, _ = settled(Delivered(batch(), 202, 1))
    summary.return_record(Unread(0, "the time was up", "a stream"))
    assert summary.undelivered() == "1 of the event's records could not be read: the time was up."


def test_a_reason_for_which_things_were_rejected_is_no_reason_for_what_is_returned() -> None:
    summary, _ = settled(
        Failed(batch(9), Fate.REJECT, "status 400", 400), Failed(batch(1), Fate.RETRY, "status 503", 503)
    )
    assert summary.undelivered() == "1 logs could not be delivered: status 503."


def test_the_response_is_json_and_names_the_most_frequent_reasons() -> None:
    summary, _ = settled(*(Failed(batch(n), Fate.REJECT, f"reason {n}", 400) for n in range(1, MAX_REASONS + 3)))
    answer = json.loads(json.dumps(summary.as_response()))
    assert list(answer["reasons"]) == [f"reason {n}" for n in range(MAX_REASONS + 2, 2, -1)]
    assert answer["statuses"] == {"400": MAX_REASONS + 2}
    assert answer["items"] == answer["signals"]["logs"]
