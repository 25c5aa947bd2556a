"""Accounts for an invocation: what became of every line, and of every item made from the lines.

Two ledgers that always balance:

    lines:  received = routed + filtered + rejected
    items:  created  = delivered + stored + rejected + returned

A line is routed if anything made from it goes on; a report of the Lambda platform becomes a log and six metrics.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct
from msgspec.structs import asdict, replace

from forwarder.deadline import Deadline
from forwarder.records import (
    Backlog,
    Batch,
    Delivered,
    Failed,
    Fate,
    Group,
    Outcome,
    Passed,
    Rejection,
    Signal,
    Signals,
    StoreSummary,
    Unread,
)

MAX_REASONS = 5  # in a summary; the counts are complete

# What is added up over several events, besides the ledgers.
_ADDED = ("enhanced_metrics", "trace_lines", "logs_filtered", "logs_truncated", "unread", "continued", "requests")


class LineLedger(Struct):
    """What became of the lines that were received."""

    received: int = 0
    routed: int = 0
    filtered: int = 0
    rejected: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every line is accounted for."""
        return self.received == self.routed + self.filtered + self.rejected


class ItemLedger(Struct):
    """What became of the items of one signal."""

    created: int = 0
    delivered: int = 0
    stored: int = 0
    rejected: int = 0
    returned: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every item is accounted for."""
        return self.created == self.delivered + self.stored + self.rejected + self.returned


class Spans(Protocol):
    """The spans of a group: how many are to be delivered, and those that never can be."""

    rejected: list[Rejection]

    @property
    def count(self) -> int:
        """How many are to be delivered."""


@dataclass(slots=True)
class Summary:
    """The counts of one invocation.

    `returned_records` are the numbers of the trigger records that AWS has to send again; `statuses` counts requests by
    the status of their last response (0: none); `reasons` counts what went wrong, and `returned_because` has the
    reasons why something has to come again. `unread` counts trigger records that could not be read, `continued` objects
    of which a replay reads the rest. Of the former, `left_unread` belong to events that a replay has left in the store.
    `replay_failed` is set if the store prevented the replay from working.
    """

    event_type: str
    lines: LineLedger = field(default_factory=LineLedger)
    signals: dict[Signal, ItemLedger] = field(default_factory=lambda: {signal: ItemLedger() for signal in Signal})
    enhanced_metrics: int = 0
    trace_lines: int = 0
    logs_filtered: int = 0
    logs_truncated: int = 0
    requests: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    returned_because: set[str] = field(default_factory=set)
    returned_records: set[int] = field(default_factory=set)
    unread: int = 0
    left_unread: int = 0
    continued: int = 0
    replayed: int = 0
    replay_failed: bool = False
    backlog: Backlog | None = None
    duration_ms: float = 0.0

    @property
    def items(self) -> ItemLedger:
        """The sum of the ledgers of all signals."""
        total = ItemLedger()
        for ledger in self.signals.values():
            _add(total, ledger)
        return total

    @property
    def oldest_age(self) -> float:
        """How many seconds the oldest in the store has waited, 0 if nothing has or if unknown."""
        return max(0.0, time.time() - self.backlog.oldest) if self.backlog and self.backlog.oldest else 0.0

    @property
    def balanced(self) -> bool:
        """Whether both ledgers balance."""
        return self.lines.balanced and all(ledger.balanced for ledger in self.signals.values())

    def count(self, group: Group, found: Signals, passed: Passed, spans: Spans) -> None:
        """Count a group: what its lines turned out to be, what passed the rules, and the spans in it."""
        dropped = _dropped(found, passed)
        self.filter_lines(dropped + group.filtered)
        self.lines.received += len(group.lines) - dropped
        self.lines.routed += len(group.lines) - dropped
        for rejection in group.rejected:
            self.reject_lines(rejection)
        self.logs_filtered += len(passed.filtered)
        self.enhanced_metrics += found.enhanced_metrics
        self.trace_lines += len(found.traces)
        self.signals[Signal.LOGS].created += sum(map(len, passed.logs.values()))
        self.signals[Signal.METRICS].created += len(passed.metrics)
        self.signals[Signal.TRACES].created += spans.count
        for rejection in (*passed.rejected, *spans.rejected):
            self.signals[rejection.signal].created += rejection.count
            self.reject_items(rejection.signal, rejection.count, rejection.reason)

    def count_request(self, outcome: Outcome) -> None:
        """Count the attempts to send a batch, and the status of the last one."""
        self.requests += outcome.attempts
        self.statuses[outcome.status] = self.statuses.get(outcome.status, 0) + 1

    def add(self, other: "Summary") -> None:
        """Add the counts of an event from the store: what it returned stays there, and does not come again from AWS."""
        _add(self.lines, other.lines)
        for signal, ledger in other.signals.items():
            _add(self.signals[signal], replace(ledger, stored=ledger.stored + ledger.returned, returned=0))
        for name in _ADDED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.left_unread += other.unread
        for status, count in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count
        for reason, count in other.reasons.items():
            self.because(reason, count)

    def filter_lines(self, count: int) -> None:
        """Count lines that are not to be forwarded."""
        self.lines.received += count
        self.lines.filtered += count

    def reject_lines(self, rejection: Rejection) -> None:
        """Count lines that could not be read."""
        self.lines.received += rejection.count
        self.lines.rejected += rejection.count
        self.because(rejection.reason, rejection.count)

    def reject_items(self, signal: Signal, count: int, reason: str) -> None:
        """Count items that will never be delivered."""
        self.signals[signal].rejected += count
        self.because(reason, count)

    def return_items(self, batch: Batch, reason: str) -> None:
        """Count items that AWS has to send again, with the trigger records that they came from."""
        self.signals[batch.signal].returned += batch.count
        self.returned_records.update(record for record, _ in batch.runs)
        self.returned_because.add(reason)
        self.because(reason, batch.count)

    def return_record(self, unread: Unread) -> None:
        """Count a trigger record that could not be read: AWS has to send it again."""
        self.unread += 1
        self.returned_records.add(unread.record)
        self.returned_because.add(unread.reason)
        self.because(unread.reason, 1)

    def because(self, reason: str, count: int) -> None:
        """Count a reason why something did not arrive."""
        self.reasons[reason] = self.reasons.get(reason, 0) + count

    def as_response(self) -> dict[str, object]:
        """Return the counts as the JSON object that an invocation returns."""
        return {
            "event_type": self.event_type,
            "lines": asdict(self.lines),
            "items": asdict(self.items),
            "signals": {signal.value: asdict(ledger) for signal, ledger in self.signals.items()},
            "enhanced_metrics": self.enhanced_metrics,
            "trace_lines": self.trace_lines,
            "logs_filtered": self.logs_filtered,
            "logs_truncated": self.logs_truncated,
            "unread": self.unread,
            "continued": self.continued,
            "requests": self.requests,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "reasons": dict(sorted(self.reasons.items(), key=lambda reason: -reason[1])[:MAX_REASONS]),
            "duration_ms": round(self.duration_ms, 1),
            **self._replay(),
        }

    def _replay(self) -> dict[str, object]:
        """Return what a replay has done, and how much is left."""
        if self.backlog is None and not self.replay_failed:
            return {}
        done: dict[str, object] = {"replayed": self.replayed, "replay_failed": self.replay_failed}
        if self.backlog is None:
            return done
        return done | {"left_in_store": self.backlog.left, "oldest_seconds": round(self.oldest_age)}

    def undelivered(self) -> str:
        """Return one sentence about what AWS has to send again, or an empty string."""
        returned = {signal: ledger.returned for signal, ledger in self.signals.items() if ledger.returned}
        counts = " and ".join(f"{count} {signal.value}" for signal, count in returned.items())
        what = [f"{counts} could not be delivered"] if counts else []
        if unread := self.unread - self.left_unread:
            what.append(f"{unread} of the event's records could not be read")
        reasons = ", ".join([reason for reason in self.reasons if reason in self.returned_because][:MAX_REASONS])
        return f"{' and '.join(what)}: {reasons}." if what else ""


def _dropped(found: Signals, passed: Passed) -> int:
    """Count the lines of which nothing is left: a family counts only if all of it was filtered."""
    filtered = {id(line) for line in passed.filtered} - found.with_metrics
    surplus = 0
    for family in found.families:
        gone = sum(id(line) in filtered for line in family)
        surplus += gone - (gone == len(family))
    return len(filtered) - surplus


def _add(total: LineLedger | ItemLedger, more: LineLedger | ItemLedger) -> None:
    for name, count in asdict(more).items():
        setattr(total, name, getattr(total, name) + count)


class Keeper(Protocol):
    """Stores what failed."""

    def keep(self, failed: Failed) -> None:
        """Keep a batch for later."""

    def set_aside(self, failed: Failed) -> None:
        """Keep a batch that will never be delivered, for people to look at."""

    def finish(self, deadline: Deadline) -> StoreSummary:
        """Return what became of what was to be stored."""


def settle(outcomes: Iterable[Outcome], summary: Summary, report: Callable[[Failed], None], keeper: Keeper) -> None:
    """Count outcomes; `report` is called with each batch that did not arrive, and `keeper` gets it."""
    for outcome in outcomes:
        summary.count_request(outcome)
        if isinstance(outcome, Delivered):
            summary.signals[outcome.batch.signal].delivered += outcome.batch.count
            continue
        report(outcome)
        if outcome.fate is Fate.REJECT:
            summary.reject_items(outcome.batch.signal, outcome.batch.count, outcome.reason)
            keeper.set_aside(outcome)
        else:
            keeper.keep(outcome)


def conclude(keeper: Keeper, summary: Summary, deadline: Deadline) -> None:
    """Count what has been stored, and return the rest to AWS."""
    stored = keeper.finish(deadline)
    summary.continued += stored.continued
    for unread in stored.unread:
        summary.return_record(unread)
    for result in stored.results:
        summary.signals[result.failed.batch.signal].stored += result.stored
        if result.stored:
            summary.because(result.failed.reason, result.stored)
        for batch in result.left:
            summary.return_items(batch, result.failed.reason)
