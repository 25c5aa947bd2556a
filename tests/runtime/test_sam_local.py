"""The built stack's function in a container, by `sam local invoke`."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_run.process import ROOT

pytestmark = pytest.mark.container

Report = Callable[[Path], dict[str, Any]]

COMMAND = [sys.executable, "-m", "local_run.invoke", "--json"]
# What arrives of each sample: the same as with `make run`.
ARRIVED = {
    "awslogs.lambda-cold-start": {"lines": 7, "logs": 7, "metrics": 0, "enhanced": 5},
    "s3.three-records": {"lines": 6, "logs": 6, "metrics": 0, "enhanced": 0},
    "kinesis.cloudwatch": {"lines": 11, "logs": 9, "metrics": 2, "enhanced": 4},
}


def containers() -> set[str]:
    done = subprocess.run(["docker", "ps", "--all", "--quiet"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """Invoke with a sample and read the JSON."""

    def run(event: Path) -> dict[str, Any]:
        command = [*COMMAND, "--files", str(tmp_path), "--event", str(event)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


@pytest.mark.parametrize("sample", ARRIVED)
def test_what_is_in_a_sample_arrives(report: Report, sample: str) -> None:
    found = report(ROOT / "events" / f"{sample}.json")
    assert found["delivered"], found["problems"]
    assert {name: found["total"][name] for name in ARRIVED[sample]} == ARRIVED[sample]


def test_an_event_that_the_function_refuses_is_a_problem_of_it(report: Report, tmp_path: Path) -> None:
    event = tmp_path / "unknown.json"
    event.write_text('{"what": "is this"}')
    found = report(event)
    assert not found["delivered"]
    assert "UnsupportedEventError" in found["entries"][0]["problems"][0]


def test_ctrl_c_leaves_no_container(tmp_path: Path) -> None:
    before = containers()
    event = ROOT / "events" / "awslogs.lambda-warm.json"
    with subprocess.Popen([*COMMAND, "--files", tmp_path, "--event", event], cwd=ROOT, stderr=subprocess.PIPE) as run:
        deadline = time.monotonic() + 60
        while containers() == before and time.monotonic() < deadline:
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        try:
            assert run.wait(timeout=60) == 130
        finally:
            run.kill()
        assert run.stderr is not None
        assert run.stderr.read() == b"Interrupted.\n"
    assert containers() == before
