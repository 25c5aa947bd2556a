"""Everything that lives as long as Lambda keeps the process, and what is created from it for an invocation."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from subscriber.advice import removal_advice
from subscriber.apply import Apply
from subscriber.aws import Clients
from subscriber.calls import Calls, Pace
from subscriber.errors import OutOfTimeError
from subscriber.functions import Functions, Looping
from subscriber.log_groups import LogGroups
from subscriber.pace import Clock, SystemClock
from subscriber.plan import Reconciliation, Removal
from subscriber.records import Outcome
from subscriber.settings import Settings
from subscriber.stack import Stack
from subscriber.telemetry import Telemetry

# Of the time that Lambda leaves, this share, at most `MAX_RESERVE` seconds, is reserved for what must not be skipped:
# putting back, handing on, responding. Of that, a share is for the response alone.
RESERVE_SHARE, MAX_RESERVE = 0.3, 60.0
RESPONSE_SHARE = 0.4


class Context(Protocol):
    """What the subscriber needs of Lambda's context object."""

    aws_request_id: str
    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


class Sandbox:
    """What all invocations share."""

    def __init__(self, settings: Settings, clients: Clients | None = None, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clients = clients or Clients(settings.wanted.ours.forwarder.region)
        self.clock = clock or SystemClock()
        self.telemetry = Telemetry(settings.log_level, settings.wanted.ours.forwarder.name)
        self._pace = Pace(settings.calls_per_second, self.clock)
        self._looping: Looping | None = None

    def calls(self, context: Context, at_most: float = math.inf) -> Calls:
        """Return calls that end in time and, except those that must not be skipped, within `at_most` seconds."""
        remaining = context.get_remaining_time_in_millis() / 1000
        reserve = min(MAX_RESERVE, remaining * RESERVE_SHARE)
        now = self.clock.now()
        return Calls(self._pace, now + min(remaining - reserve, at_most), now + remaining - reserve * RESPONSE_SHARE)

    def stack(self, calls: Calls) -> Stack:
        """Return the stack that the function belongs to."""
        return Stack(self.settings.stack_id, self.clients, calls, self.clock)

    def protecting(self, wanted: Reconciliation, calls: Calls) -> Reconciliation:
        """Return what is wanted, with the groups protected that only AWS knows of."""
        known = self._looping or Functions(self.clients, calls).looping_targets(self.settings.protected_functions)
        for sentence in known.doubts:
            self.telemetry.warn(sentence)
        self._looping = None if known.doubts else known
        return replace(wanted, protected=wanted.protected | known.log_groups)

    def take_back(self, stack: Stack, calls: Calls) -> Iterator[Outcome]:
        """Remove the filters that were put after the stack's removal may have passed their groups."""
        ours = self.settings.wanted.ours
        apply = Apply(LogGroups(self.clients, calls.late), Removal(ours))
        try:
            for group in stack.subscribed_too_late():
                outcome = apply.to(group)
                if outcome.error:
                    self.telemetry.warn(removal_advice([ours], outcome.error))
                yield outcome
        except OutOfTimeError as error:
            self.telemetry.warn(removal_advice([ours], str(error)))
