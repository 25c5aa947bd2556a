"""How the Lambda platform and runtimes report timeouts and exhausted memory, each counted once."""

import pytest

from forwarder.records import Metric
from forwarder.signals import sort
from forwarder.signals.platform import PREFIX, Reports
from tests.builders import LOG_STREAM, lines, origin
from tests.clocks import processor_seconds
from tests.unit.platform_lines import ID, ORIGIN, OTHER_ID, REPORT, TAGS, counts, json_line, json_report, sorted_

# --- timeouts ------------------------------------------------------------------------------------

TIMED_OUT = f"2020-06-09T15:02:26.150Z {ID} Task timed out after 3.00 seconds\n\n"


@pytest.mark.parametrize(
    "message",
    [
        TIMED_OUT,
        REPORT + "Status: timeout\n",
        REPORT + "Init Duration: 476.75 ms\tStatus: timeout\t\nXRAY TraceId: 1\t\n",
        json_report("timeout"),
        json_line("runtimeDone", {"requestId": ID, "status": "timeout"}),
        json_line("initReport", {"status": "timeout", "phase": "init", "metrics": {"durationMs": 10_000}}),
        "INIT_REPORT Init Duration: 9999.34 ms\tPhase: init\tStatus: timeout\n",
        "RESTORE_REPORT Restore Duration: 10000.00 ms\tStatus: timeout\n",
    ],
)
def test_a_timeout_counts(message: str) -> None:
    assert counts(message) == ["timeouts"]


def test_a_timeout_counts_once_for_a_request_however_many_lines_report_it() -> None:
    told = [TIMED_OUT, REPORT + "Status: timeout\n", json_report("timeout")]
    assert counts(*told) == ["timeouts"]


def test_timeouts_of_two_requests_count_twice() -> None:
    assert counts(TIMED_OUT, TIMED_OUT.replace(ID, OTHER_ID)) == ["timeouts", "timeouts"]


def test_a_timeout_that_names_no_request_gives_way_to_one_that_does() -> None:
    assert counts("INIT_REPORT Init Duration: 9 ms\tStatus: timeout\n", TIMED_OUT) == ["timeouts"]


def test_a_count_is_1_at_the_second_of_the_first_line_that_reports_it() -> None:
    (metric,) = sorted_(TIMED_OUT).metrics
    assert metric == Metric(f"{PREFIX}timeouts", 1, 1_795_343_071, TAGS)


@pytest.mark.parametrize(
    ("messages", "known"),
    [
        ([REPORT + "Status: timeout\n"], ("memorysize:128", "cold_start:false")),
        ([REPORT + "Init Duration: 476.75 ms\tStatus: timeout\t\n"], ("memorysize:128", "cold_start:true")),
        ([TIMED_OUT, REPORT + "\n"], ("memorysize:128", "cold_start:false")),
        ([TIMED_OUT, REPORT.replace(ID, OTHER_ID)], ()),
        (["INIT_REPORT Init Duration: 9999.34 ms\tPhase: init\tStatus: timeout\n", REPORT], ()),
        ([json_report("timeout", memorySizeMB=128)], ("memorysize:128", "cold_start:false")),
    ],
)
def test_a_timeout_has_the_tags_of_its_requests_report(messages: list[str], known: tuple[str, ...]) -> None:
    (metric,) = (metric for metric in sorted_(*messages).metrics if metric.name == f"{PREFIX}timeouts")
    assert metric.tags == (*known, *TAGS)


# --- out of memory -------------------------------------------------------------------------------

