"""Tags, env and service that a span gets from the log group in which it was printed."""

from collections.abc import Iterable

from forwarder.traces.spans import ITSELF, TAG_SOURCE, Rename, Span

LAMBDA = "aws.lambda"  # the libraries' name for the span of an invocation, and for a service without another name
# Makes the intake treat it as a Lambda function's, and compute the statistics that an agent would have computed.
_OWN_TAGS = {"_dd.origin": "lambda", "_dd.compute_stats": "1"}
NO_ENV = "none"  # the env of a group or batch that has none
# A function has one service, or a few over its versions. Limits the time spent on input with many more.
_MAX_OLD_NAMES, _MAX_LENGTHS = 10_000, 16


class GroupTags:
    """The tags of one group, applied to its spans. `service` is the group's own, or empty.

    A span has one value per tag name: the first of the group's tags wins, so that the user's tags take precedence over
    those from AWS. A tag without a value gets an empty one.
    """

    def __init__(self, tags: Iterable[str]) -> None:
        values: dict[str, str] = {}
        for tag in tags:
            name, _, value = tag.partition(":")
            values[name] = values.get(name) or value
        self.service = values.pop("service", "")
        self._env = values.pop("env", "") or NO_ENV
        self._tags = values

    def apply(self, spans: Iterable[Span], rename: Rename) -> None:
        """Add the group's tags to spans, set their env and how their services are to be renamed."""
        for span in spans:
            if span.meta.get(TAG_SOURCE) != ITSELF:
                span.meta |= self._tags
            span.meta |= _OWN_TAGS
            span.env = self._env if self._env != NO_ENV else span.meta.get("env", "")
            span.rename = rename


class Services:
    """New names for services: that of the function's own spans, and those that begin with its name (`orders-redis`).

    The function's own span is often the last that it prints, and in a different group than the others: rename once all
    spans of an event are known.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._old: set[str] = set()
        self._lengths: list[int] = []

    def learn(self, spans: Iterable[Span]) -> None:
        """Record the service names that the function uses for itself."""
        if not self._name or len(self._old) > _MAX_OLD_NAMES:
            return
        new = {span.service for span in spans if LAMBDA in (span.name, span.service)} - self._old - {""}
        if new:
            self._old |= new
            self._lengths = sorted(sorted({len(service) for service in self._old})[:_MAX_LENGTHS], reverse=True)

    def renamed(self, service: str) -> str:
        """Return the new name of a service, or its present name."""
        if service in self._old:
            return self._name
        for length in self._lengths:
            if not service[length : length + 1].isalnum() and service[:length] in self._old:
                return self._name + service[length:]
        return service


def name_services(spans: Iterable[Span]) -> None:
    """Rename the services of spans as their groups specify."""
    for span in spans:
        service = span.rename(span.service)
        if service != span.service:
            span.service = service
            if "service" in span.meta:
                span.meta["service"] = service
