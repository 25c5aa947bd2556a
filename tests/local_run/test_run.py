"""A run's parts that need no handler: a log that changes while it is read, an intake that dies."""

import os
from pathlib import Path
from typing import Any

from local_run import run
from local_run.function import Result
from local_run.intake import Intake
from local_run.wrap import decode_event

LINE = b"x" * 99 + b"\n"


class Shrinking:
    """A function that delivers everything, while the log is emptied."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def invoke(self, event: dict[str, Any]) -> Result:
        os.truncate(self._log, 0)
        count = len(decode_event(event)["logEvents"])
        delivered = {"created": count, "delivered": count, "rejected": 0}
        lines = {"received": count, "filtered": 0, "rejected": 0}
        return Result({"lines": lines, "signals": {"logs": delivered}, "enhanced_metrics": 0}, None, 1.0)


def test_a_log_that_becomes_shorter_while_it_is_read_is_not_called_delivered(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(LINE * 50_000)
    outcome = run.Outcome(tmp_path)
    run.send_log(log, "/group", Shrinking(log), outcome)
    (problem,) = outcome.ledger.all_problems
    assert problem.startswith("app.log: The file became shorter while it was read: of 5,000,000 bytes, ")


def test_an_intake_that_died_is_a_problem_of_the_run_and_leaves_its_ledger(tmp_path: Path) -> None:
    with Intake(tmp_path / "intake.sqlite") as intake:
        pass
    outcome = run.Outcome(tmp_path)
    run.compare(intake, outcome)
    (problem,) = outcome.ledger.problems
    assert problem.startswith("The local intake died, so the counts are the function's own; see ")
