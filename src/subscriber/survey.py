"""Goes through log groups, reads what a decision on one depends on, and decides."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from subscriber.errors import AwsError, SlowPatternError
from subscriber.log_groups import Cursor, LogGroups
from subscriber.plan import Policy, Reconciliation
from subscriber.records import Decision, LogGroup, Outcome, Skip, Unsubscribe


class Survey:
    """The groups that a policy may concern.

    `cursor` is where to continue after the last one that is done, and `begun` after the last one that was begun.
    """

    def __init__(self, log_groups: LogGroups, policy: Policy, start: Cursor = Cursor()) -> None:  # noqa: B008 - frozen
        self._log_groups, self._policy, self._start = log_groups, policy, start
        self.cursor = self.begun = start

    def __iter__(self) -> Iterator[LogGroup]:
        """Yield groups without filters, and with tags if those matter; each once, however many prefixes match.

        A group counts as done when the next one is asked for.

        Raises:
            AwsError: the groups could not be listed, or their tags could not be read.
            OutOfTimeError: the time is up.

        """
        tags = wanted_tags(self._log_groups, self._policy)
        prefixes = self._policy.prefixes
        for cursor, listed in self._log_groups.listed(prefixes, self._start):
            self.begun = cursor
            if not listed.name.startswith(prefixes[: prefixes.index(cursor.prefix)]):
                yield replace(listed, tags=tags.get(listed.arn, {}))
            self.cursor = cursor


def wanted_tags(log_groups: LogGroups, policy: Policy) -> Mapping[str, Mapping[str, str]]:
    """Return the tags of groups that have the wanted ones, by ARN; nothing if no tags are wanted."""
    values = policy.selection.tag_values if isinstance(policy, Reconciliation) else {}
    return log_groups.tagged(values) if values else {}


def look_at(group: LogGroup, log_groups: LogGroups, policy: Policy) -> Outcome:
    """Read the filters of one group whose tags are known, and decide; the outcome has an error if that fails."""
    try:
        if skipped := policy.skip_without_reading(group):
            return Outcome(skipped)
        return Outcome(_decide(log_groups.with_filters(group), log_groups, policy))
    except AwsError as error:
        return Outcome(Skip(group, "not known"), str(error), error.transient)
    except SlowPatternError as error:
        return Outcome(Skip(group, "not known"), str(error))


def _decide(group: LogGroup, log_groups: LogGroups, policy: Policy) -> Decision:
    decision = policy.decide(group)
    if isinstance(decision, Unsubscribe) and wanted_by_tags(policy):
        # The tagging API may be minutes behind: ask the group itself before a filter is removed.
        return policy.decide(log_groups.with_tags(group))
    return decision


def wanted_by_tags(policy: Policy) -> bool:
    """Return whether tags matter."""
    return isinstance(policy, Reconciliation) and bool(policy.selection.tags)
