"""What contains users' text does not show it when it is printed, as tracebacks of some tools do."""

import pytest

from forwarder.failed_events import Contents
from forwarder.records import Line, LineAttributes, Metric
from forwarder.signals import libraries
from forwarder.sources import kinesis, sns, sqs
from forwarder.traces import decoding
from forwarder.traces.spans import Span, SpanEvent, SpanLink

SECRET = "sesame"
TAGS = {SECRET: SECRET}
THINGS = [
    Line(SECRET),
    Metric("a", 1, 1, (SECRET,)),
    LineAttributes(SECRET, SECRET),
    Span(1, 2, meta=TAGS),
    SpanEvent(1, SECRET, {SECRET: [SECRET]}),
    SpanLink(1, 0, 2, TAGS, SECRET),
    decoding._TraceLine([[decoding._Printed("1", "2", SECRET, SECRET, SECRET, 1, "0", meta=TAGS)]]),
    libraries._MetricLine(SECRET, 1, 1, [SECRET]),
    libraries._Wrapped(SECRET),
    kinesis._Record(kinesis._Data(SECRET)),
    sns._Record(sns._Notification(SECRET)),
    sqs._Record(SECRET, attributes=TAGS),
    Contents(SECRET.encode(), {}),
]


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: type(thing).__name__)
def test_a_repr_shows_no_text_of_a_user(thing: object) -> None:
    assert SECRET not in repr(thing)
