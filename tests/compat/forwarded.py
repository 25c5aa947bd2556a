"""Forwards what the function printed through the real handler, and reads from the local intake what arrived."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import requests

from local_intake.records import Log, Metric, Span
from local_run.intake import OWN_METRICS
from local_run.ledger import Ledger
from local_run.run import Outcome, running, send_events
from local_run.wrap import encode_event, log_event_id
from tests.compat.function import NAME, Invocation

ACCOUNT = "012345678912"  # the emulator's
PAGE = 1000

Record = TypeVar("Record", Log, Metric, Span)


@dataclass(frozen=True)
class Arrived:
    """What the intake got, without the forwarder's metrics about itself, and the forwarder's counts."""

    logs: list[Log]
    metrics: list[Metric]
    spans: list[Span]
    ledger: Ledger

    def values(self, name: str) -> list[float]:
        """Return the values of a metric in the order of their arrival."""
        return [metric.value for metric in self.metrics if metric.name == name]


def forward(invocations: list[Invocation], directory: Path) -> Arrived:
    """Send one subscription event for each invocation. Raises RunError."""
    outcome = Outcome(directory)
    with running({}, outcome, in_process=False) as (intake, forwarder):
        send_events({each.name: _subscription_event(each) for each in invocations}, forwarder, outcome)
        outcome.ledger.compare(intake.arrived())
        return Arrived(
            list(_rows(intake.url, "logs", Log)),
            [metric for metric in _rows(intake.url, "metrics", Metric) if not metric.name.startswith(OWN_METRICS)],
            list(_rows(intake.url, "spans", Span)),
            outcome.ledger,
        )


def _subscription_event(invocation: Invocation) -> dict[str, Any]:
    now = time.time_ns() // 1_000_000
    return encode_event(
        {
            "messageType": "DATA_MESSAGE",
            "owner": ACCOUNT,
            "logGroup": f"/aws/lambda/{NAME}",
            "logStream": "2026/11/22/[$LATEST]13e304cba4b9446eb7ef082a00038990",
            "subscriptionFilters": ["forwarder"],
            "logEvents": [
                {"id": log_event_id(now, number), "timestamp": now, "message": message}
                for number, message in enumerate(invocation.events)
            ],
        }
    )


def _rows(url: str, table: str, record: type[Record]) -> Iterator[Record]:
    """Read a table through the intake's control API, page by page."""
    after = 0
    while page := _page(url, table, after, record):
        yield from page
        after = page[-1].seq


def _page(url: str, table: str, after: int, record: type[Record]) -> list[Record]:
    with requests.Session() as session:
        session.trust_env = False  # a proxy has no business on loopback
        answer = session.get(f"{url}/_local/{table}", params={"after": after, "limit": PAGE}, timeout=30)
    answer.raise_for_status()
    return msgspec.json.decode(answer.content, type=list[record])  # type: ignore[valid-type]  # a type at run time
