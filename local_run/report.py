"""Prints what a run found: a table for people, JSON for programs."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local_run.books import Entry, plural
from local_run.files import short
from local_run.run import Outcome

WIDTH_WITHOUT_TERMINAL = 120
MAX_PROBLEMS = 5
LEAST_MEASURABLE_BYTES = 1_000_000
COLUMNS = {
    "lines": "lines\nin",
    "logs": "logs",
    "metrics": "metrics",
    "enhanced": "enhanced\nmetrics",
    "spans": "spans",
    "filtered": "filtered",
    "rejected": "rejected",
}


def print_table(outcome: Outcome) -> None:
    """Print the table, what went wrong, and where to look next."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH_WITHOUT_TERMINAL)
    console.print(f"The handler ran {outcome.where}", soft_wrap=True)
    console.print()
    console.print(_table(outcome))
    console.print()
    for line in _sentences(outcome):
        console.print(line, soft_wrap=True, markup=False)


def print_json(outcome: Outcome) -> None:
    """Print the same as one JSON object."""
    books = outcome.books
    report = {
        "delivered": books.is_delivered,
        "handler_ran": outcome.where,
        "entries": [asdict(entry) for entry in books.entries],
        "total": asdict(books.total),
        "problems": books.problems,
        "notes": [*outcome.notes, *_shortened(outcome)],
        "complaints": outcome.complaints,
        "store": str(outcome.store),
        "function_log": str(outcome.function_log),
    }
    print(json.dumps(report, indent=2))


def _table(outcome: Outcome) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, pad_edge=False)
    table.add_column("event", overflow="fold")  # what gives way in a narrow terminal
    for title in [*COLUMNS.values(), "ms"]:
        table.add_column(title, justify="right", vertical="bottom", no_wrap=True)
    table.add_column("", vertical="bottom", no_wrap=True)
    for entry in outcome.books.entries:
        table.add_row(*_cells(entry))
    if len(outcome.books.entries) > 1:
        table.add_section()
        table.add_row(*_cells(outcome.books.total), style="bold")
    return table


def _cells(entry: Entry) -> Iterator[str | Text]:
    yield Text(entry.name)
    for column in COLUMNS:
        yield f"{getattr(entry, column):,}"
    yield f"{entry.duration_ms:,.0f}"
    yield Text("FAILED", style="bold red") if entry.problems else Text("ok", style="green")


def _sentences(outcome: Outcome) -> Iterator[str]:
    yield from _amount(outcome)
    changes = [*outcome.notes, *_shortened(outcome)]
    yield from changes
    for entry in outcome.books.entries:
        yield from (f"{entry.name}: {note}" for note in entry.notes)
    if outcome.complaints:
        yield "The forwarder's log says:"
        yield from (f"  {complaint}" for complaint in outcome.complaints)
    problems = outcome.books.all_problems
    yield from problems[:MAX_PROBLEMS]
    if len(problems) > MAX_PROBLEMS:
        yield f"… and {len(problems) - MAX_PROBLEMS:,} more."
    yield _verdict(delivered=outcome.books.is_delivered, changed=bool(changes))
    yield ""
    yield f"What arrived:        {short(outcome.store)} (SQLite: requests, logs, metrics, spans)"
    yield f"The function's log:  {short(outcome.function_log)}"
    yield "Your own log:        make run LOG=path/to/any.log GROUP=/aws/lambda/my-function"


def _amount(outcome: Outcome) -> Iterator[str]:
    """Say how much a log file was, and how fast it went if it was enough to tell."""
    if not outcome.seconds:
        return
    total = outcome.books.total
    amount = f"{plural(total.events, 'event')}, {plural(total.lines, 'line')}"
    if outcome.bytes_read < LEAST_MEASURABLE_BYTES:
        yield f"{amount}."
        return
    yield (
        f"{amount}, {outcome.bytes_read / 1e6:,.1f} MB in {outcome.seconds:.1f} s: "
        f"{total.lines / outcome.seconds:,.0f} lines/s."
    )


def _shortened(outcome: Outcome) -> Iterator[str]:
    if count := outcome.books.total.truncated:
        were = "was over 1 MB and was" if count == 1 else "were over 1 MB and were"
        yield f"{plural(count, 'log')} {were} shortened (tag truncated:true)."


def _verdict(*, delivered: bool, changed: bool) -> str:
    if not delivered:
        return "NOT EVERYTHING WAS DELIVERED."
    if changed:
        return "Everything was delivered, though not all of it as it was (see above); the intake counted the same."
    return "Everything was delivered; the intake counted the same."
