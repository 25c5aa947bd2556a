"""CPU per line of the forwarder against a plain reference, in one run, on the same lines, against the same intake.

The reference does what a straightforward forwarder does: `json.loads` of every line, a dict merged for each,
`json.dumps`, gzip at level 6, one request after another. The intake runs in a process of its own and only counts.

    python -m benchmarks.line_cpu [--lines 5000] [--rounds 25] [--at-most 0.2]
"""

import argparse
import base64
import gzip
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from forwarder.handler import Forwarder  # noqa: E402
from forwarder.settings import Settings  # noqa: E402

GROUP = "/aws/lambda/orders-api"
STREAM = "2026/11/22/[$LATEST]13e304cba4b9446eb7ef082a00038990"
ACCOUNT = "123456789012"
KEY = "0" * 32
BATCH = 1_000


class Context:
    """The part of Lambda's context object that the forwarder reads."""

    aws_request_id = "00000000-0000-4000-8000-000000000000"
    invoked_function_arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:datadog-forwarder"
    function_name = "datadog-forwarder"
    function_version = "$LATEST"
    memory_limit_in_mb = 1024

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


def lines_of_text(count: int) -> list[str]:
    """Lines as Lambda functions print them: twenty lines of text per invocation, and its START, END and REPORT."""
    pick = random.Random(1)
    words = ["order", "payment", "customer", "basket", "stock", "shipped", "accepted", "refused", "latency", "of", "in"]
    lines: list[str] = []
    while len(lines) < count:
        request = f"{pick.getrandbits(32):08x}-9b1d-4a5c-8e2f-{pick.getrandbits(48):012x}"
        lines.append(f"START RequestId: {request} Version: $LATEST\n")
        for _ in range(20):
            text = " ".join(pick.choices(words, k=12))
            lines.append(f"2026-11-22T10:24:{pick.random() * 60:06.3f}Z\t{request}\tINFO\t{text} {pick.random():.6f}\n")
        lines.append(f"END RequestId: {request}\n")
        lines.append(
            f"REPORT RequestId: {request}\tDuration: {pick.random() * 900:.2f} ms\tBilled Duration: 900 ms\t"
            "Memory Size: 256 MB\tMax Memory Used: 91 MB\t\n"
        )
    return lines[:count]


def event_of(lines: list[str]) -> dict[str, object]:
    document = {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": GROUP,
        "logStream": STREAM,
        "subscriptionFilters": ["forwarder"],
        "logEvents": [
            {"id": f"{n:056d}", "timestamp": 1_795_343_071_000 + n, "message": line} for n, line in enumerate(lines)
        ],
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()}}


class Reference:
    """The plain reference."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url = f"{url}/api/v2/logs"
        self.session = session

    def handle(self, event: Any) -> None:
        document = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
        arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:orders-api"
        tags = (
            "forwardername:datadog-forwarder,forwarder_version:1.0.0,env:none,aws_account:123456789012,"
            "functionname:orders-api,region:us-east-1,service:orders-api"
        )
        common = {
            "ddsource": "lambda",
            "ddsourcecategory": "aws",
            "ddtags": tags,
            "service": "orders-api",
            "host": arn,
            "lambda": {"arn": arn},
            "aws": {
                "invoked_function_arn": Context.invoked_function_arn,
                "awslogs": {"logGroup": GROUP, "logStream": STREAM, "owner": ACCOUNT},
            },
        }
        logs = []
        for entry in document["logEvents"]:
            message = entry["message"]
            try:
                parsed = json.loads(message)
            except ValueError:
                parsed = None
            if not isinstance(parsed, dict):
                logs.append(json.dumps({**common, **entry, "message": message}))
        for start in range(0, len(logs), BATCH):
            body = gzip.compress(("[" + ",".join(logs[start : start + BATCH]) + "]").encode(), 6)
            headers = {"DD-API-KEY": KEY, "Content-Encoding": "gzip", "Content-Type": "application/json"}
            self.session.post(self.url, data=body, headers=headers, timeout=30).raise_for_status()


@contextmanager
def counting_intake() -> Iterator[str]:
    command = [sys.executable, "-m", "local_intake", "--port", "0", "--count-only"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().split()[-1] if process.stdout else ""
        finally:
            process.terminate()
            process.communicate()


def cpu_of(works: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Return the minimum CPU seconds of each function, over all threads of this process, after a warm-up.

    They take turns, since a machine's speed varies from one second to the next.
    """
    best = [float("inf")] * len(works)
    for number in range(rounds + 1):
        for place, work in enumerate(works):
            began = time.process_time()
            work()
            if number:
                best[place] = min(best[place], time.process_time() - began)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--at-most", type=float, help="exit with 1 if the ratio is above this")
    arguments = parser.parse_args()
    event = event_of(lines_of_text(arguments.lines))
    with counting_intake() as url:
        reference = Reference(url, requests.Session())
        environ = {"DD_API_KEY": KEY, "DD_URL": url, "DD_API_URL": url, "AWS_REGION": "us-east-1"}
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):  # its log and its embedded metrics
            forwarder = Forwarder(Settings.from_environ(environ))
            works = [lambda: reference.handle(event), lambda: forwarder.handle(event, Context())]
            plain, ours = cpu_of(works, arguments.rounds)
    ratio = ours / plain
    per_line = 1e6 / arguments.lines
    print(f"forwarder {ours * per_line:.2f} µs per line, reference {plain * per_line:.2f} µs: ratio {ratio:.3f}")
    return int(arguments.at_most is not None and ratio > arguments.at_most)


if __name__ == "__main__":
    raise SystemExit(main())
