"""What the function printed and what the intake got, as tables."""

from collections import Counter
from collections.abc import Iterator

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from local_intake.records import Span
from tests.compat.forwarded import Arrived
from tests.compat.function import Invocation

PRINTED = {
    "platform": "platform's\nlines",
    "logs": "its own\nlines",
    "metrics": "metric\nlines",
    "traces": "trace\nlines",
}
IMPORT = "aws.lambda.import"


def summary(invocations: list[Invocation], arrived: Arrived) -> Group:
    """Return the tables of what went in and what came out, and below them what the forwarder could not do."""
    logs = Text(f"\n The intake got {len(arrived.logs)} logs, and beside them:\n")
    problems = [Text(f" {problem}") for problem in arrived.ledger.all_problems]
    return Group(_printed(invocations), logs, _metrics(arrived), Text(), _spans(arrived), *problems)


def _table(title: str, *columns: str) -> Table:
    table = Table(title, box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for column in columns:
        table.add_column(column, justify="right", vertical="bottom")
    return table


def _printed(invocations: list[Invocation]) -> Table:
    table = _table("The function printed", *PRINTED.values())
    for invocation in invocations:
        table.add_row(invocation.name, *(str(len(invocation.of_kind(kind))) for kind in PRINTED))
    return table


def _metrics(arrived: Arrived) -> Table:
    table = _table("metric", "values")
    for name in sorted({metric.name for metric in arrived.metrics}):
        table.add_row(name, ", ".join(f"{value:g}" for value in arrived.values(name)))
    return table


def _spans(arrived: Arrived) -> Table:
    """List the spans under their parents, equal ones counted; imports, of which there are many, by name alone."""
    table = _table("span", "how many", "errors")
    counts: Counter[tuple[str, ...]] = Counter()
    errors: Counter[tuple[str, ...]] = Counter()
    by_id = {span.span_id: span for span in arrived.spans}
    for span in arrived.spans:
        path = tuple(reversed(list(_path(span, by_id))))
        counts[path] += 1
        errors[path] += span.error
    for path in sorted(counts):
        table.add_row(Text("  " * (len(path) - 1) + path[-1]), str(counts[path]), str(errors[path] or ""))
    return table


def _path(span: Span, by_id: dict[str, Span]) -> Iterator[str]:
    """Yield the labels of a span and those above it, an import's own imports left out."""
    below = ""
    above: Span | None = span
    for _ in by_id:  # no path is longer, whatever arrived
        if above is None:
            return
        label = above.name if above.name in {above.resource, IMPORT} else f"{above.name}  {above.resource}"
        if label != below:
            yield label
        below, above = label, by_id.get(above.parent_id)
