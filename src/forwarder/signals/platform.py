"""The Lambda platform's own lines, and the enhanced metrics in them.

Formats: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html (text) and
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html (JSON).
"""

import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite
from typing import Annotated, Generic, TypeVar

import msgspec
import regex
from msgspec import Meta, Raw, Struct

from forwarder.errors import UNREADABLE_JSON
from forwarder.records import Line, Metric, Origin

PREFIX = "aws.lambda.enhanced."

# USD, https://aws.amazon.com/lambda/pricing/ for x86_64: the lines do not name the architecture.
PRICE_PER_REQUEST = 0.0000002
PRICE_PER_GB_SECOND = 0.0000166667

# A text line is a candidate if it starts with one of the first, or contains one of the second.
REPORTS = ("REPORT RequestId: ", "INIT_REPORT ", "RESTORE_REPORT ")
MARKS = ("Task timed out after ", "emory", "signal: killed")
_TIMED_OUT = regex.compile(r"\S{10,40} (?P<request>\S{1,64}) Task timed out after [\d.]{1,12} seconds\s*")

# The shape of nearly all reports, values in the order of `_ReportMetrics`: a third of the cost of reading fields.
_USUAL_REPORT = re.compile(
    r"REPORT RequestId: ([0-9a-f-]{36})\tDuration: (\d{1,9}\.\d{1,6}) ms\tBilled Duration: (\d{1,15}) ms\t"
    r"Memory Size: (\d{1,9}) MB\tMax Memory Used: (\d{1,9}) MB\t(?:Init Duration: (\d{1,9}\.\d{1,6}) ms\t)?\s*"
)

# The fields of other reports, in the same order.
_FIELDS = ("Duration", "Billed Duration", "Memory Size", "Max Memory Used", "Init Duration", "Restore Duration")
_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) (?:ms|MB)\s*")

# How runtimes say that memory ran out. Anchored at both ends, if only by a colon, so that a line that merely mentions
# it does not count. Lambda breaks some lines with carriage returns.
_OUT_OF_MEMORY = regex.compile(
    r"""
    (?: fatal\ error:\ runtime:\ out\ of\ memory                                        # Go
      | (?:Exception\ in\ thread\ "[^"\n]{0,200}"\ )?java\.lang\.OutOfMemoryError
      | \[ERROR\]\s+MemoryError                                                         # Python
      | (?:Unhandled\ exception\.\ )?(?:System\.)?OutOfMemoryException                   # .NET
      ) (?: : | [\t\ ]*(?:\r|$))
    | (?: [A-Z][\w\ ]{0,60}:\ java\.lang\.OutOfMemoryError                              # after its message
      | (?:\[\d+:0x[0-9a-f]+\]\ .{0,200})?(?:FATAL\ ERROR:\ .{0,200}\ -\ )?
        JavaScript\ heap\ out\ of\ memory
      | (?:\S{1,300}:\d+:in\ .{0,200}:\ |\[FATAL\]\ )?
        failed\ to\ allocate\ memory\ \(NoMemoryError\)                                # Ruby
      | (?:RequestId:\ (?P<request>\S{1,64})\ Error:\ )?
        Runtime\ exited\ with\ error:\ signal:\ killed(?:\ Runtime\.ExitError)?
      ) [\t\ ]*(?:\r|$)
    """,
    regex.VERBOSE | regex.MULTILINE,
)
_MEMORY_ERRORS = frozenset({"Runtime.OutOfMemory"})


_T = TypeVar("_T")
_NonNegative = Annotated[float, Meta(ge=0)]


class _ReportMetrics(Struct, rename="camel"):
    """Of `platform.report`; Lambda Managed Instances give only the duration."""

    duration_ms: _NonNegative | None = None
    billed_duration_ms: _NonNegative | None = None
    memory_size_mb: _NonNegative | None = msgspec.field(default=None, name="memorySizeMB")
    max_memory_used_mb: _NonNegative | None = msgspec.field(default=None, name="maxMemoryUsedMB")
    init_duration_ms: _NonNegative | None = None
    restore_duration_ms: _NonNegative | None = None

    @property
    def cold(self) -> bool:
        """Whether a new sandbox was started for the invocation."""
        return self.init_duration_ms is not None or self.restore_duration_ms is not None


