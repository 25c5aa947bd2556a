"""An intake that does not respond is left alone for the rest of the invocation."""

import time
from concurrent.futures import ThreadPoolExecutor

from forwarder.intake.circuit import FAILURE_THRESHOLD, TIMEOUT_WEIGHT, Circuit


def after(errors: int = 0, timeouts: int = 0) -> Circuit:
    """Return a circuit after this many failures."""
    circuit = Circuit()
    for timeout in [False] * errors + [True] * timeouts:
        circuit.failed(time.monotonic(), timeout=timeout)
    return circuit


def test_a_new_circuit_lets_requests_through() -> None:
    assert not Circuit().open


def test_errors_in_a_row_open_it() -> None:
    assert [after(errors=count).open for count in (FAILURE_THRESHOLD - 1, FAILURE_THRESHOLD)] == [False, True]


def test_fewer_timeouts_open_it() -> None:
    assert [after(timeouts=count).open for count in (1, FAILURE_THRESHOLD // TIMEOUT_WEIGHT)] == [False, True]


def test_errors_and_timeouts_add_up() -> None:
    assert after(errors=FAILURE_THRESHOLD - TIMEOUT_WEIGHT, timeouts=1).open


def test_a_response_resets_the_count() -> None:
    circuit = after(errors=FAILURE_THRESHOLD - 1)
    circuit.answered()
    circuit.failed(time.monotonic(), timeout=False)
    assert not circuit.open


def test_an_answer_that_comes_late_does_not_close_it() -> None:
    circuit = after(errors=FAILURE_THRESHOLD)
    circuit.answered()
    assert circuit.open


def test_attempts_that_fail_together_count_once() -> None:
    circuit = Circuit()
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(FAILURE_THRESHOLD):
            pool.submit(circuit.failed, began, timeout=False)
    assert not circuit.open
