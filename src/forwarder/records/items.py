"""The origin of lines, and the signals in them."""

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from msgspec import Struct

from forwarder.records.found import Line, Rejection
from forwarder.records.redacted import redacted_repr
from forwarder.records.tags import drop_unnamed, tag_value, without_overridden


class LineAttributes(NamedTuple):
    """What a line says about itself: tags (its own `ddtags`), and the host that it names. Nearly always nothing.

    `truncated` is set if only the beginning of the line is there. `extracted` is the JSON object of fields that
    CloudWatch Logs has extracted from it.
    """

    tags: str = ""
    host: str = ""
    truncated: bool = False
    extracted: str = ""

    def __repr__(self) -> str:
        return redacted_repr(self)


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Everything that is the same for all lines of a log stream or object, determined and serialised once.

    `source` is the natural source of the place, whatever `DD_SOURCE` says. `tags` become `ddtags`; `attributes` are the
    other common attributes of a log. `function` is the name of the Lambda function whose lines these are, if any. All
    strings except `source` are masked already.
    """

    source: str
    service: str
    tags: tuple[str, ...]
    attributes: dict[str, object]
    function: str = ""
    metric_tags: tuple[str, ...] = ()
    report_tags: tuple[str, ...] = ()
    pointer: str = ""

    def common(self, own: LineAttributes) -> bytes:
        """Return the common attributes as the JSON text that closes a log object: `,"ddsource":…}`.

        A line's own tags follow the others, their `service:` replaces the origin's, and their `env:` replaces
        `env:none`. Its host replaces the origin's.
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
        own = drop_unnamed(part.strip() for part in text.split(","))
        tags = tuple(dict.fromkeys((*without_overridden(own, self.tags), *own)))
        return tags, tag_value("service", own) or self.service


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
    """The signals in the lines of one group.

    `logs` are keyed by what they say about themselves. `with_metrics` holds the `id()` of each line that is a log and
    also yielded metrics; each of `families` is the logs that one line became.
    """

    logs: dict[LineAttributes, list[Line]] = field(default_factory=dict, repr=False)
    metrics: list[Metric] = field(default_factory=list)
    traces: list[Line] = field(default_factory=list, repr=False)
    with_metrics: set[int] = field(default_factory=set)
    families: list[list[Line]] = field(default_factory=list, repr=False)
    enhanced_metrics: int = 0


@dataclass(slots=True)
class Passed:
    """Logs and metrics that passed the rules, masked; the lines that were dropped; the items to reject."""

    logs: dict[LineAttributes, list[Line]] = field(default_factory=dict, repr=False)
    metrics: list[Metric] = field(default_factory=list)
    filtered: list[Line] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
