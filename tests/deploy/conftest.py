"""In a run of the whole suite, records which calls to AWS are made, for the one test that checks them."""

from pathlib import Path

import pytest

from tests.deploy.recording import Recording

MAKING_CALLS = [Path(__file__).parents[1] / name for name in ("aws", "subscriber")]
COMPARES = "test_the_calls_in_the_table_are_those_that_the_tests_make"

_recording = pytest.StashKey[Recording | None]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start recording if all tests that make calls are going to run, and compare when they have."""
    collected = {item.path for item in items}
    wanted = {path for folder in MAKING_CALLS for path in folder.glob("test_*.py")}
    config.stash[_recording] = None
    if wanted <= collected and not config.option.keyword:
        config.stash[_recording] = recording = Recording()
        recording.start()
        items.sort(key=lambda item: item.name == COMPARES)


@pytest.fixture
def recording(pytestconfig: pytest.Config) -> Recording:
    """Return what was recorded; without the whole suite, there is nothing to check."""
    found = pytestconfig.stash[_recording]
    if found is None:
        pytest.skip("needs the tests in tests/aws and tests/subscriber in the same run")
    return found
