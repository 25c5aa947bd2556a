"""One run of the example for all tests here; what it printed and what arrived is shown at the end."""

import sys
from pathlib import Path

import pytest
from rich.console import Console

from local_run.command import WIDTH_WITHOUT_TERMINAL
from local_run.emulator import EmulatorUnavailableError, find_emulator
from tests.compat import forwarded, function, summary
from tests.compat.forwarded import Arrived
from tests.compat.function import Invocation

SHOWN = pytest.StashKey[tuple[list[Invocation], Arrived]]()


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compat")


@pytest.fixture(scope="session")
def invocations(directory: Path) -> list[Invocation]:
    try:
        find_emulator()
    except EmulatorUnavailableError as reason:
        pytest.skip(str(reason))
    if not function.PACKAGES.exists():
        pytest.skip("The example's packages are not installed: run `make compat`.")
    return function.run(directory)


@pytest.fixture(scope="session")
def arrived(invocations: list[Invocation], directory: Path, pytestconfig: pytest.Config) -> Arrived:
    arrived = forwarded.forward(invocations, directory)
    pytestconfig.stash[SHOWN] = (invocations, arrived)
    return arrived


def pytest_terminal_summary(config: pytest.Config) -> None:
    if shown := config.stash.get(SHOWN, None):
        console = Console(file=sys.stdout, highlight=False)
        if not console.is_terminal:
            console = Console(file=sys.stdout, highlight=False, width=WIDTH_WITHOUT_TERMINAL)
        console.print()
        console.print(summary.summary(*shown))
