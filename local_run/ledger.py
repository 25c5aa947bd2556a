"""What went in and what came out, by event: read from the handler's responses, compared with what the intake got."""

from dataclasses import dataclass, field, fields
from typing import Self

import msgspec

from local_run.function import Result

TOTAL = "total"  # the name of the entry that adds up all others


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 event`, `2,000 events`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


class Lines(msgspec.Struct):
    """The handler's counts of lines."""

    received: int
    filtered: int
    rejected: int


class Items(msgspec.Struct):
    """The handler's counts of one signal."""

    created: int
    delivered: int
    rejected: int


class HandlerResponse(msgspec.Struct):
    """The part of the handler's response that is shown here."""

    lines: Lines
    signals: dict[str, Items]
    enhanced_metrics: int
    logs_truncated: int = 0
    unread: int = 0
    continued: int = 0
    reasons: dict[str, int] = {}


@dataclass
class Entry:
    """One line of the table. `metrics` are those that were printed as lines, `enhanced` those made by the forwarder.

    `problems` are why it failed, `notes` other remarks.
    """

    name: str
    events: int = 0
    lines: int = 0
    logs: int = 0
    metrics: int = 0
    enhanced: int = 0
    spans: int = 0
    filtered: int = 0
    rejected: int = 0
    truncated: int = 0
    duration_ms: float = 0.0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, result: Result) -> Self:
        """Read one invocation's result; whatever was not delivered becomes a problem."""
        entry = cls(name, events=1, duration_ms=result.duration_ms)
        if result.error is not None:
            entry.problems.append(result.error)
            return entry
        try:
            response = msgspec.convert(result.payload, HandlerResponse)
        except msgspec.ValidationError as error:
            entry.problems.append(f"The handler's response cannot be read: {error}.")
            return entry
        entry._read(response)
        return entry

    def add(self, other: Self) -> None:
        """Add the counts, problems and notes of another entry to this one."""
        for each in fields(self):
            if each.name != "name":
                setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def sent(self) -> int:
        """The number of logs, metrics and spans that were sent."""
        return self.logs + self.metrics + self.enhanced + self.spans

    def fails_with(self, beginning: str) -> bool:
        """Return whether one of the problems begins like this."""
        return any(problem.startswith(beginning) for problem in self.problems)

    def _read(self, response: HandlerResponse) -> None:
        none = Items(created=0, delivered=0, rejected=0)
        metrics = response.signals.get("metrics", none)
        self.lines = response.lines.received
        self.logs = response.signals.get("logs", none).delivered
        self.metrics = max(0, metrics.delivered - response.enhanced_metrics)
        self.enhanced = min(metrics.delivered, response.enhanced_metrics)
        self.spans = response.signals.get("traces", none).delivered
        self.filtered = response.lines.filtered
        self.truncated = response.logs_truncated
        self.rejected = response.lines.rejected + sum(items.rejected for items in response.signals.values())
        lost = {"lines": response.lines.rejected, "records": response.unread, "objects": response.continued}
        lost |= {signal: items.created - items.delivered for signal, items in response.signals.items()}
        if any(lost.values()):
            what = ", ".join(f"{name} {count:,}" for name, count in lost.items() if count)
            why = ", ".join(reason.rstrip(".") for reason in response.reasons) or "no reason was given"
            self.problems.append(f"Not delivered ({what}): {why}.")


@dataclass
class Ledger:
    """The entries of a run, and what is wrong with the run as a whole."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def total(self) -> Entry:
        """All entries in one."""
        total = Entry(TOTAL)
        for entry in self.entries:
            total.add(entry)
        return total

    @property
    def is_delivered(self) -> bool:
        """Whether everything arrived."""
        return not self.problems and not any(entry.problems for entry in self.entries)

    @property
    def all_problems(self) -> list[str]:
        """The problems of all entries, equal ones merged, and those of the run."""
        names: dict[str, list[str]] = {}
        for entry in self.entries:
            for problem in entry.problems:
                names.setdefault(problem, []).append(entry.name)
        joined = [
            f"{where[0] if len(where) == 1 else plural(len(where), 'event')}: {problem}"
            for problem, where in names.items()
        ]
        return joined + self.problems

    def compare(self, arrived: dict[str, int]) -> None:
        """Note where the intake's own counts differ from what the handler says it delivered."""
        total = self.total
        said = {"logs": total.logs, "metrics": total.metrics + total.enhanced, "traces": total.spans}
        for signal, count in said.items():
            if arrived[signal] != count:
                self.problems.append(
                    f"The forwarder says it delivered {count:,} {signal}, the intake has {arrived[signal]:,}."
                )
