"""The kinds of data that are sent."""

from enum import StrEnum


class Signal(StrEnum):
    """The three kinds of data that intakes accept."""

    LOGS = "logs"
    METRICS = "metrics"
    TRACES = "traces"
