"""`python -m local_run.invoke`: run the built stack's function in a container, and show what a local intake got."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from local_run import aws, engine, report, run
from local_run.command import NOT_DELIVERED, Parser, exit_status, path
from local_run.files import held
from local_run.function_log import complaints
from local_run.intake import Intake
from local_run.process import ROOT
from local_run.sam_local import SamLocal, architecture

FILES = ROOT / ".cache" / "invoke"
SAMPLE = run.EVENTS / "awslogs.lambda-cold-start.json"
WHERE = "in a container, by `sam local invoke`: the times include its start."
# For what the stack makes in AWS and does not exist here.
WITHOUT_AWS = {
    "DD_API_KEY_SECRET_ARN": "",
    "DD_STORE_FAILED_EVENTS": "false",
    "DD_S3_BUCKET_NAME": "",
    "DD_FETCH_LAMBDA_TAGS": "false",
}
# Docker Desktop's name for this machine has no subdomains, which S3 would use for buckets.
WITH_S3 = {"DD_USE_VPC": "true"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; return the exit status, 0 if everything was delivered."""
    options = _parser().parse_args(arguments)
    return exit_status(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    events = run.load_events(options.event or SAMPLE)
    outcome = run.Outcome(options.files.resolve(), where=WHERE)
    invoke(events, outcome)
    (report.print_json if options.json else report.print_table)(outcome)
    return 0 if outcome.ledger.is_delivered else NOT_DELIVERED


def invoke(events: dict[str, dict[str, Any]], outcome: run.Outcome) -> None:
    """Send events through the function that is built for this machine's processor. Raises RunError."""
    way = engine.route()
    with ExitStack() as stack:
        stack.enter_context(held(outcome.files))
        intake = stack.enter_context(Intake(outcome.store, way.address))
        s3: dict[str, str] = {}
        if aws.is_needed(events.values()):
            s3 = stack.enter_context(aws.running(outcome.files / "s3.log", host=way.address)) | WITH_S3
        environ = {**run.DEFAULTS, **WITHOUT_AWS, **s3, **run.addresses(intake.url)}
        function = SamLocal(
            ROOT / ".aws-sam" / architecture() / "template.yaml",
            environ={name: way.inside(value) for name, value in environ.items()},
            template=outcome.files / "template.yaml",
            log_path=outcome.function_log,
        )
        run.send_events(events, stack.enter_context(function), outcome)
        run.compare(intake, outcome)
        outcome.complaints = complaints(outcome.function_log)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=".venv/bin/python -m local_run.invoke",
        description="Run the function as `sam build` built it, in a container, and show what the local intake got. "
        "`make invoke` builds it first.",
    )
    parser.add_argument("--event", type=path, metavar="PATH", help=f"send this (default: {SAMPLE.name})")
    parser.add_argument("--files", type=Path, default=FILES, metavar="DIR", help="where to put the files of the run")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
