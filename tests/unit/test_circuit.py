"""An intake that does not answer is left alone for the rest of the invocation."""

import time
from concurrent.futures import ThreadPoolExecutor

from forwarder.intake.circuit import MOST_TROUBLE, TROUBLE_OF_A_TIMEOUT, Circuit


def after(errors: int = 0, timeouts: int = 0) -> Circuit:
    """Return a circuit that has seen so much trouble."""
    circuit = Circuit()
    for timeout in [False] * errors + [True] * timeouts:
        circuit.failed(time.monotonic(), timeout=timeout)
    return circuit


def test_a_new_circuit_lets_requests_through() -> None:
    assert not Circuit().open


def test_errors_in_a_row_open_it() -> None:
    assert [after(errors=count).open for count in (MOST_TROUBLE - 1, MOST_TROUBLE)] == [False, True]


def test_fewer_timeouts_open_it() -> None:
    assert [after(timeouts=count).open for count in (1, MOST_TROUBLE // TROUBLE_OF_A_TIMEOUT)] == [False, True]


def test_errors_and_timeouts_add_up() -> None:
    assert after(errors=MOST_TROUBLE - TROUBLE_OF_A_TIMEOUT, timeouts=1).open


def test_an_answer_makes_up_for_trouble() -> None:
    circuit = after(errors=MOST_TROUBLE - 1)
    circuit.answered()
    circuit.failed(time.monotonic(), timeout=False)
    assert not circuit.open


def test_an_answer_that_comes_late_does_not_close_it() -> None:
    circuit = after(errors=MOST_TROUBLE)
    circuit.answered()
    assert circuit.open


def test_attempts_that_fail_together_are_one_trouble() -> None:
    circuit = Circuit()
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(MOST_TROUBLE):
            pool.submit(circuit.failed, began, timeout=False)
    assert not circuit.open
