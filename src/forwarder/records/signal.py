"""The kinds of things that go out."""

from enum import StrEnum


class Signal(StrEnum):
    """The three kinds of things that an intake takes."""

    LOGS = "logs"
    METRICS = "metrics"
    TRACES = "traces"
