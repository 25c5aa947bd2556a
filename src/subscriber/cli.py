"""The command, which does the same with a user's AWS profile: plan, apply, remove."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from types import FrameType
from typing import TextIO

from subscriber import options, output
from subscriber.apply import Apply
from subscriber.aws import Clients
from subscriber.calls import Calls, Pace
from subscriber.errors import UNREACHABLE, AwsError, ConfigurationError, OutputError, SubscriberError
from subscriber.functions import NOT_FOUND, Functions
from subscriber.log_groups import LogGroups
from subscriber.options import Options
from subscriber.output import Output
from subscriber.pace import Clock, SystemClock
from subscriber.plan import Policy, Reconciliation, names_of
from subscriber.records import Function, LogGroup, Outcome, Skip, Subscribe, Unsubscribe, Update
from subscriber.survey import Survey, look_at

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130  # exit statuses
PERMISSION_SPREADS = 5.0  # seconds until all of AWS knows of a new permission

_LOG_IN = "your AWS login has expired or is missing: log in, for example with aws sso login"
_NOT_REACHED = "AWS cannot be reached: check your network and proxy, and the region in --forwarder-arn"

# What the codes of AWS and botocore mean to a user at a terminal.
_HINTS = {
    "NoCredentialsError": "there are no AWS credentials: log in, or name a profile with --profile",
    **dict.fromkeys(("ExpiredTokenException", "ExpiredToken"), "the AWS credentials have expired: log in again"),
    **dict.fromkeys(
        ("UnrecognizedClientException", "InvalidClientTokenId"),
        "AWS does not know these credentials: log in, or name a profile with --profile",
    ),
    **dict.fromkeys(("SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError"), _LOG_IN),
    **dict.fromkeys(UNREACHABLE, _NOT_REACHED),
    "AccessDeniedException": "these credentials may not do that; docs/subscriber.md lists what is needed",
}


def main(
    arguments: Sequence[str],
    clients: Clients | None = None,
    clock: Clock | None = None,
    streams: tuple[TextIO, TextIO, TextIO] | None = None,
) -> int:
    """Run the command; return its exit status. `streams` replace standard input, output and error."""
    # Python sets those that are closed to None.
    answers, out, err = streams or (sys.stdin or StringIO(), sys.stdout, sys.stderr or StringIO())
    show = Output(out, err)
    try:
        asked = options.read(arguments)
        if out is None:
            raise OutputError("Standard output is closed, so the result cannot be written.")
        clock = clock or SystemClock()
        clients = clients or Clients(asked.forwarder.region, asked.profile)
        return _Command(asked, clients, clock, show, answers).run()
    except AwsError as error:
        hint = _HINTS.get(error.code)
        show.say(f"{error} ({hint})." if hint else f"{error}.")
    except SubscriberError as error:
        show.say(str(error))
    except KeyboardInterrupt:
        show.say("\nInterrupted. Run it again to go on.")
        return INTERRUPTED
    return WRONG


@dataclass
class _Command:
    """One run of the command."""

    _options: Options
    _clients: Clients
    _clock: Clock
    _show: Output
    _answers: TextIO

    def run(self) -> int:
        """Look at all log groups, show what is to be done and, if asked to, do it."""
        calls = Calls(Pace(self._options.calls_per_second, self._clock))
        log_groups, functions = LogGroups(self._clients, calls), Functions(self._clients, calls)
        self._show.progress(f"Asking AWS in {self._options.forwarder.region} ...")  # it may take long to respond
        policy = self._protecting(functions)
        found = self._look(log_groups, policy)
        if self._options.command == "plan":
            self._write(found)
            return FAILED if _failed(found) else DONE
        if not (self._options.json and self._options.yes):
            self._show.table(found, show_all=self._options.show_all, aside=self._options.json)
        if not self._confirmed(found):
            return WRONG
        if any(isinstance(outcome.decision, Subscribe | Update) for outcome in found):
            self._permit(functions)
        done, interrupted = self._change(found, Apply(log_groups, policy))
        self._report(done, interrupted=interrupted)
        if interrupted:
            return INTERRUPTED
        if _failed(done):
            return FAILED
        asked = self._options.yes or bool(_changes(found))
        if self._options.command == "remove" and asked and not _still_used(found, self._options.forwarder):
            self._forbid(functions)
        return DONE

    def _permit(self, functions: Functions) -> None:
        if functions.permit(self._options.forwarder):
            self._show.say("CloudWatch Logs may now invoke the forwarder.")
            self._clock.sleep(PERMISSION_SPREADS)

    def _forbid(self, functions: Functions) -> None:
        try:
            functions.forbid(self._options.forwarder)
        except AwsError as error:  # nothing invokes the forwarder any more, which is what matters
            self._show.say(f"The permission that an earlier apply may have added to the forwarder stays: {error}.")

    def _protecting(self, functions: Functions) -> Policy:
        """Return the policy with the groups that would loop, including the subscriber's, protected."""
        policy, forwarder = self._options.policy, self._options.forwarder
        if not isinstance(policy, Reconciliation):
            return policy
        try:
            looping = functions.looping(forwarder)
        except AwsError as error:
            if error.code != NOT_FOUND:
                raise
            raise ConfigurationError(f"There is no function {forwarder.arn}: check --forwarder-arn.") from None
        for sentence in looping.doubts:
            self._show.say(sentence)
        return replace(policy, protected=policy.protected | looping.log_groups)

    def _look(self, log_groups: LogGroups, policy: Policy) -> list[Outcome]:
        found: list[Outcome] = []
        for group in Survey(log_groups, policy):
            _check_account(group, self._options.forwarder)
            found.append(look_at(group, log_groups, policy))
            self._show.progress(f"{len(found)} log groups looked at")
        self._show.end_progress()
        self._warn_of_others(policy, found)
        return found

    def _warn_of_others(self, policy: Policy, found: Sequence[Outcome]) -> None:
        """Name each filter to take over that no group has: lines arrive twice if that is a mistake."""
        there = {name for outcome in found for each in outcome.decision.group.filters for name in names_of(each)}
        named = policy.take_over if isinstance(policy, Reconciliation) else ()
        for name in named:
            if name not in there:
                self._show.say(
                    f"No filter matches --take-over {name}: check it, unless all of them have been replaced already."
                )

    def _write(self, outcomes: Sequence[Outcome]) -> None:
        if self._options.json:
            self._show.json(outcomes, output.counted(outcomes))
        else:
            self._show.table(outcomes, show_all=self._options.show_all)

    def _confirmed(self, found: Sequence[Outcome]) -> bool:
        number = len(_changes(found))
        if not number or self._options.yes:
            return True
        if self._show.ask(f"Change {number} log groups?", self._answers):
            return True
        self._show.say("Nothing was changed.")
        return False

    def _change(self, found: Sequence[Outcome], apply: Apply) -> tuple[list[Outcome], bool]:
        """Carry out the decisions; return the outcomes, and whether Ctrl-C was pressed."""
        done: list[Outcome] = []
        number, changed = len(_changes(found)), 0
        with _interruptible() as interrupted:
            for outcome in found:
                if interrupted:
                    return done, True
                if outcome.error or isinstance(outcome.decision, Skip):
                    done.append(outcome)
                    continue
                done.append(apply.to(outcome.decision.group))
                self._say_if_other(outcome, done[-1])
                changed += 1
                self._show.progress(f"{changed} of {number} log groups changed")
        self._show.end_progress()
        return done, False

    def _say_if_other(self, planned: Outcome, done: Outcome) -> None:
        """Say if a group has changed since the plan was shown."""
        asked, did = planned.decision, done.decision
        if not done.error and asked.verb != did.verb:
            self._show.say(f"{did.group.name}: {did.verb} ({did.reason}) instead of {asked.verb}.")

    def _report(self, done: Sequence[Outcome], *, interrupted: bool) -> None:
        counts = output.counted(done)
        if self._options.json:
            self._show.json(done, counts)
        elif failures := [outcome for outcome in done if outcome.error]:
            self._show.table(failures, show_all=False)
        self._show.say(f"Done: {output.sentence(counts)}")
        if interrupted:
            self._show.say("Interrupted. Run it again to go on.")


def _changes(found: Sequence[Outcome]) -> list[Outcome]:
    return [outcome for outcome in found if not outcome.error and not isinstance(outcome.decision, Skip)]


def _failed(outcomes: Sequence[Outcome]) -> bool:
    return any(outcome.error for outcome in outcomes)


def _still_used(found: Sequence[Outcome], forwarder: Function) -> bool:
    """Return whether filters remain that lead to the forwarder."""
    for outcome in found:
        decision = outcome.decision
        removed = decision.removes if isinstance(decision, Unsubscribe) else ()
        if any(left not in removed and forwarder.is_target_of(left.destination) for left in decision.group.filters):
            return True
    return False


def _check_account(group: LogGroup, forwarder: Function) -> None:
    account = "".join(group.arn.split(":")[4:5])
    if account not in ("", forwarder.account):
        raise ConfigurationError(
            f"The forwarder is in the account {forwarder.account} and these credentials are for {account}: name a"
            " profile of the forwarder's account with --profile."
        )


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Yield a list that is empty until Ctrl-C is pressed, so that the current group is finished; twice ends at once."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, before)
