"""The options of the command, read and validated."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from subscriber import COMMAND
from subscriber.errors import ConfigurationError
from subscriber.plan import FILTER_NAME, Ours, Policy, Reconciliation, Removal
from subscriber.records import Function
from subscriber.settings import CALLS_PER_SECOND, filter_name, filter_pattern, selection_of

DESCRIPTION = "Subscribes CloudWatch log groups to a forwarder, and removes the subscriptions again."
EPILOG = """\
A pattern is a prefix (/aws/lambda/), a glob (/aws/*/prod-*) or a regular expression
(regex:^/ecs/(api|web)$). Quote globs, so that the shell leaves them alone.

  %(prog)s plan   --forwarder-arn ARN --include /aws/lambda/ --exclude '*-test'
  %(prog)s apply  --forwarder-arn ARN --include /aws/lambda/ --exclude '*-test'
  %(prog)s apply  --forwarder-arn ARN --include '*' --tag team=shop --tag team=web
  %(prog)s apply  --forwarder-arn ARN --include /aws/lambda/ --take-over DatadogIntegration-ForwarderStack-1A2B
  %(prog)s plan   --forwarder-arn ARN --include /aws/lambda/ --prune
  %(prog)s plan   --forwarder-arn ARN --include '*' --json | jq .counts
  %(prog)s remove --forwarder-arn ARN

It can be interrupted with Ctrl-C and run again: it continues with what is left to do.
Run it in a clone, after `make setup`.
"""

COMMANDS = {
    "plan": "show what apply would do; changes nothing",
    "apply": "subscribe the log groups that are wanted; with --prune, unsubscribe all others",
    "remove": "remove the forwarder's filters of this name from all log groups",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command is to do."""

    command: str
    policy: Policy
    forwarder: Function
    profile: str
    calls_per_second: float
    json: bool
    show_all: bool
    yes: bool


def read(arguments: Sequence[str]) -> Options:
    """Read the arguments.

    Raises:
        ConfigurationError: one sentence that names the option, its value and what was expected.
        SystemExit: argparse has printed the help or an error.

    """
    given = _parser().parse_args(arguments)
    forwarder = Function.of(given.forwarder_arn, "--forwarder-arn")
    if given.region and given.region != forwarder.region:
        raise ConfigurationError(
            f"--region is {given.region!r}; expected {forwarder.region}, the forwarder's: log groups can only be"
            " subscribed to a function in their region."
        )
    return Options(
        command=given.command,
        policy=_policy(given, forwarder),
        forwarder=forwarder,
        profile=given.profile,
        calls_per_second=given.calls_per_second,
        json=given.json,
        show_all=getattr(given, "all", False),
        yes=getattr(given, "yes", False),
    )


def _policy(given: Any, forwarder: Function) -> Policy:
    ours = Ours(forwarder, filter_name(given.filter_name, "--filter-name"))
    if given.command == "remove":
        return Removal(ours)
    selection = selection_of((given.include, "--include"), (given.exclude, "--exclude"), (given.tag, "--tag"))
    return Reconciliation(
        ours,
        selection,
        filter_pattern(given.filter_pattern, "--filter-pattern"),
        frozenset(given.protect),
        tuple(given.take_over),
        prune=given.prune,
    )


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0
    if 0.1 <= rate <= 100:  # noqa: PLR2004 - as the settings have it
        return rate
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0.1 to 100")


class _Parser(argparse.ArgumentParser):
    """Reports an error in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and exit."""
        self.exit(2, f"{message[:1].upper()}{message[1:]}. See: {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        COMMAND,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="plan|apply|remove")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text.capitalize() + ".", allow_abbrev=False)
        _add_common(command)
        if name != "remove":
            _add_selection(command)
        if name != "plan":
            command.add_argument("--yes", action="store_true", help="change without asking")
    return parser


def _add_common(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--forwarder-arn", required=True, metavar="ARN", help="the forwarder: the stack's output DatadogForwarderArn")
    add("--filter-name", default=FILTER_NAME, metavar="NAME", help="name of its filters (default: %(default)s)")
    add("--region", default="", help="region; the forwarder's, which its ARN names")
    add("--profile", default="", help="AWS profile (default: from the environment)")
    add(
        "--calls-per-second",
        type=_rate,
        default=CALLS_PER_SECOND,
        metavar="N",
        help="calls per second of each kind; AWS allows 5 (default: %(default)s)",
    )
    add("--json", action="store_true", help="write JSON for programs")
    add("--all", action="store_true", help="also list each log group that is skipped")


def _add_selection(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    lists: dict[str, Any] = {"action": "append", "default": []}
    add("--include", metavar="PATTERN", help="subscribe log groups that match; can be repeated", **lists)
    add("--exclude", metavar="PATTERN", help="except those that match this; can be repeated", **lists)
    add("--tag", metavar="KEY=VALUE", help="only those with this tag; can be repeated", **lists)
    add("--filter-pattern", default="", metavar="TEXT", help="forward only what matches (default: everything)")
    add(
        "--take-over",
        metavar="NAME",
        help="replace other filters: by their name, or the name or ARN of the function they lead to; can be repeated",
        **lists,
    )
    add("--protect", metavar="LOG_GROUP", help="never subscribe this log group; can be repeated", **lists)
    add("--prune", action="store_true", help="unsubscribe all other log groups from the forwarder")
