from local_run.function import Result
from local_run.ledger import Entry, Ledger


def response(**changes: object) -> dict[str, object]:
    def counts(count: int) -> dict[str, int]:
        return {"created": count, "delivered": count, "stored": 0, "rejected": 0, "returned": 0}

    return {
        "event_type": "awslogs",
        "lines": {"received": 7, "routed": 6, "filtered": 1, "rejected": 0},
        "signals": {"logs": counts(6), "metrics": counts(8), "traces": counts(2)},
        "enhanced_metrics": 5,
        "duration_ms": 12.3,
        **changes,
    }


def entry(**changes: object) -> Entry:
    return Entry.of("case", Result(response(**changes), None, 20.0))


def ledger(*entries: Entry) -> Ledger:
    return Ledger(list(entries))


def test_an_entry_shows_the_handlers_response() -> None:
    assert entry() == Entry(
        "case", events=1, lines=7, logs=6, metrics=3, enhanced=5, spans=2, filtered=1, duration_ms=20.0
    )


def test_entries_are_added_up() -> None:
    total = ledger(entry(), entry()).total
    assert (total.events, total.lines, total.logs, total.enhanced, total.duration_ms) == (2, 14, 12, 10, 40.0)


def test_a_rejected_line_is_not_delivered() -> None:
    rejected = entry(lines={"received": 7, "routed": 6, "filtered": 0, "rejected": 1}, reasons={"It is no JSON.": 1})
    assert rejected.problems == ["Not delivered (lines 1): It is no JSON."]


def test_what_was_stored_is_not_delivered() -> None:
    stored = {"created": 6, "delivered": 4, "stored": 2, "rejected": 0, "returned": 0}
    assert entry(signals={"logs": stored}).problems == ["Not delivered (logs 2): no reason was given."]


def test_an_error_of_the_handler_is_a_problem() -> None:
    failed = Entry.of("case", Result(None, "DeliveryError: 2 logs could not be delivered.", 1.0))
    assert failed.problems == ["DeliveryError: 2 logs could not be delivered."]


def test_an_unexpected_response_is_a_problem() -> None:
    assert (
        Entry.of("case", Result({"ok": True}, None, 1.0))
        .problems[0]
        .startswith("The handler's response cannot be read")
    )


def test_equal_problems_are_merged_and_counted() -> None:
    failed = [Entry.of(name, Result(None, "Error: no.", 1.0)) for name in ("a", "b")]
    other = Entry.of("c", Result(None, "Error: other.", 1.0))
    assert ledger(*failed, other).all_problems == ["2 events: Error: no.", "c: Error: other."]


def test_logs_that_were_shortened_are_counted() -> None:
    assert entry(logs_truncated=2).truncated == 2


def test_a_ledger_that_agrees_with_the_intake_is_delivered() -> None:
    agreeing = ledger(entry())
    agreeing.compare({"logs": 6, "metrics": 8, "traces": 2})
    assert agreeing.is_delivered


def test_a_ledger_that_disagrees_with_the_intake_is_not_delivered() -> None:
    disagreeing = ledger(entry())
    disagreeing.compare({"logs": 5, "metrics": 8, "traces": 2})
    assert disagreeing.problems == ["The forwarder says it delivered 6 logs, the intake has 5."]
    assert not disagreeing.is_delivered
