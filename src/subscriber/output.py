"""What the command writes: a table for people, JSON for programs, and its progress."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TextIO

from subscriber.errors import OutputError
from subscriber.records import Counts, Outcome, Skip

Row = tuple[str, str, str]  # action, log group, reason
HEADINGS: Row = ("action", "log group", "reason")


class Output:
    """Writes results to one stream, and everything else to another."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out, self._err = out, err

    def say(self, sentence: str) -> None:
        """Say something that is not the result, in place of the progress."""
        self.end_progress()
        self._aside(f"{sentence}\n")

    def ask(self, question: str, answers: TextIO) -> bool:
        """Ask for a yes; anything else is a no, and so is a question or an answer that is lost."""
        try:
            return self._aside(f"{question} [y/N] ") and answers.readline().strip().lower() in {"y", "yes"}
        except (OSError, ValueError):
            return False

    def progress(self, sentence: str) -> None:
        """Show the progress, in place, if standard error is a terminal."""
        if self._err.isatty():
            self._aside(f"\r\x1b[K{sentence}")

    def _aside(self, text: str) -> bool:
        """Write to standard error; return whether that worked, since there is nowhere else to report an error."""
        try:
            self._err.write(text)
            self._err.flush()
        except OSError:
            return False
        return True

    def end_progress(self) -> None:
        """Leave an empty line for what comes next."""
        self.progress("")

    def table(self, outcomes: Sequence[Outcome], *, show_all: bool, aside: bool = False) -> None:
        """Write a row for each change and each failure, and the number of skipped groups by reason.

        With `aside`, it is not the result, and goes to standard error.
        """
        rows = [_row(outcome) for outcome in outcomes if show_all or _is_shown(outcome)]
        skipped = Counter(outcome.decision.reason for outcome in outcomes if not _is_shown(outcome))
        with _writing(self._err if aside else self._out) as stream:
            if rows:
                self._rows(rows, stream)
            for reason, count in skipped.most_common():
                stream.write(f"{count} skipped: {reason}\n")

    def _rows(self, rows: Sequence[Row], stream: TextIO) -> None:
        if stream.isatty():
            try:
                self._rich_rows(rows, stream)
            except ImportError:  # it is only in the development requirements
                pass
            else:
                return
        widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
        for row in (HEADINGS, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            stream.write("  ".join(cells).rstrip() + "\n")

    def _rich_rows(self, rows: Sequence[Row], stream: TextIO) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*HEADINGS, box=None, pad_edge=False)
        table.columns[1].overflow = "fold"  # a truncated name is useless
        for row in rows:
            table.add_row(*map(Text, row))
        Console(file=stream).print(table)

    def json(self, outcomes: Iterable[Outcome], counts: Counts) -> None:
        """Write everything in one JSON document."""
        found = {"log_groups": [_entry(outcome) for outcome in outcomes], "counts": asdict(counts)}
        with _writing(self._out) as stream:
            stream.write(json.dumps(found, indent=2) + "\n")


@contextmanager
def _writing(stream: TextIO) -> Iterator[TextIO]:
    """Flush at the end: what cannot be shown must not be done.

    Raises:
        BrokenPipeError: the reader is gone.
        OutputError: it cannot be written for another reason.

    """
    try:
        yield stream
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"The result cannot be written: {error.strerror}.") from None


def counted(outcomes: Iterable[Outcome]) -> Counts:
    """Count outcomes."""
    counts = Counts()
    for outcome in outcomes:
        counts.add(outcome)
    return counts


def sentence(counts: Counts) -> str:
    """Say counts in words, without those that are zero."""
    found = [f"{count} {name}" for name, count in asdict(counts).items() if count]
    return (", ".join(found) or "no log groups") + "."


def _is_shown(outcome: Outcome) -> bool:
    return bool(outcome.error) or not isinstance(outcome.decision, Skip)


def _row(outcome: Outcome) -> Row:
    decision = outcome.decision
    verb = "failed" if outcome.error else decision.verb
    return verb, decision.group.name, outcome.error or decision.reason


def _entry(outcome: Outcome) -> dict[str, object]:
    decision = outcome.decision
    removes = [] if isinstance(decision, Skip) else [asdict(removed) for removed in decision.removes]
    return {
        "name": decision.group.name,
        "action": decision.verb,
        "reason": decision.reason,
        "removes": removes,
        "error": outcome.error,
    }
