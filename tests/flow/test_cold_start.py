"""A cold start in a separate process: what it loads, and what it connects to."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_intake.server import LocalIntake
from tests.builders import ENVIRON, awslogs_event
from tests.flow.support import COFFEE, messages, metrics

ROOT = Path(__file__).parents[2]
# Whatever leaves a process by way of a socket, or of another process, raises one of these.
OUTWARD = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.system", "os.posix_spawn")
PROGRAM = f"""
import json
import sys

calls = []
sys.addaudithook(lambda name, args: calls.append(repr(args)) if name in {OUTWARD!r} else None)

from forwarder.handler import lambda_handler

at_import = list(calls)
from tests.builders import context

lambda_handler(json.load(sys.stdin), context())
print(json.dumps({{"calls": calls, "at_import": at_import, "modules": list(sys.modules)}}), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def cold_start(running_intake: LocalIntake) -> dict[str, Any]:
    running_intake.store.clear()
    running_intake.script.replace([])
    environ = {
        **ENVIRON,
        "DD_URL": running_intake.url,
        "DD_API_URL": running_intake.url,
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environ,
        input=json.dumps(awslogs_event(["a", COFFEE])),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stderr)
    arrived = {"messages": messages(running_intake), "metrics": [metric.name for metric in metrics(running_intake)]}
    return told | arrived | {"port": running_intake.url.rpartition(":")[2]}


def test_a_run_delivers(cold_start: dict[str, Any]) -> None:
    assert (cold_start["messages"], cold_start["metrics"]) == (["a"], ["coffee_house.order_value"])


@pytest.mark.parametrize("module", ["boto3", "google.protobuf", "trace_proto", "sqlparse"])
def test_a_run_with_the_key_in_the_environment_does_not_load(cold_start: dict[str, Any], module: str) -> None:
    assert module not in cold_start["modules"]


def test_an_import_sends_nothing(cold_start: dict[str, Any]) -> None:
    assert cold_start["at_import"] == []


def test_a_run_calls_only_the_intake(cold_start: dict[str, Any]) -> None:
    calls, port = cold_start["calls"], cold_start["port"]
    assert calls != []
    assert [call for call in calls if "'127.0.0.1'" not in call or port not in call] == []