_EMPTY_STRING = Raw(b'""')


class _Record(Struct, rename="camel"):
    """The outcome of a phase, in a report."""

    request_id: Raw = _EMPTY_STRING
    status: Raw = _EMPTY_STRING
    error_type: Raw = _EMPTY_STRING


class _Report(Struct):
    type: str
    record: _Record | str  # a string for a fault


class _WithMetrics(Struct, Generic[_T]):
    metrics: _T


class _WithRecord(Struct, Generic[_T]):
    record: _WithMetrics[_T]


_decode_report = msgspec.json.Decoder(_Report).decode
_decode_metrics = msgspec.json.Decoder(_WithRecord[_ReportMetrics]).decode
_decode_raw_metrics = msgspec.json.Decoder(_WithRecord[dict[str, Raw]]).decode
_decode_value = msgspec.json.Decoder(_NonNegative).decode
_decode_text = msgspec.json.Decoder(str).decode


@dataclass(slots=True)
class _Failures:
    """Failures of one kind, some of which name their request, in the current stream and earlier ones."""

    name: str
    _by_request: dict[str, Line] = field(default_factory=dict)  # the first line
    _unnamed: Line | None = None
    _counted: set[str] = field(default_factory=set)  # requests
    _streams: dict[str, bool] = field(default_factory=dict)  # → whether the counted failure has no request yet

    def add(self, line: Line, request: str | None) -> None:
        if request:
            self._by_request.setdefault(request, line)
        elif self._unnamed is None:
            self._unnamed = line

    def close(self, stream: str) -> list[tuple[str, Line]]:
        """End a stream, or a part of it; return the request, if known, and the line of each failure not counted yet.

        A failure without a request may be the same as one with a request, so only one of the two counts, the first.
        """
        new = [(request, line) for request, line in self._by_request.items() if request not in self._counted]
        if self._by_request:
            if self._streams.get(stream):
                new = new[1:]
            self._streams[stream] = False
        elif self._unnamed and stream not in self._streams:
            new = [("", self._unnamed)]
            self._streams[stream] = True
        self._counted.update(self._by_request)
        self._by_request, self._unnamed = {}, None
        return new


class Reports:
    """Reads the platform's lines of one event, stream by stream; `close` ends a stream, or a part of it.

    Timeouts and memory failures count once per request if a line names one, else once per stream, however many lines
    of the event report them.
    """

    def __init__(self) -> None:
        self._reports: list[tuple[Line, str, _ReportMetrics]] = []  # with the request
        self._timeouts = _Failures(PREFIX + "timeouts")
        self._memory = _Failures(PREFIX + "out_of_memory")

    def read_text(self, line: Line) -> None:
        """Read a line of the text log format that passed the cheap tests."""
        message = line.message
        if not message.startswith(REPORTS):
            if timed_out := _TIMED_OUT.fullmatch(message):
                self._timeouts.add(line, timed_out["request"])
            self._out_of_memory(line, message)
            return
        if usual := _USUAL_REPORT.fullmatch(message):
            request, duration, billed, size, used, init = usual.groups()
            values = _ReportMetrics(float(duration), float(billed), float(size), float(used), _float(init))
            self._reports.append((line, request, values))
            return
        fields = _fields(message)
        request = fields.get("REPORT RequestId", "").strip()
        if "REPORT RequestId" in fields:
            self._reports.append((line, request, _ReportMetrics(*(_number(fields.get(name, "")) for name in _FIELDS))))
        self._note_outcome(line, request, fields.get("Status", ""), fields.get("Error Type", ""))

    def read_json(self, line: Line) -> None:
        """Read a line of the JSON log format that mentions the platform."""
        try:
            report = _decode_report(line.message)
            if not report.type.startswith("platform."):
                return
            if isinstance(report.record, str):
                self._out_of_memory(line, report.record)
                return
            request = _text(report.record.request_id)
            self._note_outcome(line, request, _text(report.record.status), _text(report.record.error_type))
            if report.type == "platform.report":
                self._reports.append((line, request, _report_metrics(line.message)))
        except UNREADABLE_JSON:
            return

    def _note_outcome(self, line: Line, request: str, status: str, error: str) -> None:
        if status.strip() == "timeout":
            self._timeouts.add(line, request)
        if error.strip() in _MEMORY_ERRORS:
            self._memory.add(line, request)

    def _out_of_memory(self, line: Line, text: str) -> None:
        if failed := _OUT_OF_MEMORY.match(text):
            self._memory.add(line, failed["request"])

    def close(self, origin: Origin) -> tuple[list[Metric], set[int]]:
        """End a stream: return the metrics of its lines, and the `id()`s of the lines that yielded any."""
        made: list[Metric] = []
        lines: set[int] = set()
        tags_of: dict[tuple[float | None, bool], tuple[str, ...]] = {}
        by_request = {"": origin.report_tags}  # for an unknown request
        for line, request, values in self._reports:
            if (kind := (values.memory_size_mb, values.cold)) not in tags_of:
                tags_of[kind] = (*_tags_of(*kind), *origin.report_tags)
            by_request.setdefault(request, tags_of[kind])
            if metrics := _metrics_of(line, values, tags_of[kind]):
                made += metrics
                lines.add(id(line))
        for failures in (self._timeouts, self._memory):
            for request, line in failures.close(origin.pointer):
                made.append(Metric(failures.name, 1, _second(line), by_request.get(request, origin.report_tags)))
                lines.add(id(line))
        self._reports = []
        return made, lines


