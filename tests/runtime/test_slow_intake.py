"""A function with a timeout of 10 seconds, and an intake that takes 9 for each response."""

from pathlib import Path

import pytest

from local_run.emulator import Emulator, EmulatorUnavailableError, find_emulator
from local_run.function import Result
from tests.builders import awslogs_event
from tests.runtime.kill import bucket_at, environ_of, servers

pytestmark = pytest.mark.runtime

TIMEOUT, EACH_ANSWER = 10, 9.0  # seconds
LINES = 2_500


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    try:
        find_emulator()
    except EmulatorUnavailableError as reason:
        pytest.skip(str(reason))
    log: Path = tmp_path_factory.mktemp("slow") / "function.log"
    with servers() as (intake, endpoint):
        bucket_at(endpoint)
        intake.script.replace([{"delay": EACH_ANSWER, "times": 100}])
        environ = environ_of(intake.url, endpoint)
        with Emulator("forwarder.handler.lambda_handler", environ=environ, log_path=log, timeout=TIMEOUT) as function:
            return function.invoke(awslogs_event([f"line {number}" for number in range(LINES)]))


def test_the_invocation_ends_before_lambda_ends_it(result: Result) -> None:
    assert result.error is None


def test_everything_is_stored(result: Result) -> None:
    assert result.payload["signals"]["logs"]["stored"] == LINES
