"""`python -m local_run`: watch the forwarder turn events into requests, on this machine alone."""

import argparse
import os
import shlex
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from local_run import aws, report, run, subscription
from local_run.command import NOT_DELIVERED, Parser, exit_status, path
from local_run.files import held
from local_run.function_log import complaints
from local_run.intake import Intake

DEFAULT_GROUP = "/aws/lambda/my-function"
# How the names of the forwarder's settings begin.
SETTINGS = ("DD_", "REDACT_", "INCLUDE_AT_MATCH", "EXCLUDE_AT_MATCH")

EPILOG = """\
The environment in .venv is made by `make setup`; `make run` does that automatically.

examples:
  Send all sample events:
    .venv/bin/python -m local_run
  Send one event:
    .venv/bin/python -m local_run --event events/awslogs.lambda-metrics.json
  Send a log of your own, with e-mail addresses masked, and keep the intake running to look at what arrived:
    .venv/bin/python -m local_run --log app.log --group /aws/lambda/orders-api --set REDACT_EMAIL=true --keep

exit status: 0 everything was delivered, 1 not everything, 2 it could not run, 130 interrupted, 141 broken pipe
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; return the exit status, 0 if everything was delivered."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.group and not options.log:
        parser.error("GROUP (--group) names the log group of a log file: give LOG (--log) as well.")
    if options.event and options.log:
        parser.error("Give an event or a log, not both.")
    return exit_status(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    settings = dict([*options.settings, *options.more_settings])
    run.check_settings(settings)
    if options.log:
        run.check_log(options.log)
    events = {} if options.log else run.load_events(options.event)
    outcome = run.Outcome(options.files.resolve(), unused=_unused(settings))
    with ExitStack() as stack:
        stack.enter_context(held(outcome.files))
        local_aws = stack.enter_context(aws.running(outcome.files / "aws.log")) if _needs_aws(events) else {}
        running = run.running({**local_aws, **settings}, outcome, in_process=options.in_process)
        intake, function = stack.enter_context(running)
        if options.log:
            run.send_log(options.log, options.group or DEFAULT_GROUP, function, outcome)
        else:
            log_path = outcome.files / "subscriber.log"
            subscriber = subscription.Subscription(local_aws, log_path, in_process=options.in_process)
            run.send_events(events, function, outcome, dict.fromkeys(subscription.EVENTS, subscriber.send))
        run.compare(intake, outcome)
        outcome.complaints = complaints(outcome.function_log)
        (report.print_json if options.json else report.print_table)(outcome)
        if options.keep:
            _keep(intake)
    return 0 if outcome.ledger.is_delivered else NOT_DELIVERED


def _needs_aws(events: dict[str, dict[str, Any]]) -> bool:
    return aws.is_needed(events.values()) or not subscription.EVENTS.isdisjoint(events)


def _keep(intake: Intake) -> None:
    with suppress(KeyboardInterrupt):
        print(f"The intake keeps running on {intake.url} (Ctrl-C ends it).", file=sys.stderr, flush=True)
        threading.Event().wait()


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=".venv/bin/python -m local_run",
        description="Run the forwarder under the Lambda runtime, send it events, and show what the local intake got. "
        "No AWS account is needed and nothing leaves this machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--event", type=path, metavar="PATH", help="send this (default: the samples in events/)")
    parser.add_argument("--log", type=path, metavar="PATH", help="send this text file, one log event per line")
    parser.add_argument(
        "--group", type=_group, metavar="GROUP", help=f"log group that the file is from (default: {DEFAULT_GROUP})"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        dest="settings",
        metavar="NAME=VALUE",
        help="a setting of the forwarder (repeatable)",
    )
    parser.add_argument(
        "--settings",
        default=[],
        type=_settings,
        dest="more_settings",
        metavar="'NAME=VALUE …'",
        help="several, separated by spaces; quote a value with spaces; a backslash is literal",
    )
    parser.add_argument(
        "--files", type=Path, default=run.FILES, metavar="DIR", help="where to put the store and the function's log"
    )
    parser.add_argument("--keep", action="store_true", help="keep the intake running afterwards, until Ctrl-C")
    parser.add_argument(
        "--in-process", action="store_true", help="call the handler in this process: for a debugger, or to compare"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    return parser


def _group(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name of the log group is empty; is a variable of the shell not set?")
    return text


def _unused(settings: Iterable[str]) -> list[str]:
    """Name the forwarder's settings in the shell's environment, which a run ignores so that it can be reproduced."""
    return sorted({name for name in os.environ if name.startswith(SETTINGS)} - set(settings))


def _settings(text: str) -> list[tuple[str, str]]:
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        return [_setting(word) for word in lexer]
    except ValueError:
        raise argparse.ArgumentTypeError("a quote is not closed; put the other kind around the value") from None


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not a setting: write NAME=VALUE")
    return name, value
