"""Reads the spans from the lines of a group, and obfuscates and masks them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from forwarder.deadline import Deadline
from forwarder.errors import MaskingError, OutOfTimeError
from forwarder.records import Line, Origin, Rejection, Signal
from forwarder.traces import obfuscation
from forwarder.traces.decoding import spans_of
from forwarder.traces.group_tags import GroupTags, Services
from forwarder.traces.literals import Literals
from forwarder.traces.masks import Mask, Masks
from forwarder.traces.spans import Span

BROKEN = "a span without a usable trace id or span id"
_NANOSECONDS = 1_000_000  # in a millisecond


@dataclass(slots=True)
class SpanGroup:
    """The spans of a log group, those that can never be delivered, and the number of characters of their lines."""

    spans: list[Span] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    size: int = 0

    @property
    def count(self) -> int:
        """The number of spans to deliver: placeholders will not be sent."""
        return sum(not span.is_placeholder for span in self.spans)


class TraceReader:
    """Reads lines of traces for one invocation, and remembers the functions' own service names.

    `mask` is applied to every string of a span except those that the forwarder adds; `None` if nothing is to be masked.
    """

    def __init__(self, *, credit_cards: bool, mask: Mask | None, deadline: Deadline) -> None:
        self._credit_cards = credit_cards
        self._deadline = deadline
        self._literals = Literals(credit_cards=credit_cards, check_deadline=self._check_deadline)
        self._masks = Masks(mask, self._check_deadline) if mask else None
        self._services: dict[tuple[str, str], Services] = {}

    def read(self, lines: list[Line], origin: Origin, record: int) -> SpanGroup:
        """Read the spans in one group of lines from one trigger record.

        Raises:
            OutOfTimeError: the deadline has passed.

        """
        found = SpanGroup(size=sum(len(line.message) for line in lines))
        for span in self._decoded(lines, found):
            self._check_deadline()  # before each: a single span may be very large
            span.record = record
            try:
                self._clean(span)
                found.spans.append(span)
            except MaskingError as error:
                found.rejected.append(Rejection(str(error), repr(span), 1, Signal.TRACES))
        tags = GroupTags(origin.tags)
        services = self._services_of(origin, tags.service)
        services.learn(found.spans)
        tags.apply(found.spans, services.renamed)
        return found

    def _services_of(self, origin: Origin, name: str) -> Services:
        return self._services.setdefault((origin.function or origin.pointer, name), Services(name))

    @staticmethod
    def _decoded(lines: list[Line], found: SpanGroup) -> Iterator[Span]:
        for line in lines:
            spans, broken = spans_of(line.message, (line.timestamp or 0) * _NANOSECONDS)
            if broken:
                found.rejected.append(Rejection(BROKEN, line.pointer, broken, Signal.TRACES))
            yield from spans

    def _clean(self, span: Span) -> None:
        obfuscation.obfuscate(span, credit_cards=self._credit_cards, check_deadline=self._check_deadline)
        self._literals.obfuscate(span)
        if self._masks:
            self._masks.apply(span)

    def _check_deadline(self) -> None:
        if self._deadline.expired:
            raise OutOfTimeError("the deadline passed while spans were being obfuscated and masked")
