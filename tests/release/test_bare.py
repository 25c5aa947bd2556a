"""The zip of a release, unpacked beside only Python 3.13, boto3 and Lambda's runtime client."""

import os
import platform
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local_run import aws, subscription
from local_run.emulator import ARCHITECTURES, Emulator
from local_run.intake import Intake
from local_run.run import DEFAULTS, HANDLER, Outcome, addresses, load_events, send_events
from release import ROOT, VERSION

pytestmark = pytest.mark.package

ZIP = ROOT / "dist" / f"datadog-log-forwarder-{VERSION}-{ARCHITECTURES[platform.machine().lower()]}.zip"
RUNTIMES_OWN = re.compile(r"^(?:boto3|awslambdaric)==\S+", re.MULTILINE)
# Prints the modules below a directory that are loaded from source.
UNCOMPILED = """
import sys
from pathlib import Path
import forwarder.handler, subscriber.handler
for name, module in sys.modules.items():
    spec = module.__spec__
    if spec and spec.cached and Path(spec.origin).is_relative_to(sys.argv[1]) and not Path(spec.cached).exists():
        print(name)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python 3.13 with what Lambda's runtime has."""
    bare = os.environ.get("PYTHON313") or pytest.skip("PYTHON313 names no Python 3.13")
    made = tmp_path_factory.mktemp("bare") / "bin" / "python"
    subprocess.run([bare, "-m", "venv", made.parents[1]], check=True)
    packages = RUNTIMES_OWN.findall((ROOT / "requirements-dev.txt").read_text())
    subprocess.run([made, "-m", "pip", "install", "--quiet", *packages], check=True)
    return made


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(ZIP) as release:
        release.extractall(directory)
    return directory


@pytest.fixture(scope="module")
def samples() -> dict[str, dict[str, Any]]:
    """Every sample that is for the forwarder."""
    return {name: event for name, event in load_events(None).items() if name not in subscription.EVENTS}


@pytest.fixture(scope="module")
def outcome(
    python: Path, unzipped: Path, samples: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """The outcome of sending them through what was unzipped."""
    outcome = Outcome(tmp_path_factory.mktemp("run"))
    with Intake(outcome.store) as intake, aws.running(outcome.files / "s3.log") as s3:
        environ = {**DEFAULTS, **s3, **addresses(intake.url)}
        log = outcome.function_log
        with Emulator(HANDLER, environ=environ, log_path=log, python_path=unzipped, python=python) as function:
            send_events(samples, function, outcome)
        outcome.ledger.compare(intake.arrived())
    return outcome


def test_it_forwards_every_sample(outcome: Outcome, samples: dict[str, dict[str, Any]]) -> None:
    assert outcome.ledger.all_problems == []
    assert [entry.name for entry in outcome.ledger.entries] == [*samples]


def test_the_samples_hold_every_signal(outcome: Outcome) -> None:
    total = outcome.ledger.total
    assert min(total.logs, total.metrics, total.enhanced, total.spans) > 0


def test_nothing_has_to_be_compiled_at_a_start(python: Path, unzipped: Path) -> None:
    done = subprocess.run(
        [python, "-B", "-c", UNCOMPILED, unzipped], cwd=unzipped, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []


def test_boto3_is_not_in_it(unzipped: Path) -> None:
    assert not [path.name for path in unzipped.iterdir() if path.name.startswith(("boto3", "botocore"))]
