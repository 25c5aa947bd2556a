"""Applies a policy's decisions to log groups, one at a time.

Others change filters too, and a plan goes stale while somebody reads it: so a group's filters are read right before
their first change, and again before removing one that ours replaces.
"""

from dataclasses import replace

from subscriber.errors import AwsError, NotPutBackError, OutOfTimeError, SlowPatternError
from subscriber.log_groups import GONE, LogGroups
from subscriber.plan import Policy
from subscriber.records import Decision, Filter, LogGroup, Outcome, Skip, Subscribe, Unsubscribe, Update
from subscriber.survey import look_at

LIMIT = "LimitExceededException"

# What AWS's codes mean here, where their names do not say it.
_HINTS = {
    "InvalidParameterException": " (may CloudWatch Logs invoke the forwarder, and is the filter pattern valid?)",
}


class Apply:
    """Applies a policy. One group's failure is an outcome; only `OutOfTimeError` is raised."""

    def __init__(self, log_groups: LogGroups, policy: Policy) -> None:
        self._log_groups, self._policy = log_groups, policy

    def to(self, group: LogGroup) -> Outcome:
        """Decide on a group whose tags are known, do that, and return what was done in the end."""
        found = look_at(group, self._log_groups, self._policy)
        if found.error:
            return found
        try:
            return Outcome(self._do(found.decision))
        except AwsError as error:
            if error.code == GONE:
                return Outcome(Skip(group, "gone"))
            return Outcome(found.decision, f"{error}{_HINTS.get(error.code, '')}", error.transient)
        except SlowPatternError as error:
            return Outcome(found.decision, str(error))

    def _do(self, decision: Decision) -> Decision:
        match decision:
            case Subscribe(makes_room=True):
                self._exchange(decision)
            case Subscribe():
                return self._subscribe(decision)
            case Update():
                self._put(decision)
            case Unsubscribe():
                self._remove(decision.group, decision.removes)
            case Skip():
                pass
        return decision

    def _subscribe(self, decision: Subscribe) -> Decision:
        try:
            self._put(decision)
        except AwsError as error:
            if error.code != LIMIT:
                raise
            # Only AWS knows an account's limit: now that it has said so, decide again.
            return self._do(self._policy.decide(replace(decision.group, full=True)))
        return decision

    def _exchange(self, decision: Subscribe) -> None:
        """Replace another filter with ours, and put it back if ours cannot be put."""
        removed = decision.removes[0]
        is_there = True
        try:
            self._log_groups.remove(decision.group, removed)
            is_there = False
            self._log_groups.put(decision.group, decision.filter)
        except BaseException as reason:  # an interruption too; and a response may have been lost
            if not (is_there and isinstance(reason, AwsError) and reason.refused):
                self._put_back(decision.group, removed, reason)
            raise
        self._remove_replaced(decision)

    def _put_back(self, group: LogGroup, removed: Filter, reason: BaseException) -> None:
        try:
            self._log_groups.put_back(group, removed)
        except (AwsError, OutOfTimeError) as error:
            if not (isinstance(error, AwsError) and error.code == GONE):
                problem = f"{error}, so the filter {removed.name} may be gone: put it back by hand, or run this again"
                raise NotPutBackError(f"{reason}; putting back", problem) from None

    def _put(self, decision: Subscribe | Update) -> None:
        self._log_groups.put(decision.group, decision.filter)
        self._remove_replaced(decision)

    def _remove_replaced(self, decision: Subscribe | Update) -> None:
        """Remove what our filter replaces and is still there, except a filter of the same name: that is ours now."""
        if replaced := [old for old in decision.removes if old.name != decision.filter.name]:
            filters = self._log_groups.with_filters(decision.group).filters
            self._remove(decision.group, tuple(old for old in replaced if old in filters))

    def _remove(self, group: LogGroup, filters: tuple[Filter, ...]) -> None:
        for unwanted in filters:
            self._log_groups.remove(group, unwanted)
