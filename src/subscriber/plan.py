"""Decides, from what is and what should be. Pure: nothing here calls AWS.

A filter is *ours* if it has our name and leads to the forwarder. Nobody else's filter is ever changed or removed,
except those that the user names to be taken over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from subscriber.errors import ConfigurationError
from subscriber.records import STANDARD, Decision, Filter, Function, LogGroup, Skip, Subscribe, Unsubscribe, Update
from subscriber.selection import Selection

FILTER_NAME = "datadog-forwarder"
LOOPS = "would loop"
LOWEST_LIMIT = 2  # filters of a log group; newer accounts may have 5, and only AWS knows


class Policy(Protocol):
    """Decides what to do with a log group; both methods may raise `SlowPatternError`."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Prefixes of the names of all groups that may be concerned, in the order in which to look at them."""

    def skip_without_reading(self, group: LogGroup) -> Skip | None:
        """Return why a group is skipped, if that takes neither its filters nor its tags."""

    def decide(self, group: LogGroup) -> Decision:
        """Decide on a group whose filters and tags are known."""


@dataclass(frozen=True, slots=True)
class Ours:
    """What makes a filter ours."""

    forwarder: Function
    name: str = FILTER_NAME

    def has(self, found: Filter) -> bool:
        """Return whether a filter is ours."""
        return found.name == self.name and found.destination == self.forwarder.arn

    @property
    def id(self) -> str:
        """Both parts in one string: a filter's name has no colon."""
        return f"{self.name}:{self.forwarder.arn}"

    @classmethod
    def of_id(cls, text: str) -> "Ours | None":
        """Return what has this id; None if it is no such id."""
        name, _, arn = text.partition(":")
        try:
            return cls(Function.of(arn, "id"), name)
        except ConfigurationError:
            return None


@dataclass(frozen=True, slots=True)
class Removal:
    """Remove our filters everywhere; `first` are prefixes under which most of them are.

    `former` is what made a filter ours before the settings changed.
    """

    ours: Ours
    first: tuple[str, ...] = ()
    former: Ours | None = None

    @property
    def prefixes(self) -> tuple[str, ...]:
        """All groups may be concerned."""
        return _and_all_others(self.first)

    def skip_without_reading(self, group: LogGroup) -> Skip | None:
        """Skip groups that cannot have filters."""
        return Skip(group, _no_filters(group)) if _no_filters(group) else None

    def decide(self, group: LogGroup) -> Decision:
        """Remove our filter."""
        found = tuple(each for each in group.filters if self.ours.has(each) or _has(self.former, each))
        return Unsubscribe(group, "ours", found) if found else Skip(group, "no filter of ours")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Put our filter into all groups that are wanted, and into no others.

    `protected` names the groups that must never be subscribed, because they would loop. `take_over` names other filters
    to replace: by their name, or by the name or ARN of the function that they lead to; `previous` is what made a filter
    ours before the settings changed. With `everywhere`, groups that are not wanted are looked at as well, to remove
    what is or was our filter: that is needed when the selection has changed. Without `prune`, what is not selected
    keeps our filter: a selection may be about only a few of many groups. A group that would loop loses it anyway.
    """

    ours: Ours
    selection: Selection
    pattern: str = ""
    protected: frozenset[str] = frozenset()
    take_over: tuple[str, ...] = ()
    previous: Ours | None = None
    everywhere: bool = True
    prune: bool = True

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Prefixes under which names are listed."""
        return _and_all_others(self.selection.prefixes) if self.everywhere else self.selection.prefixes

    @property
    def filter(self) -> Filter:
        """The filter that wanted groups should have."""
        return Filter(self.ours.name, self.ours.forwarder.arn, self.pattern)

    def skip_without_reading(self, group: LogGroup) -> Skip | None:
        """Skip groups that cannot have filters and, if not `everywhere`, those that are not wanted by name."""
        reason = _no_filters(group) or ("" if self.everywhere else self._unfit_name(group))
        return Skip(group, reason) if reason else None

    def decide(self, group: LogGroup) -> Decision:
        """Decide on one group."""
        if reason := self._unfit(group):
            removes = tuple(found for found in group.filters if self.ours.has(found) or _has(self.previous, found))
            return self._unsubscribe(group, reason, removes) if removes else Skip(group, reason)
        ours = [found for found in group.filters if self.ours.has(found)]
        theirs = tuple(found for found in group.filters if self._takes_over(found))
        if not ours:
            return self._subscribe(group, theirs)
        if ours[0].pattern != self.pattern:
            return Update(group, "its filter pattern differs", self.filter, theirs)
        if theirs:
            return Unsubscribe(group, f"taken over: {_names(theirs)}", theirs)
        return Skip(group, "subscribed")

    def _unsubscribe(self, group: LogGroup, reason: str, removes: tuple[Filter, ...]) -> Decision:
        if self.prune or reason == LOOPS:
            return Unsubscribe(group, reason, removes)
        return Skip(group, f"{reason}, but subscribed: only --prune unsubscribes it")

    def _subscribe(self, group: LogGroup, theirs: tuple[Filter, ...]) -> Decision:
        others = [found for found in group.filters if found not in theirs]
        for found in others:
            if found.name == self.ours.name:
                return Skip(group, "a filter of that name leads elsewhere")
            if self.ours.forwarder.is_target_of(found.destination):
                return Skip(group, f"the filter {found.name} leads to the forwarder already")
        if group.full and not theirs:
            return Skip(group, f"AWS allows no more filters besides: {_names(group.filters)}")
        return Subscribe(group, _why(group, theirs), self.filter, theirs, makes_room=group.full)

    def _takes_over(self, found: Filter) -> bool:
        if self.ours.has(found):
            return False
        return not names_of(found).isdisjoint(self.take_over) or _has(self.previous, found)

    def _unfit(self, group: LogGroup) -> str:
        return _no_filters(group) or self._unfit_name(group) or self.selection.unfit_tags(group.tags)

    def _unfit_name(self, group: LogGroup) -> str:
        if group.name in self.protected:
            return LOOPS
        return self.selection.unfit_name(group.name)


def names_of(found: Filter) -> set[str]:
    """Return all names by which a user may name a filter to take over."""
    parts = found.destination.split(":")
    function = {parts[6], ":".join(parts[:7])} if parts[2:3] == ["lambda"] and parts[6:] else set()  # of any version
    return {found.name, found.destination, *function}


def _has(ours: Ours | None, found: Filter) -> bool:
    return ours is not None and ours.has(found)


def _and_all_others(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    return (*filter(None, prefixes), "")


def _no_filters(group: LogGroup) -> str:
    return "" if group.log_class == STANDARD else f"log class {group.log_class} does not support filters"


def _why(group: LogGroup, theirs: tuple[Filter, ...]) -> str:
    if theirs:
        return f"takes over: {_names(theirs)}"
    if len(group.filters) >= LOWEST_LIMIT:
        return f"wanted, if AWS allows a filter besides: {_names(group.filters)}"
    return "wanted"


def _names(filters: Iterable[Filter]) -> str:
    return ", ".join(found.name for found in filters) or "none"