KILLED = "Runtime exited with error: signal: killed"
OUT_OF_MEMORY = [
    "fatal error: runtime: out of memory",
    "fatal error: runtime: out of memory\n\nruntime stack:\n",
    "java.lang.OutOfMemoryError: Java heap space",
    "Java heap space: java.lang.OutOfMemoryError\njava.lang.OutOfMemoryError: Java heap space\n",
    "java.lang.OutOfMemoryError",
    "Java heap space: java.lang.OutOfMemoryError\r\tat App.run(App.java:7)\r",
    'Exception in thread "main" java.lang.OutOfMemoryError: Metaspace',
    'Exception in thread "main" java.lang.OutOfMemoryError\n\tat App.run(App.java:7)\n',
    "JavaScript heap out of memory",
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n 1: 0xb7c560",
    "[8:0x5a1b2c0]    12345 ms: FATAL ERROR: Ineffective mark-compacts - JavaScript heap out of memory",
    "[ERROR] MemoryError\rTraceback (most recent call last):\r",
    "[ERROR] MemoryError: cannot allocate\nTraceback",
    "failed to allocate memory (NoMemoryError)",
    "[FATAL] failed to allocate memory (NoMemoryError)\n",
    "/var/task/app.rb:3:in `*': failed to allocate memory (NoMemoryError)",
    "OutOfMemoryException",
    "Unhandled exception. System.OutOfMemoryException: Exception of type 'System.OutOfMemoryException' was thrown.",
    KILLED,
    f"RequestId: {ID} Error: {KILLED}\nRuntime.ExitError\n",
    f"RequestId: {ID} Error: {KILLED} Runtime.ExitError",
    REPORT + "Status: error\tError Type: Runtime.OutOfMemory\n",
    REPORT + "Status: error\tError Type: Runtime.OutOfMemory\nXRAY TraceId: 1\tSampled: true",
    "INIT_REPORT Init Duration: 9 ms\tPhase: init\tStatus: error\tError Type: Runtime.OutOfMemory\n",
    json_report("error", "Runtime.OutOfMemory"),
    json_line("initReport", {"status": "error", "errorType": "Runtime.OutOfMemory", "metrics": {"durationMs": 1}}),
    json_line("fault", f"RequestId: {ID} Error: {KILLED}"),
]


def test_a_memory_failure_has_the_tags_of_its_requests_report() -> None:
    metrics = sorted_(f"RequestId: {ID} Error: {KILLED}\n", REPORT + "Status: error\n").metrics
    assert metrics[-1] == Metric(
        f"{PREFIX}out_of_memory", 1, 1_795_343_071, ("memorysize:128", "cold_start:false", *TAGS)
    )


@pytest.mark.parametrize("message", OUT_OF_MEMORY)
def test_a_memory_failure_counts(message: str) -> None:
    assert counts(message) == ["out_of_memory"]


def test_a_memory_failure_counts_once_for_a_request_however_many_lines_report_it() -> None:
    told = [
        "fatal error: runtime: out of memory",
        f"RequestId: {ID} Error: {KILLED}\n",
        REPORT + "Status: error\tError Type: Runtime.OutOfMemory\n",
    ]
    assert counts(*told) == ["out_of_memory"]


def test_memory_failures_without_a_request_count_once_in_a_stream() -> None:
    assert counts("JavaScript heap out of memory", KILLED) == ["out_of_memory"]


def test_failures_count_once_in_an_event_even_if_its_groups_share_a_stream() -> None:
    reports = Reports()
    first, second = (sort(lines(TIMED_OUT, KILLED), ORIGIN, reports) for _ in range(2))
    assert (len(first.metrics), second.metrics) == (2, [])


OUT_OF_MEMORY_OF = REPORT + "Status: error\tError Type: Runtime.OutOfMemory\n"


@pytest.mark.parametrize(
    ("parts", "made"),
    [
        ([["JavaScript heap out of memory"], [OUT_OF_MEMORY_OF]], 1),
        ([[OUT_OF_MEMORY_OF], ["JavaScript heap out of memory"]], 1),
        ([["JavaScript heap out of memory"], [OUT_OF_MEMORY_OF, OUT_OF_MEMORY_OF.replace(ID, OTHER_ID)]], 2),
        ([["JavaScript heap out of memory"], [OUT_OF_MEMORY_OF], [OUT_OF_MEMORY_OF.replace(ID, OTHER_ID)]], 2),
        ([["JavaScript heap out of memory"], [], [KILLED], [OUT_OF_MEMORY_OF], [KILLED], [OUT_OF_MEMORY_OF]], 1),
    ],
)
def test_failures_count_alike_however_a_stream_is_divided(parts: list[list[str]], made: int) -> None:
    reports = Reports()
    found = [metric for part in parts for metric in sort(lines(*part), ORIGIN, reports).metrics]
    assert sum(metric.name == f"{PREFIX}out_of_memory" for metric in found) == made
    assert counts(*(message for part in parts for message in part)) == ["out_of_memory"] * made


def test_failures_without_a_request_count_for_each_stream() -> None:
    reports = Reports()
    streams = [origin(log_stream=LOG_STREAM), origin(log_stream=LOG_STREAM.replace("1", "2"))]
    assert [len(sort(lines(KILLED), stream, reports).metrics) for stream in streams] == [1, 1]


@pytest.mark.parametrize(
    "unit", ["A ", "[1:0x1] ", "FATAL ERROR: ", "a:1:in ", " Task timed out after ", "memory", "RequestId: x Error: "]
)
def test_a_line_of_a_megabyte_takes_little_time(unit: str) -> None:
    message = unit * (1_000_000 // len(unit)) + "memory Task timed out after "
    assert processor_seconds(lambda: counts(message)) < 2
    assert counts(message) == []