def _fields(message: str) -> dict[str, str]:
    """Read `REPORT RequestId: …<tab>Duration: 1.76 ms<tab>…`; the next line, if any, is about X-Ray."""
    return dict(part.partition(": ")[::2] for part in message.partition("\n")[0].split("\t") if part)


def _number(value: str) -> float | None:
    """Read a number followed by its unit, or return None."""
    return float(number[1]) if (number := _NUMBER.fullmatch(value)) else None


def _report_metrics(message: str) -> _ReportMetrics:
    """Read the metrics of a `platform.report`; if some values are invalid, the others.

    Raises:
        MsgspecError: there are none.

    """
    try:
        return _decode_metrics(message).record.metrics
    except UNREADABLE_JSON:
        found = {}
        for name, value in _decode_raw_metrics(message).record.metrics.items():
            with suppress(*UNREADABLE_JSON):
                found[name] = _decode_value(value)
        return msgspec.convert(found, _ReportMetrics)


def _text(value: Raw) -> str:
    try:
        return _decode_text(value)
    except UNREADABLE_JSON:
        return ""


def _float(text: str | None) -> float | None:
    return None if text is None else float(text)


def _tags_of(memory_mb: float | None, cold: bool) -> tuple[str, ...]:
    memory = () if memory_mb is None else (f"memorysize:{memory_mb:g}",)
    return (*memory, "cold_start:true" if cold else "cold_start:false")


def _metrics_of(line: Line, of: _ReportMetrics, tags: tuple[str, ...]) -> list[Metric]:
    """Make the metrics of one report. Durations in seconds, memory in MB, cost in USD."""
    second = _second(line)
    values = (
        of.duration_ms,
        of.billed_duration_ms,
        of.init_duration_ms,
        of.restore_duration_ms,
        of.max_memory_used_mb,
        _cost(of.billed_duration_ms, of.memory_size_mb),
    )
    return [
        # Rounding removes the noise of the division in the last digits.
        Metric(name, round(value / unit, 9) if unit > 1 else value, second, tags)
        for (name, unit), value in zip(_METRIC_UNITS, values, strict=True)
        if value is not None and isfinite(value)
    ]


# The metrics of a report in the order of their values, and the divisor of each.
_METRIC_UNITS = (
    (PREFIX + "duration", 1000),
    (PREFIX + "billed_duration", 1000),
    (PREFIX + "init_duration", 1000),
    (PREFIX + "restore_duration", 1000),
    (PREFIX + "max_memory_used", 1),
    (PREFIX + "estimated_cost", 1),
)


def _cost(billed_ms: float | None, memory_mb: float | None) -> float | None:
    if billed_ms is None or memory_mb is None:
        return None
    return PRICE_PER_REQUEST + billed_ms / 1000 * (memory_mb / 1024) * PRICE_PER_GB_SECOND


def _second(line: Line) -> int:
    return int(time.time()) if line.timestamp is None else max(0, line.timestamp // 1000)
