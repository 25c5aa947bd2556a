"""The reports of the Lambda platform, text and JSON, and the enhanced metrics in them."""

import json
import time

import pytest

from forwarder.records import Line, LineAttributes
from forwarder.signals import sort
from forwarder.signals.platform import Reports
from tests.builders import lines
from tests.unit.platform_lines import (
    COST_OF_2_MS_AT_128_MB,
    ID,
    ORIGIN,
    REPORT,
    TAGS,
    counts,
    json_line,
    json_report,
    sorted_,
    values,
)


def test_a_report_from_before_1970_is_from_its_beginning() -> None:
    found = sort([Line(REPORT, "1", -5_000)], ORIGIN, Reports())
    assert {metric.second for metric in found.metrics} == {0}


# --- reports -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            REPORT + "\n",
            {
                "duration": 0.00176,
                "billed_duration": 0.002,
                "max_memory_used": 48,
                "estimated_cost": COST_OF_2_MS_AT_128_MB,
            },
        ),
        (
            REPORT + "Init Duration: 120.96 ms\t\n",
            {
                "duration": 0.00176,
                "billed_duration": 0.002,
                "init_duration": 0.12096,
                "max_memory_used": 48,
                "estimated_cost": COST_OF_2_MS_AT_128_MB,
            },
        ),
        (
            REPORT + "Restore Duration: 398.97 ms\tBilled Restore Duration: 182 ms\t\n",
            {
                "duration": 0.00176,
                "billed_duration": 0.002,
                "restore_duration": 0.39897,
                "max_memory_used": 48,
                "estimated_cost": COST_OF_2_MS_AT_128_MB,
            },
        ),
        (
            REPORT + "\nXRAY TraceId: 1-6ac7d556-0329\tSegmentId: 90cb\tSampled: true\t\n",
            {
                "duration": 0.00176,
                "billed_duration": 0.002,
                "max_memory_used": 48,
                "estimated_cost": COST_OF_2_MS_AT_128_MB,
            },
        ),
        (f"REPORT RequestId: {ID}\tDuration: 1.148 ms\n", {"duration": 0.001148}),
        (json_report(), {"duration": 0.011642}),
        (
            json_report(billedDurationMs=2, memorySizeMB=128, maxMemoryUsedMB=67, initDurationMs=174.055),
            {
                "duration": 0.011642,
                "billed_duration": 0.002,
                "init_duration": 0.174055,
                "max_memory_used": 67,
                "estimated_cost": COST_OF_2_MS_AT_128_MB,
            },
        ),
        (
            json_report(
                billedDurationMs=2,
                memorySizeMB=128,
                maxMemoryUsedMB=91,
                restoreDurationMs=500.795,
                billedRestoreDurationMs=53,
            ),
            {
                "duration": 0.011642,
                "billed_duration": 0.002,
                "restore_duration": 0.500795,
                "max_memory_used": 91,
                "estimated_cost": COST_OF_2_MS_AT_128_MB,
            },
        ),
    ],
)
def test_a_report_yields_durations_in_seconds_memory_in_mb_and_cost_in_usd(
    message: str, expected: dict[str, float]
) -> None:
    assert values(message) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("message", "tags"),
    [
        (REPORT, ("memorysize:128", "cold_start:false", *TAGS)),
        (REPORT + "Init Duration: 120.96 ms\t", ("memorysize:128", "cold_start:true", *TAGS)),
        (REPORT + "Restore Duration: 398.97 ms\t", ("memorysize:128", "cold_start:true", *TAGS)),
        (f"REPORT RequestId: {ID}\tDuration: 1.148 ms", ("cold_start:false", *TAGS)),
        (json_report(memorySizeMB=10240, initDurationMs=1), ("memorysize:10240", "cold_start:true", *TAGS)),
        (json_report(restoreDurationMs=1), ("cold_start:true", *TAGS)),
        (json_report(), ("cold_start:false", *TAGS)),
    ],
)
def test_the_metrics_of_a_report_say_how_big_and_how_cold(message: str, tags: tuple[str, ...]) -> None:
    assert {metric.tags for metric in sorted_(message).metrics} == {tags}


@pytest.mark.parametrize("message", [REPORT, json_report(), REPORT + "Status: timeout\n"])
def test_a_report_goes_out_as_a_log_as_well(message: str) -> None:
    found = sorted_(message)
    (line,) = found.logs[LineAttributes()]
    assert (line.message, found.with_metrics, found.enhanced_metrics) == (message, {id(line)}, len(found.metrics))


