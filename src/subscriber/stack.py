"""The stack that the function belongs to, which may be about to change or to be deleted."""

from collections.abc import Callable, Mapping
from typing import Any

from subscriber.aws import Clients
from subscriber.calls import Calls
from subscriber.errors import AwsError
from subscriber.pace import Clock
from subscriber.records import LogGroup

FRESH = 5.0  # seconds for which a response is used
GOING = ("DELETE_", "ROLLBACK_")  # the rollback of a creation deletes what there is
SWITCH = "SubscribeLogGroups"  # the parameter without which the subscriber is removed
GONE: Mapping[str, Any] = {"StackStatus": "DELETE_COMPLETE"}


class Stack:
    """Asks CloudFormation at most every few seconds; without an id, there is no stack, and it never changes.

    If CloudFormation does not respond, its last response is used.
    """

    def __init__(self, stack_id: str, clients: Clients, calls: Calls, clock: Clock) -> None:
        self._id, self._clients, self._calls, self._clock = stack_id, clients, calls, clock
        self._asked = float("-inf")
        self._known: Mapping[str, Any] = {}
        self._subscribed: dict[str, LogGroup] = {}  # since it was last known to stay

    @property
    def is_going(self) -> bool:
        """Whether it, or the subscriber in it, is being deleted or gone; false if CloudFormation does not say.

        Then nothing may be subscribed any more, or filters would be left behind.
        """
        self._ask_if_old()
        return _is_going(self._known)

    @property
    def version(self) -> str:
        """A string that changes when an update begins or is rolled back; empty if CloudFormation does not say."""
        self._ask_if_old()
        if not self._known:
            return ""
        rolled_back = "ROLLBACK" in self._known.get("StackStatus", "")
        return f"{self._known.get('LastUpdatedTime', 'created')}{', rolled back' if rolled_back else ''}"

    def has_moved_on(self, version: str) -> bool:
        """Return whether work that was begun for a version should stop."""
        return self.is_going or (version != self.version and "" not in (version, self.version))

    def note(self, group: LogGroup) -> None:
        """Remember a group that is about to be subscribed."""
        if self._id:
            self._subscribed[group.name] = group

    def subscribed_too_late(self) -> list[LogGroup]:
        """Return the groups whose filters a removal may have missed, if the stack is going by now."""
        if self._subscribed and not _is_going(self._known):
            self._ask(self._calls.late.make)
        return list(self._subscribed.values()) if _is_going(self._known) else []

    def _ask_if_old(self) -> None:
        if self._id and self._clock.now() - self._asked >= FRESH:
            self._ask(self._calls.once)

    def _ask(self, make: Callable[..., Any]) -> None:
        try:
            answer = make(self._clients.stacks.describe_stacks, StackName=self._id)
        except AwsError as error:
            answer = {"Stacks": [GONE]} if error.code == "ValidationError" else {}  # there is no such stack
        self._asked = self._clock.now()
        if found := answer.get("Stacks"):
            self._known = found[0]
            if not _is_going(self._known):
                self._subscribed.clear()


def _is_going(found: Mapping[str, Any]) -> bool:
    off = {"ParameterKey": SWITCH, "ParameterValue": "false"}
    return found.get("StackStatus", "").startswith(GOING) or any(
        off.items() <= parameter.items() for parameter in found.get("Parameters", ())
    )
