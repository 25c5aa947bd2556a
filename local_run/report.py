"""Prints what a run found: a table for people, JSON for programs."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local_run.command import Output
from local_run.files import short
from local_run.ledger import TOTAL, Entry, Ledger, plural
from local_run.run import Outcome

MAX_PROBLEMS = 5
MIN_MEASURABLE_BYTES = 1_000_000
UNBOUNDED = 10_000  # characters of a table's width
# The columns and their headings, narrow enough that all samples fit into 80 characters.
COLUMNS = {
    "lines": "lines\nin",
    "logs": "logs",
    "metrics": "metrics",
    "enhanced": "enh.\nmetrics",
    "spans": "spans",
    "filtered": "fil-\ntered",
    "rejected": "re-\njected",
}
NAMES = {"lines": "lines in", "enhanced": "enhanced metrics"}  # of columns, where there is room
ALWAYS = {"lines", "logs"}  # shown, also if they are zero throughout
HOW_TO_SET = 'Give settings to a run with make run SET="NAME=VALUE …".'


def print_table(outcome: Outcome) -> None:
    """Print the table, what went wrong, and where to look next."""
    console = Output()
    console.print(f"The handler ran {outcome.where}", soft_wrap=True)
    if outcome.unused:
        console.print(
            f"Set in this shell and not used here: {', '.join(outcome.unused)}. {HOW_TO_SET}",
            soft_wrap=True,
            markup=False,
        )
    console.print()
    _print_entries(console, outcome)
    console.print()
    for line in _sentences(outcome):
        console.print(line, soft_wrap=True, markup=False)


def print_json(outcome: Outcome) -> None:
    """Print the same as one JSON object."""
    ledger = outcome.ledger
    report = {
        "delivered": ledger.is_delivered,
        "handler_ran": outcome.where,
        "entries": [asdict(entry) for entry in ledger.entries],
        "total": asdict(ledger.total),
        "problems": ledger.problems,
        "unused_settings": outcome.unused,
        "notes": [*outcome.notes, *_shortened(outcome)],
        "complaints": outcome.complaints,
        "store": str(outcome.store),
        "function_log": str(outcome.function_log),
    }
    print(json.dumps(report, indent=2))


def _print_entries(console: Console, outcome: Outcome) -> None:
    """Print the table as wide as there is room for: with all columns, or without those of zeros, or else as a list."""
    total = outcome.ledger.total
    used = [column for column in COLUMNS if column in ALWAYS or getattr(total, column)]
    for columns in (list(COLUMNS), used):
        table = _table(outcome, columns)
        if console.measure(table, options=console.options.update(width=UNBOUNDED)).maximum <= console.width:
            console.print(table)
            return
    for entry in _rows(outcome):
        console.print(_line(entry, used), soft_wrap=True)


def _table(outcome: Outcome, columns: list[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, pad_edge=False)
    table.add_column("event", no_wrap=True)
    for title in [*(COLUMNS[column] for column in columns), "ms"]:
        table.add_column(title, justify="right", vertical="bottom", no_wrap=True)
    table.add_column("", vertical="bottom", no_wrap=True)
    for entry in _rows(outcome):
        if entry.name == TOTAL:
            table.add_section()
        table.add_row(*_cells(entry, columns), style="bold" if entry.name == TOTAL else None)
    return table


def _rows(outcome: Outcome) -> Iterator[Entry]:
    """Yield the entries, and if there are several their total."""
    yield from outcome.ledger.entries
    if len(outcome.ledger.entries) > 1:
        yield outcome.ledger.total


def _cells(entry: Entry, columns: list[str]) -> Iterator[str | Text]:
    yield Text(entry.name)
    for column in columns:
        yield f"{getattr(entry, column):,}"
    yield f"{entry.duration_ms:,.0f}"
    yield _state(entry)


def _line(entry: Entry, columns: list[str]) -> Text:
    counts = {column: getattr(entry, column) for column in columns}
    shown = [f"{NAMES.get(name, name)} {count:,}" for name, count in counts.items() if count or name in ALWAYS]
    return Text.assemble(f"{entry.name}: {', '.join([*shown, f'ms {entry.duration_ms:,.0f}'])}, ", _state(entry))


def _state(entry: Entry) -> Text:
    return Text("FAILED", style="bold red") if entry.problems else Text("ok", style="green")


def _sentences(outcome: Outcome) -> Iterator[str]:
    yield from _amount(outcome)
    changes = [*outcome.notes, *_shortened(outcome)]
    yield from changes
    for entry in outcome.ledger.entries:
        yield from (f"{entry.name}: {note}" for note in entry.notes)
    if outcome.complaints:
        yield "The forwarder's log says:"
        yield from (f"  {complaint}" for complaint in outcome.complaints)
    problems = outcome.ledger.all_problems
    yield from problems[:MAX_PROBLEMS]
    if len(problems) > MAX_PROBLEMS:
        yield f"… and {len(problems) - MAX_PROBLEMS:,} more."
    yield _verdict(outcome.ledger, changed=bool(changes))
    yield ""
    yield f"What arrived:        {short(outcome.store)} (SQLite: requests, logs, metrics, spans)"
    yield f"The function's log:  {short(outcome.function_log)}"
    yield "Your own log:        make run LOG=path/to/any.log GROUP=/aws/lambda/my-function"


def _amount(outcome: Outcome) -> Iterator[str]:
    """Yield the size of a log file, and the throughput if it was large enough to measure."""
    if not outcome.seconds:
        return
    total = outcome.ledger.total
    amount = f"{plural(total.events, 'event')}, {plural(total.lines, 'line')}"
    if outcome.bytes_read < MIN_MEASURABLE_BYTES:
        yield f"{amount}."
        return
    yield (
        f"{amount}, {outcome.bytes_read / 1e6:,.1f} MB in {outcome.seconds:.1f} s: "
        f"{total.lines / outcome.seconds:,.0f} lines/s."
    )


def _shortened(outcome: Outcome) -> Iterator[str]:
    if count := outcome.ledger.total.truncated:
        were = "was" if count == 1 else "were"
        limit = "an intake takes, 1,000,000 bytes as JSON"
        yield f"{plural(count, 'log')} {were} longer than {limit}, and {were} shortened (tag truncated:true)."


def _verdict(ledger: Ledger, *, changed: bool) -> str:
    if not ledger.is_delivered:
        return "NOT EVERYTHING WAS DELIVERED."
    if not ledger.total.sent:
        return "Nothing was sent: there was nothing to deliver; the intake counted the same."
    if changed:
        return "Everything was delivered, though some of it was changed (see above); the intake counted the same."
    return "Everything was delivered; the intake counted the same."
