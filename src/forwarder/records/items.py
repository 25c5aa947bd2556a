"""Whose the lines are, and what each of them is."""

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from msgspec import Struct

from forwarder.records.found import Line, Rejection
from forwarder.records.tags import beside, named, telling
from forwarder.records.unshown import name_only


class Own(NamedTuple):
    """What a line says of itself: tags (its own `ddtags`), and the host that it tells of. Nearly always nothing.

    `truncated` is to be said of a line of which only the beginning is there. `extracted` is the JSON object of fields
    that CloudWatch Logs has extracted from it.
    """

    tags: str = ""
    host: str = ""
    truncated: bool = False
    extracted: str = ""

    def __repr__(self) -> str:
        return name_only(self)


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Everything that is the same for all lines of a log stream or object, settled and serialised once.

    `source` is what the place is of by nature, whatever `DD_SOURCE` says. `tags` become `ddtags`; `attributes` are the
    other common attributes of a log. `function` is the name of the Lambda function whose lines these are, if any. All
    texts but `source` are masked already.
    """

    source: str
    service: str
    tags: tuple[str, ...]
    attributes: dict[str, object]
    function: str = ""
    metric_tags: tuple[str, ...] = ()
    report_tags: tuple[str, ...] = ()
    pointer: str = ""

    def common(self, own: Own) -> bytes:
        """Return the common attributes as the JSON text that closes a log object: `,"ddsource":…}`.

        A line's own tags follow the others, their `service:` takes the place of ours, and `env:none` gives way to their
        `env:`. Its host takes the place of ours.
        """
        tags, service = self._with_tags(own.tags) if own.tags else (self.tags, self.service)
        if own.truncated:
            tags = (*tags, "truncated:true")
        attributes = {"ddtags": ",".join(tags), "service": service, **self.attributes}
        if own.host:
            attributes["host"] = own.host
        if own.extracted:
            attributes["extractedFields"] = msgspec.Raw(own.extracted.encode())
        return b"," + msgspec.json.encode(attributes)[1:]

    def _with_tags(self, text: str) -> tuple[tuple[str, ...], str]:
        own = telling(part.strip() for part in text.split(","))
        return tuple(dict.fromkeys((*beside(own, self.tags), *own))), named("service", own) or self.service


class Metric(Struct, gc=False):
    """One point of a distribution. `second` is Unix time; `value` is finite."""

    name: str
    value: int | float
    second: int
    tags: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Metric({self.name!r}, {self.value}, {self.second}, {len(self.tags)} tags)"


@dataclass(slots=True)
class Signals:
    """What the lines of one group are.

    `logs` are keyed by what they say of themselves. `measured` holds the `id()` of each line that is a log and made
    metrics as well; `families` are the logs that were made from one line each.
    """

    logs: dict[Own, list[Line]] = field(default_factory=dict, repr=False)
    metrics: list[Metric] = field(default_factory=list)
    traces: list[Line] = field(default_factory=list, repr=False)
    measured: set[int] = field(default_factory=set)
    families: list[list[Line]] = field(default_factory=list, repr=False)
    enhanced_metrics: int = 0


@dataclass(slots=True)
class Passed:
    """Logs and metrics that the rules let pass, masked; the lines that they dropped; the items to reject."""

    logs: dict[Own, list[Line]] = field(default_factory=dict, repr=False)
    metrics: list[Metric] = field(default_factory=list)
    filtered: list[Line] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
