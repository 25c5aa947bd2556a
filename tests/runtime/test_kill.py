"""No line is lost when the function is killed while events flow.

    FORWARDER_KILL_SEEDS=20 python -m pytest -m runtime -s tests/runtime/test_kill.py

plays as many seeds, and prints the figures of each.
"""

import os
from dataclasses import asdict

import pytest

from local_run.emulator import EmulatorUnavailableError, find_emulator
from tests.runtime.kill import Figures, run

pytestmark = pytest.mark.runtime

SEEDS = range(int(os.environ.get("FORWARDER_KILL_SEEDS", "2")))


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
def figures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Figures:
    try:
        find_emulator()
    except EmulatorUnavailableError as reason:
        pytest.skip(str(reason))
    figures = run(request.param, tmp_path_factory.mktemp("kill"))
    print(asdict(figures))  # noqa: T201 - pytest shows it on request or if a test fails
    return figures


def test_the_function_was_killed_often(figures: Figures) -> None:
    assert figures.kills > 10


def test_every_line_arrived(figures: Figures) -> None:
    assert figures.missing == 0


def test_nothing_is_left_in_the_bucket(figures: Figures) -> None:
    assert figures.left == 0