def test_timestamps_are_in_seconds() -> None:
    assert {metric.second for metric in sorted_(REPORT).metrics} == {1_795_343_071}


def test_a_line_without_a_time_has_the_current_time() -> None:
    before = int(time.time())
    found = sort([Line(REPORT)], ORIGIN, Reports())
    assert all(before <= metric.second <= before + 10 for metric in found.metrics)


def test_without_reports_to_read_no_line_yields_metrics() -> None:
    found = sort(lines(REPORT, json_report("timeout")), ORIGIN, None)
    assert (found.metrics, len(found.logs[LineAttributes()])) == ([], 2)


@pytest.mark.parametrize(
    "message",
    [
        f"START RequestId: {ID} Version: $LATEST\n",
        f"END RequestId: {ID}\n",
        "INIT_START Runtime Version: python:3.12.mainlinev2.v27\tRuntime Version ARN: arn:aws:lambda:r::runtime:f",
        "INIT_REPORT Init Duration: 137.69 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError\n",
        "RESTORE_START Runtime Version: java:11.v20\tRuntime Version ARN: arn\n",
        "RESTORE_REPORT Restore Duration: 398.97 ms\n",
        "EXTENSION\tName: x\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n",
        "TELEMETRY\tName: x\tState: Subscribed\tTypes: [Platform]\n",
        f"RequestId: {ID} Process exited before completing request\n",
        f"RequestId: {ID} Error: Runtime exited without providing a reason\n",
        *(
            json_line(kind, {"requestId": ID, "status": "success", "metrics": {"durationMs": 1.0}})
            for kind in (
                "initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "restoreStart",
                "restoreRuntimeDone", "restoreReport", "extension", "telemetrySubscription", "logsDropped", "end",
            )
        ),
        json_line("fault", f"RequestId: {ID} Process exited before completing request"),
    ],
)  # fmt: skip
def test_other_lines_of_the_platform_are_only_logs(message: str) -> None:
    found = sorted_(message)
    assert (found.metrics, len(found.logs[LineAttributes()])) == ([], 1)


@pytest.mark.parametrize(
    "message",
    [
        f"the platform said: {REPORT}",
        f" {REPORT}",
        f"2024 INFO\n{REPORT}",
        "REPORT of the day\tDuration: 1 ms",
        "REPORT RequestId: x",
        f"REPORT RequestId: {ID}\tDuration: long\t",
        json.dumps({"message": REPORT}),
        json.dumps({"message": json_report("timeout")}),
        json.dumps({"event": json.loads(json_report("timeout"))}),
        json.dumps({"type": "report", "record": {"metrics": {"durationMs": 1}}, "x": '"platform.report"'}),
        json_line("report", {"requestId": ID, "metrics": {"durationMs": "1"}}),
        json_line("report", {"requestId": ID, "metrics": {"durationMs": -1, "billedDurationMs": True}}),
        json_line("report", {"requestId": ID, "metrics": None}),
        json_line("report", {"requestId": ID}),
        json_line("report", []),
        json_line("report", None),
        json_report()[:-1],
        "MemoryError",
        "caught a MemoryError, going on",
        "[ERROR] MemoryError was expected here",
        "2024 INFO java.lang.OutOfMemoryError was caught",
        "Retry failed: java.lang.OutOfMemoryError in upstream service",
        "Known issue: java.lang.OutOfMemoryError was fixed",
        "Known issue: java.lang.OutOfMemoryError: see the notes",
        "java.lang.OutOfMemoryError was fixed",
        "java.lang.OutOfMemoryErrors are rare",
        "log: Runtime exited with error: signal: killed",
        "Runtime exited with error: signal: killed yesterday",
        f"RequestId: {ID} Error: Runtime exited with error: signal: killed by whom",
        "see: JavaScript heap out of memory",
        "JavaScript heap out of memory is what it said",
        "failed to allocate memory (NoMemoryError), they say",
        "OutOfMemoryExceptions are rare",
        "OutOfMemoryException was caught",
        "fatal error: runtime: out of memoryless",
        "fatal error: runtime: out of memory is what Go says",
        "the docs say 'Task timed out after 3.00 seconds'",
        f"a note: 2020-06-09T15:02:26.150Z {ID} Task timed out after 3.00 seconds",
        f"2020-06-09T15:02:26.150Z {ID} Task timed out after 3.00 seconds, they say",
        '{"errorMessage":"Task timed out after 3.00 seconds"}',
    ],
)
def test_a_line_that_only_quotes_the_platform_or_is_broken_makes_no_metric(message: str) -> None:
    found = sorted_(message)
    assert (found.metrics, len(found.logs[LineAttributes()])) == ([], 1)


