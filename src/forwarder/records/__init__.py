"""Every type that crosses a boundary between two stages, module by module in the order of the pipeline."""

from forwarder.records.batch import Batch, Body, History, weight
from forwarder.records.found import (
    MAX_LINE_BYTES,
    MAX_NAME_CHARACTERS,
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
from forwarder.records.items import LineAttributes, Metric, Origin, Passed, Signals
from forwarder.records.outcomes import Backlog, Delivered, Failed, Fate, Outcome, StoreResult, StoreSummary
from forwarder.records.signal import Signal

__all__ = [
    "MAX_LINE_BYTES",
    "MAX_NAME_CHARACTERS",
    "Backlog",
    "Batch",
    "Body",
    "Continuation",
    "Delivered",
    "Failed",
    "Fate",
    "Found",
    "Group",
    "History",
    "Line",
    "LineAttributes",
    "LogStream",
    "Metric",
    "Origin",
    "Outcome",
    "Passed",
    "Place",
    "Rejection",
    "S3Object",
    "Sender",
    "Signal",
    "Signals",
    "StoreResult",
    "StoreSummary",
    "Unread",
    "is_cloudtrail_file",
    "weight",
]
