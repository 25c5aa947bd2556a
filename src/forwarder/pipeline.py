"""The pipeline: an event goes in at the top, and every line in it is accounted for at the bottom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from forwarder import origin as origins
from forwarder import signals, sources
from forwarder.batches import LogBatches, MetricBatches
from forwarder.deadline import OUT_OF_TIME, Deadlines
from forwarder.errors import ForwarderError, MaskingError, OutOfTimeError
from forwarder.failed_events import Keeper
from forwarder.intake import Delivery
from forwarder.origin import Identity
from forwarder.records import (
    Batch,
    Group,
    Origin,
    Passed,
    Place,
    Rejection,
    Signal,
    Signals,
    Unread,
)
from forwarder.rules import Rules
from forwarder.settings import Settings
from forwarder.settle import Summary, conclude, settle
from forwarder.signals.platform import Reports
from forwarder.sources import Reading
from forwarder.telemetry import Telemetry
from forwarder.traces import SpanGroup, TraceBatches, TraceReader

LINES_AT_ONCE = 10_000  # that go from stage to stage together: they take some tenths of a second


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the stages need to know of one invocation."""

    settings: Settings
    identity: Identity
    deadlines: Deadlines
    telemetry: Telemetry
    objects: sources.Objects
    tags: origins.Tags


def run(event: Mapping[str, object], invocation: Invocation, delivery: Delivery, keeper: Keeper) -> Summary:
    """Process an event, and return what became of its lines.

    Raises:
        UnsupportedEventError: there is no source for such an event.

    """
    summary = Summary(sources.event_type(event))
    shipment = delivery.ship(invocation.deadlines.sending)
    report = invocation.telemetry.failed
    reading = Reading(
        invocation.objects,
        invocation.deadlines.reading,
        invocation.settings.multiline,
        gave_up=lambda: shipment.gave_up(Signal.LOGS),
        warn=invocation.telemetry.warn,
        processor_share=invocation.settings.function.processor_share,
    )
    for batch in _batches(event, reading, invocation, summary, keeper):
        settle(shipment.submit(batch), summary, report, keeper)
    settle(shipment.finish(), summary, report, keeper)
    conclude(keeper, summary, invocation.deadlines.storing)
    return summary


def _batches(
    event: Mapping[str, object], reading: Reading, invocation: Invocation, summary: Summary, keeper: Keeper
) -> Iterator[Batch]:
    """Yield batches as they fill up, and those that are not full at the end or when the time is up."""
    packing = _Packing(invocation, summary, keeper)
    for found in sources.read(event, reading):
        match found:
            case Group():
                yield from packing.add(found)
            case Rejection():
                packing.reject(found)
            case Unread():
                packing.leave(found)
    yield from packing.rest()


def _parts(group: Group, size: int) -> Iterator[Group]:
    """Divide a group that has more lines than `size`; only the first part has the other counts."""
    yield replace(group, lines=group.lines[:size]) if len(group.lines) > size else group
    for start in range(size, len(group.lines), size):
        yield replace(group, lines=group.lines[start : start + size], rejected=(), filtered=0)


def _without_line(group: Group, error: Exception) -> Group:
    """Reject the only line of a group. An exception's message may quote the line: only its class is named."""
    (line,) = group.lines
    rejection = Rejection(f"unexpected {type(error).__name__}", line.pointer, raw=line.message)
    return replace(group, lines=[], rejected=(*group.rejected, rejection))


