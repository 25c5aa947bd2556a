"""What modules pass to each other: log groups as they are, decisions about them, and the outcomes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from subscriber.errors import ConfigurationError

STANDARD = "STANDARD"  # the one log class that takes subscription filters

_FUNCTION_ARN = re.compile(r"arn:(aws[a-z-]*):lambda:([a-z0-9-]+):([0-9]{12}):function:([A-Za-z0-9_-]+)(?::([$\w-]+))?")


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function, by the parts of its ARN. The qualifier is a version, an alias or nothing."""

    arn: str
    partition: str
    region: str
    account: str
    name: str
    qualifier: str

    @classmethod
    def of(cls, arn: str, setting: str) -> "Function":
        """Parse an ARN.

        Raises:
            ConfigurationError: it is not the ARN of a function; the sentence names the setting that it is from.

        """
        if found := _FUNCTION_ARN.fullmatch(arn):
            return cls(arn, *(part or "" for part in found.groups()))
        raise ConfigurationError(
            f"{setting} is {arn!r}; expected the ARN of a function, such as"
            " arn:aws:lambda:eu-west-1:123456789012:function:forwarder."
        )

    def is_target_of(self, destination: str) -> bool:
        """Return whether a filter's destination is this function, in any version."""
        found = _FUNCTION_ARN.fullmatch(destination)
        return found is not None and found.groups()[:4] == (self.partition, self.region, self.account, self.name)


@dataclass(frozen=True, slots=True)
class Filter:
    """A subscription filter. `extras` are the other fields of `DescribeSubscriptionFilters` that `Put…` takes."""

    name: str
    destination: str
    pattern: str = ""
    extras: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group as it is. `full`: AWS has said that it takes no further filter."""

    name: str
    arn: str = ""
    log_class: str = STANDARD
    filters: tuple[Filter, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    full: bool = False


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Put our filter, then remove others that it replaces; with `makes_room`, remove the first of them before."""

    verb: ClassVar[str] = "subscribe"
    group: LogGroup
    reason: str
    filter: Filter
    removes: tuple[Filter, ...] = ()
    makes_room: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """Put our filter again, since it is not what it should be, then remove others that it replaces."""

    verb: ClassVar[str] = "update"
    group: LogGroup
    reason: str
    filter: Filter
    removes: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Remove these filters."""

    verb: ClassVar[str] = "unsubscribe"
    group: LogGroup
    reason: str
    removes: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """Leave the group as it is."""

    verb: ClassVar[str] = "skip"
    group: LogGroup
    reason: str


Decision = Subscribe | Update | Unsubscribe | Skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a decision, or of the attempt to make one; `error` is empty if all went well.

    `again`: it may succeed later.
    """

    decision: Decision
    error: str = ""
    again: bool = False


@dataclass(slots=True)
class Counts:
    """The number of groups by what was done."""

    subscribed: int = 0
    updated: int = 0
    unsubscribed: int = 0
    skipped: int = 0
    failed: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one group."""
        name = "failed" if outcome.error else _COUNTED_AS[outcome.decision.verb]
        setattr(self, name, getattr(self, name) + 1)


_COUNTED_AS = {
    Subscribe.verb: "subscribed",
    Update.verb: "updated",
    Unsubscribe.verb: "unsubscribed",
    Skip.verb: "skipped",
}
