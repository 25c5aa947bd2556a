"""Lines that real functions and the real platform printed come out as FORMATS says.

Skipped where the data is missing.
"""

import json
import os
from math import isfinite
from pathlib import Path
from typing import Any

import pytest

from forwarder.records import LineAttributes, Signals
from forwarder.signals import sort
from forwarder.signals.platform import PREFIX, Reports
from tests.builders import lines, origin

ROOT = Path(__file__).resolve().parents[2]
LINES = Path(os.environ.get("FORWARDER_CONFORMANCE_DIR", ROOT.parent / "shared" / "conformance")) / "lines"
LIBRARY_FILES = sorted(path.name for path in LINES.glob("*.jsonl") if path.name != "platform.jsonl")

pytestmark = pytest.mark.skipif(not LINES.is_dir(), reason="the conformance data is not here")

COLD, WARM = "cold_start:true", "cold_start:false"
COST = 0.0000166667

# kind → (short name → value), cold_start tag; kinds that are not here make no metric
PLATFORM: dict[str, tuple[dict[str, float], str]] = {
    "TIMEOUT line": ({"timeouts": 1}, ""),
    "REPORT cold": (
        {
            "duration": 0.00176,
            "billed_duration": 0.1,
            "init_duration": 0.12096,
            "max_memory_used": 48,
            "estimated_cost": 2e-7 + 0.1 * 128 / 1024 * COST,
        },
        COLD,
    ),
    "REPORT OOM + XRAY": (
        {
            "duration": 10.9357,
            "billed_duration": 10.936,
            "max_memory_used": 1024,
            "estimated_cost": 2e-7 + 10.936 * COST,
            "out_of_memory": 1,
        },
        WARM,
    ),
    "REPORT init+status (billed includes init)": (
        {
            "duration": 600,
            "billed_duration": 600.477,
            "init_duration": 0.47675,
            "max_memory_used": 1035,
            "estimated_cost": 2e-7 + 600.477 * 1.5 * COST,
            "timeouts": 1,
        },
        COLD,
    ),
    "REPORT SnapStart": (
        {
            "duration": 2.33866,
            "billed_duration": 2.521,
            "restore_duration": 0.39897,
            "max_memory_used": 173,
            "estimated_cost": 2e-7 + 2.521 * 3009 / 1024 * COST,
        },
        COLD,
    ),
    "runtime exit": ({"out_of_memory": 1}, ""),
    "json platform.report cold": (
        {
            "duration": 0.011642,
            "billed_duration": 0.012,
            "init_duration": 0.174055,
            "max_memory_used": 67,
            "estimated_cost": 2e-7 + 0.012 * 128 / 1024 * COST,
        },
        COLD,
    ),
    "json platform.report snapstart": (
        {
            "duration": 0.147156,
            "billed_duration": 0.201,
            "restore_duration": 0.500795,
            "max_memory_used": 91,
            "estimated_cost": 2e-7 + 0.201 * 0.5 * COST,
        },
        COLD,
    ),
    "json platform.report LMI": ({"duration": 0.001148}, WARM),
    "OOM substring Go": ({"out_of_memory": 1}, ""),
    "OOM substring Node": ({"out_of_memory": 1}, ""),
    "OOM substring Node/any (extension only)": ({"out_of_memory": 1}, ""),
    "OOM substring Ruby": ({"out_of_memory": 1}, ""),
    "OOM substring .NET (extension only)": ({"out_of_memory": 1}, ""),
}


def platform_lines() -> list[Any]:
    path = LINES / "platform.jsonl"
    rows = [json.loads(row) for row in path.read_text().splitlines()] if path.exists() else []
    return [pytest.param(row["kind"], row["message"], id=row["kind"]) for row in rows]


def library_lines() -> list[Any]:
    return [
        pytest.param(line, id=f"{name}:{number}")
        for name in LIBRARY_FILES
        for number, line in enumerate((LINES / name).read_text().splitlines(), start=1)
    ]


def sorted_(message: str) -> Signals:
    return sort(lines(message), origin(), Reports())


def expected_metric(line: str) -> tuple[str, float, int, list[str]] | None:
    """Read a line as FORMATS defines a metric, by other means than the code does."""
    found = json.loads(line)
    if not isinstance(found, dict) or set(found) != set("mvet"):
        return None
    name, value, second, tags = (found[key] for key in "mvet")
    numbers = all(type(number) in {int, float} and isfinite(number) for number in (value, second))
    texts = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    return (name, value, int(second), [tag for tag in tags if tag]) if name and numbers and texts else None


@pytest.mark.parametrize(("kind", "message"), platform_lines())
def test_a_line_of_the_platform_makes_these_metrics_and_goes_out_as_a_log(kind: str, message: str) -> None:
    found = sorted_(message)
    values, cold = PLATFORM.get(kind, ({}, ""))
    assert {metric.name.removeprefix(PREFIX): metric.value for metric in found.metrics} == pytest.approx(values)
    assert all(cold in metric.tags for metric in found.metrics if cold and metric.value != 1)
    assert {metric.second for metric in found.metrics} <= {1_795_343_071}
    assert [line.message for line in found.logs[LineAttributes()]] == [message]


def test_every_kind_that_is_expected_to_make_metrics_is_in_the_data() -> None:
    assert {param.id for param in platform_lines()} >= set(PLATFORM)


@pytest.mark.parametrize("line", library_lines())
def test_a_line_of_a_library_is_a_metric_a_trace_or_a_log(line: str) -> None:
    found = sorted_(line)
    expected = expected_metric(line)
    if line.startswith(('{"traces": [[{"trace_id', '{"traces":[[{"trace_id')):
        assert (found.metrics, found.logs, [trace.message for trace in found.traces]) == ([], {}, [line])
        return
    if expected is None:
        assert (found.metrics, found.traces, [log.message for log in found.logs[LineAttributes()]]) == ([], [], [line])
        return
    (metric,) = found.metrics
    own = [tag for tag in metric.tags if tag not in origin().metric_tags]
    assert (metric.name, metric.value, metric.second, own, found.logs) == (*expected, {})


def test_the_data_holds_metrics_traces_and_logs() -> None:
    kinds = {
        "metric" if found.metrics else "trace" if found.traces else "log"
        for found in (sorted_(param.values[0]) for param in library_lines())
    }
    assert kinds == {"metric", "trace", "log"}
