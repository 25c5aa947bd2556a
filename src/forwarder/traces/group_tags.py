"""What the group that a span was printed in says of it: tags, env and service."""

from collections.abc import Iterable

from forwarder.traces.spans import ITSELF, TAG_SOURCE, Rename, Span

LAMBDA = "aws.lambda"  # what the libraries call the span of an invocation, and a service that has no other name
# The intake is to take it for a Lambda function's, and to make the statistics that an agent would have made.
_OWN_TAGS = {"_dd.origin": "lambda", "_dd.compute_stats": "1"}
NO_ENV = "none"  # what a group or a batch without one is under
# A function has one service, or a few over its versions. What is beyond this is none, and is not to cost time.
_OLD_NAMES, _LENGTHS = 10_000, 16


class GroupTags:
    """The tags of one group, applied to its spans. `service` is the group's own, or empty.

    A span has one value for a name: the first of the group's tags wins, so that those of the user go before those that
    AWS keeps. A tag without a value becomes an empty one.
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
        """Add the group's tags to spans, settle their env, and leave word of how services are to be renamed."""
        for span in spans:
            if span.meta.get(TAG_SOURCE) != ITSELF:
                span.meta |= self._tags
            span.meta |= _OWN_TAGS
            span.env = self._env if self._env != NO_ENV else span.meta.get("env", "")
            span.rename = rename


class Services:
    """New names for services: that of the function's own spans, and those that begin with it (`orders-redis`).

    The function's own span is often the last that it prints, and in another group than the others: rename when all of
    an event are known.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._old: set[str] = set()
        self._lengths: list[int] = []

    def learn(self, spans: Iterable[Span]) -> None:
        """Take note of what the function calls itself."""
        if not self._name or len(self._old) > _OLD_NAMES:
            return
        new = {span.service for span in spans if LAMBDA in (span.name, span.service)} - self._old - {""}
        if new:
            self._old |= new
            self._lengths = sorted(sorted({len(service) for service in self._old})[:_LENGTHS], reverse=True)

    def renamed(self, service: str) -> str:
        """Return the new name of a service, or the one it has."""
        if service in self._old:
            return self._name
        for length in self._lengths:
            if not service[length : length + 1].isalnum() and service[:length] in self._old:
                return self._name + service[length:]
        return service


def name_services(spans: Iterable[Span]) -> None:
    """Name the services of spans as their groups do."""
    for span in spans:
        service = span.rename(span.service)
        if service != span.service:
            span.service = service
            if "service" in span.meta:
                span.meta["service"] = service
