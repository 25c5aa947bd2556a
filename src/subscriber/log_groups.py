"""Log groups, their filters and tags, as CloudWatch Logs has them.

Groups come 50 to a page; the tags of all groups that have the wanted ones come 100 to a page from the tagging API. Only
filters take a call for each group, so they are read only where a decision depends on them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from subscriber.aws import Clients
from subscriber.calls import Calls
from subscriber.errors import AwsError
from subscriber.records import STANDARD, Filter, LogGroup

PAGE = 50  # groups; the maximum of DescribeLogGroups
GONE = "ResourceNotFoundException"
MAX_KEYS, MAX_VALUES_PER_KEY = 50, 20  # of GetResources

# What PutSubscriptionFilter takes besides name, pattern and destination, and DescribeSubscriptionFilters returns.
EXTRAS = ("roleArn", "distribution", "applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFields")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to continue: at a prefix, with a page's token, after the group of this name; no prefix is the start."""

    prefix: str | None = None
    token: str = ""
    after: str = ""


class LogGroups:
    """Reads and changes log groups; every method may raise `AwsError` or `OutOfTimeError`.

    `note` is called with a group before a filter is put into it.
    """

    def __init__(self, clients: Clients, calls: Calls, note: Callable[[LogGroup], None] = lambda _: None) -> None:
        self._clients, self._calls, self._note = clients, calls, note

    def listed(self, prefixes: tuple[str, ...], start: Cursor) -> Iterator[tuple[Cursor, LogGroup]]:
        """Yield the groups under each prefix, without filters and tags, each with the cursor after it."""
        first = prefixes.index(start.prefix) if start.prefix in prefixes else 0
        for prefix in prefixes[first:]:
            yield from self._under(prefix, start if prefix == start.prefix else Cursor(prefix))

    def _under(self, prefix: str, at: Cursor) -> Iterator[tuple[Cursor, LogGroup]]:
        for token, page in self._pages(prefix, PAGE, at.token):
            for found in page.get("logGroups", ()):
                if found.get("logGroupName", "") > at.after:
                    yield Cursor(prefix, token, found["logGroupName"]), _group(found)

    def _pages(self, prefix: str, limit: int, start: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
        prefixed = {"logGroupNamePrefix": prefix} if prefix else {}
        return self._calls.pages(self._clients.logs.describe_log_groups, start=start, limit=limit, **prefixed)

    def named(self, name: str) -> LogGroup | None:
        """Return one group without filters and tags, or None if there is none of that name."""
        for _, page in self._pages(name, 1):
            for found in page.get("logGroups", ()):  # a page may have none
                # Names are sorted, and a name comes before all names that it is a prefix of.
                return _group(found) if found.get("logGroupName") == name else None
        return None

    def with_filters(self, group: LogGroup) -> LogGroup:
        """Return a group with its filters; one that is gone has none."""
        describe = self._clients.logs.describe_subscription_filters
        filters: list[Filter] = []
        try:
            for _, page in self._calls.pages(describe, logGroupName=group.name):
                filters += [_filter(found) for found in page.get("subscriptionFilters", ())]
        except AwsError as error:
            if error.code != GONE:
                raise
            return replace(group, filters=())
        return replace(group, filters=tuple(filters))

    def with_tags(self, group: LogGroup) -> LogGroup:
        """Return a group with all of its tags."""
        try:
            answer = self._calls.make(self._clients.logs.list_tags_for_resource, resourceArn=group.arn)
        except AwsError as error:
            if error.code == GONE:
                return group
            raise
        return replace(group, tags=answer.get("tags", {}))

    def tagged(self, values: Mapping[str, list[str]]) -> dict[str, dict[str, str]]:
        """Return the tags, by ARN, of at least all groups that have one of the values of each key."""
        # Where the API does not take that many conditions, it gets fewer, and returns more groups.
        filters = [
            {"Key": key, "Values": wanted if len(wanted) <= MAX_VALUES_PER_KEY else []}
            for key, wanted in list(values.items())[:MAX_KEYS]
        ]
        pages = self._calls.pages(
            self._clients.tagging.get_resources,
            "PaginationToken",
            ResourceTypeFilters=["logs:log-group"],
            TagFilters=filters,
            ResourcesPerPage=100,
        )
        return {
            resource.get("ResourceARN", "").removesuffix(":*"): {
                tag["Key"]: tag["Value"] for tag in resource.get("Tags", ())
            }
            for _, page in pages
            for resource in page.get("ResourceTagMappingList", ())
        }

    def put(self, group: LogGroup, wanted: Filter) -> None:
        """Put a filter, replacing the group's filter of that name if it has one."""
        self._note(group)  # before: the response may be lost
        self._calls.make(self._clients.logs.put_subscription_filter, **_put_parameters(group, wanted))

    def put_back(self, group: LogGroup, removed: Filter) -> None:
        """Put back a filter that was removed, while there is any time left."""
        self._calls.late.make(self._clients.logs.put_subscription_filter, **_put_parameters(group, removed))

    def remove(self, group: LogGroup, unwanted: Filter) -> None:
        """Remove a filter, unless it or its group is gone already."""
        try:
            self._calls.make(
                self._clients.logs.delete_subscription_filter, logGroupName=group.name, filterName=unwanted.name
            )
        except AwsError as error:
            if error.code != GONE:
                raise


def _group(found: Mapping[str, Any]) -> LogGroup:
    # `arn` ends in `:*`, which ARNs in the tagging APIs lack.
    arn = found.get("arn", "").removesuffix(":*")
    return LogGroup(found["logGroupName"], arn, found.get("logGroupClass", STANDARD))


def _filter(found: Mapping[str, Any]) -> Filter:
    extras = {name: found[name] for name in EXTRAS if found.get(name)}
    name, destination = found.get("filterName", ""), found.get("destinationArn", "")
    return Filter(name, destination, found.get("filterPattern", ""), extras)


def _put_parameters(group: LogGroup, wanted: Filter) -> dict[str, object]:
    return {
        "logGroupName": group.name,
        "filterName": wanted.name,
        "filterPattern": wanted.pattern,
        "destinationArn": wanted.destination,
        **wanted.extras,
    }
