"""Objects of any size: memory does not grow with them, and those that take many invocations arrive completely.

`python -m tests.runtime.large_objects` measures larger ones.
"""

import pytest

from local_run.emulator import EmulatorUnavailableError, find_emulator
from tests.runtime.large_objects import Figures, measure

pytestmark = pytest.mark.runtime

SMALL, LARGE = 60, 180  # MB, inflated
SHORT_TIMEOUT = 5  # seconds, too few to read a tenth of the large one twice


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    try:
        find_emulator()
    except EmulatorUnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return measure(SMALL, 120, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return measure(LARGE, 120, tmp_path_factory.mktemp("large"))


@pytest.fixture(scope="module")
def in_parts(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return measure(LARGE, SHORT_TIMEOUT, tmp_path_factory.mktemp("parts"))


def test_every_line_of_a_large_object_arrives_once(large: Figures) -> None:
    assert (large.arrived, large.checksum, large.balanced) == (large.lines, True, True)


def test_the_function_takes_less_than_256_mb(large: Figures) -> None:
    assert large.most_memory_mb < 256


def test_memory_does_not_grow_with_the_object(small: Figures, large: Figures) -> None:
    assert large.most_memory_mb < small.most_memory_mb * 1.1


def test_an_object_that_takes_many_invocations_arrives_completely_and_each_line_once(in_parts: Figures) -> None:
    assert (in_parts.arrived, in_parts.checksum, in_parts.balanced) == (in_parts.lines, True, True)
    assert in_parts.invocations > 1
