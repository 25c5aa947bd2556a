"""Every type that crosses a boundary between two stages, module by module in the order of the line."""

from forwarder.records.batch import Batch, Body, History, weight
from forwarder.records.found import (
    LONGEST_LINE,
    LONGEST_NAME,
    Continuation,
    Found,
    Group,
    Line,
    LogStream,
    Place,
    Rejection,
    S3Object,
    Sender,
    Unread,
    is_cloudtrail_file,
)
from forwarder.records.items import Metric, Origin, Own, Passed, Signals
from forwarder.records.outcomes import Backlog, Delivered, Ending, Failed, Fate, Kept, Outcome
from forwarder.records.signal import Signal

__all__ = [
    "LONGEST_LINE",
    "LONGEST_NAME",
    "Backlog",
    "Batch",
    "Body",
    "Continuation",
    "Delivered",
    "Ending",
    "Failed",
    "Fate",
    "Found",
    "Group",
    "History",
    "Kept",
    "Line",
    "LogStream",
    "Metric",
    "Origin",
    "Outcome",
    "Own",
    "Passed",
    "Place",
    "Rejection",
    "S3Object",
    "Sender",
    "Signal",
    "Signals",
    "Unread",
    "is_cloudtrail_file",
    "weight",
]
