"""Lines of the Lambda platform, and the enhanced metrics in them."""

import json

from forwarder.records import Signals
from forwarder.signals import sort
from forwarder.signals.platform import PREFIX, Reports
from tests.builders import lines, origin

ORIGIN = origin(DD_TAGS="team:core")
TAGS = ("region:eu-west-1", "aws_account:123456789012", "functionname:orders-api", "team:core")
ID, OTHER_ID = "7c9567b5-107b-4a6c-8798-0157ac21db52", "db275f87-a934-471a-8980-b63bf4dc1beb"
REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 1.76 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 48 MB\t"
)
COST_OF_2_MS_AT_128_MB = 0.0000002 + 0.002 * 0.125 * 0.0000166667


def sorted_(*messages: str) -> Signals:
    return sort(lines(*messages), ORIGIN, Reports())


def values(*messages: str) -> dict[str, float]:
    """Return the enhanced metrics of some lines: short name → value."""
    found = sorted_(*messages).metrics
    names = [metric.name.removeprefix(PREFIX) for metric in found]
    assert len(set(names)) == len(names)
    return dict(zip(names, [metric.value for metric in found], strict=True))


def counts(*messages: str) -> list[str]:
    """Return the failures that some lines tell of."""
    return [
        metric.name.removeprefix(PREFIX)
        for metric in sorted_(*messages).metrics
        if metric.name.removeprefix(PREFIX) in {"timeouts", "out_of_memory"}
    ]


def json_line(kind: str, record: object) -> str:
    return json.dumps({"time": "2024-05-20T16:29:45.022Z", "type": f"platform.{kind}", "record": record})


def json_report(status: str = "success", error: str | None = None, request: str = ID, **metrics: float) -> str:
    record: dict[str, object] = {"requestId": request, "status": status, "metrics": {"durationMs": 11.642, **metrics}}
    return json_line("report", record | ({"errorType": error} if error else {}))
