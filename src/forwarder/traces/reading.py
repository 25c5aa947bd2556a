"""From the lines of a group to its spans, with nothing in them that must not leave."""

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
class Read:
    """The spans of a group, those that can never be delivered, and how many characters both were printed in."""

    spans: list[Span] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    size: int = 0

    @property
    def count(self) -> int:
        """How many spans there are to deliver: placeholders will not be sent."""
        return sum(not span.is_placeholder for span in self.spans)


class TraceReader:
    """Reads lines of traces for one invocation, of which it remembers what functions call themselves.

    `mask` is applied to every text of a span that is not the forwarder's own; `None` if nothing is to be masked.
    """

    def __init__(self, *, credit_cards: bool, mask: Mask | None, deadline: Deadline) -> None:
        self._credit_cards = credit_cards
        self._deadline = deadline
        self._literals = Literals(credit_cards=credit_cards, look=self._look_at_the_clock)
        self._masks = Masks(mask, self._look_at_the_clock) if mask else None
        self._services: dict[tuple[str, str], Services] = {}

    def read(self, lines: list[Line], origin: Origin, record: int) -> Read:
        """Read the spans that one group of lines holds, which came in one trigger record.

        Raises:
            OutOfTimeError: the deadline has come.

        """
        found = Read(size=sum(len(line.message) for line in lines))
        for span in self._decoded(lines, found):
            self._look_at_the_clock()  # before each: one may hold more text than many others
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
    def _decoded(lines: list[Line], found: Read) -> Iterator[Span]:
        for line in lines:
            spans, broken = spans_of(line.message, (line.timestamp or 0) * _NANOSECONDS)
            if broken:
                pointer = f"event {line.id or 'without id'} at {line.timestamp}"
                found.rejected.append(Rejection(BROKEN, pointer, broken, Signal.TRACES))
            yield from spans

    def _clean(self, span: Span) -> None:
        obfuscation.obfuscate(span, credit_cards=self._credit_cards, look=self._look_at_the_clock)
        self._literals.obfuscate(span)
        if self._masks:
            self._masks.apply(span)

    def _look_at_the_clock(self) -> None:
        if self._deadline.expired:
            raise OutOfTimeError("the clock ran out while spans were being obfuscated and masked")