ALL = {
    "duration": 0.0116,
    "billed_duration": 0.012,
    "max_memory_used": 67,
    "estimated_cost": 0.0000002 + 0.012 * 0.125 * 0.0000166667,
}
NEEDED_FOR_COST = {"billed_duration", "memory_size"}
ODD: list[object] = [None, "12", "", True, -1, -0.5, [], {}, [12], 10**400]
MEMBERS = {
    "duration": ("durationMs", 11.6),
    "billed_duration": ("billedDurationMs", 12),
    "memory_size": ("memorySizeMB", 128),
    "max_memory_used": ("maxMemoryUsedMB", 67),
}
FIELDS = {
    "duration": ("Duration", "11.6 ms"),
    "billed_duration": ("Billed Duration", "12 ms"),
    "memory_size": ("Memory Size", "128 MB"),
    "max_memory_used": ("Max Memory Used", "67 MB"),
}


def without(measure: str) -> dict[str, float]:
    """Return the metrics that are left of a report that lacks a measure."""
    lost = {measure, "estimated_cost"} if measure in NEEDED_FOR_COST else {measure}
    return {name: value for name, value in ALL.items() if name not in lost}


def with_text(measure: str, value: str | None) -> str:
    """Return a report in which the measure has another value, or none."""
    printed = {name: (value if key == measure else usual) for key, (name, usual) in FIELDS.items()}
    fields = [f"{name}: {value}" for name, value in printed.items() if value is not None]
    return "\t".join([f"REPORT RequestId: {ID}", *fields, "\n"])


@pytest.mark.parametrize("value", [*ODD, float("inf")], ids=lambda value: repr(value)[:8])
@pytest.mark.parametrize("measure", MEMBERS)
def test_an_invalid_value_costs_only_what_needs_it(measure: str, value: object) -> None:
    name, _ = MEMBERS[measure]
    record = {"requestId": ID, "metrics": dict(MEMBERS.values()) | {name: value}}
    assert values(json_line("report", record).replace("Infinity", "1e999")) == pytest.approx(without(measure))


@pytest.mark.parametrize("value", [None, "n/a", "", "-1 ms", "1.2.3 ms", ". ms", "nan ms", "inf ms", "1e999 ms", "12"])
@pytest.mark.parametrize("measure", FIELDS)
def test_an_invalid_field_costs_only_what_needs_it(measure: str, value: str | None) -> None:
    assert values(with_text(measure, value)) == pytest.approx(without(measure))


@pytest.mark.parametrize("name", ["requestId", "status", "errorType"])
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:8])
def test_what_is_irregular_in_a_report_costs_none_of_its_metrics(name: str, value: object) -> None:
    usual = {"requestId": ID, "status": "success", "errorType": "x"}
    assert values(json_line("report", usual | {name: value, "metrics": dict(MEMBERS.values())})) == pytest.approx(ALL)


@pytest.mark.parametrize("odd", [{"errorType": None}, {"requestId": None}, {"requestId": 7}, {"metrics": None}])
def test_a_timeout_in_an_irregular_report_counts(odd: dict[str, object]) -> None:
    usual = {"requestId": ID, "status": "timeout", "metrics": {"durationMs": 11.6}}
    assert counts(json_line("report", usual | odd)) == ["timeouts"]


def test_a_memory_failure_in_an_irregular_report_counts() -> None:
    record = {"requestId": ID, "status": None, "errorType": "Runtime.OutOfMemory", "metrics": {"durationMs": "x"}}
    assert counts(json_line("report", record)) == ["out_of_memory"]


def test_a_cost_beyond_all_numbers_makes_no_metric() -> None:
    assert "estimated_cost" not in values(json_report(billedDurationMs=1e308, memorySizeMB=1e308))


def test_a_report_without_metrics_is_not_among_the_lines_with_metrics() -> None:
    assert sorted_(f"REPORT RequestId: {ID}\tDuration: long\t").with_metrics == set()