class _Packing:
    """The stages between sources and intake, for one event: origin, signals, filters, masks, counts, batches."""

    def __init__(self, invocation: Invocation, summary: Summary, keeper: Keeper) -> None:
        self._invocation = invocation
        self._summary = summary
        self._keeper = keeper
        self._rules = Rules(invocation.settings, invocation.deadlines.sending, invocation.telemetry.warn)
        self._reports = Reports()
        self._logs = LogBatches()
        self._metrics = MetricBatches()
        self._reader = TraceReader(
            credit_cards=invocation.settings.obfuscate_credit_cards,
            mask=self._rules.mask if invocation.settings.masks else None,
            deadline=invocation.deadlines.sending,
        )
        self._traces = TraceBatches()
        self._origins: dict[Place, Origin] = {}
        self._left: set[tuple[int, str]] = set()

    def add(self, group: Group) -> Iterator[Batch]:
        """Process a group of lines, unless the time is up; yield the batches that fill up."""
        invocation = self._invocation
        if origins.is_own(group.place, invocation.settings.function, invocation.identity.account):
            invocation.telemetry.warn("Lines of the forwarder's own log group are not forwarded: unsubscribe it.")
            self._summary.filter_lines(len(group.lines) + len(group.rejected) + group.filtered)
            return
        for part in _parts(group, LINES_AT_ONCE):  # the deadline is checked in between
            try:
                if invocation.deadlines.sending.expired:
                    raise OutOfTimeError  # noqa: TRY301 - handled as if raised by a stage
                yield from self._processed(part, self._origin(part.place))
            except OutOfTimeError:  # nothing of this part is counted
                self.leave(group.as_unread(OUT_OF_TIME))
                return
            except MaskingError as error:
                self._summary.filter_lines(part.filtered)
                count = len(part.lines) + len(part.rejected)
                self.reject(Rejection(str(error), f"trigger record {part.record}", count))

    def _origin(self, place: Place) -> Origin:
        """Determine the origin of a place's lines, once: the chunks of an object share it."""
        if (origin := self._origins.get(place)) is None:
            invocation = self._invocation
            identity, settings, tags = invocation.identity, invocation.settings, invocation.tags
            origin = origins.settle(place, identity, settings, self._rules.mask, tags)
            self._origins[place] = origin
        return origin

    def _processed(self, group: Group, origin: Origin) -> Iterator[Batch]:
        """Take a group from stage to stage. An unexpected error costs only the line that causes it."""
        try:
            found, passed, read = self._classified(group, origin)
        except (ForwarderError, MemoryError):
            raise
        except Exception as error:
            if not group.lines:
                raise
            self._reports = Reports()  # the old one has counted what will be counted again
            alone = _without_line(group, error) if len(group.lines) == 1 else group
            for part in _parts(alone, 1):
                yield from self._processed(part, origin)
            return
        self._summary.count(group, found, passed, read)
        for rejection in (*group.rejected, *passed.rejected, *read.rejected):
            self._report(rejection, origin.pointer)
        for own, lines in passed.logs.items():
            yield from self._logs.add(lines, origin, own, group.record)
        yield from self._metrics.add(passed.metrics, group.record)
        yield from self._traces.add(read)

    def _classified(self, group: Group, origin: Origin) -> tuple[Signals, Passed, SpanGroup]:
        """Return what the lines of a group are, and what of that may be sent."""
        reports = self._reports if origin.function and self._invocation.settings.enhanced_metrics else None
        found = signals.sort(group.lines, origin, reports, group.cut, group.extracted)
        passed = self._rules.apply(found)
        return found, passed, self._reader.read(found.traces, origin, group.record)

    def rest(self) -> Iterator[Batch]:
        """Yield what has been processed and is not in a batch yet."""
        self._summary.logs_truncated += self._logs.truncated
        yield from self._logs.rest()
        yield from self._metrics.rest()
        yield from self._traces.rest()

    def leave(self, unread: Unread) -> None:
        """Note what was not read, from the first position that was left: later ones are included in it."""
        if (place := (unread.record, unread.pointer)) not in self._left:
            self._left.add(place)
            self._keeper.leave(unread, sources.continuation_event(unread.rest) if unread.rest else None)

    def reject(self, rejection: Rejection) -> None:
        """Count lines that cannot be read, and report where they are."""
        self._summary.reject_lines(rejection)
        self._report(rejection)

    def _report(self, rejection: Rejection, stream: str = "") -> None:
        where = ", ".join(filter(None, (stream, self._masked(rejection.pointer))))
        self._invocation.telemetry.rejected(rejection, where)
        self._keeper.note(rejection, where)

    def _masked(self, pointer: str) -> str:
        """Mask the pointer to a record: the key of an object may contain sensitive text."""
        try:
            return self._rules.mask(pointer)
        except (MaskingError, OutOfTimeError):
            return "what cannot be named, since a rule could not be applied to its name"
