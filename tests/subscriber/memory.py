"""A client of CloudWatch Logs over a dictionary."""

# ruff: noqa: N803 - the names of arguments are boto3's

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from subscriber.aws import Clients
from subscriber.records import Filter, LogGroup
from tests.subscriber.support import REGION


class MemoryLogs:
    """A client of CloudWatch Logs over a dictionary, with a limit of filters that differs from moto's.

    As boto3's, it takes arguments by their names only.
    """

    def __init__(self, groups: Iterable[LogGroup], limit: int = 2) -> None:
        self.groups = {each.name: each for each in groups}
        self._names = sorted(self.groups)  # they do not change
        self.limit = limit
        self.refused: dict[str, list[str]] = {}  # codes, by filter name, for further calls of put
        self.kept: dict[str, str] = {}  # codes, by filter name, for calls of delete

    def describe_log_groups(self, *, limit: int, logGroupNamePrefix: str = "", nextToken: str = "") -> Any:
        names = [name for name in self._names if name.startswith(logGroupNamePrefix)]
        start = int(nextToken or 0)
        page = [self.groups[name] for name in names[start : start + limit]]
        listed = [{"logGroupName": g.name, "arn": f"{g.arn}:*", "logGroupClass": g.log_class} for g in page]
        return {"logGroups": listed} | ({"nextToken": str(start + limit)} if start + limit < len(names) else {})

    def describe_subscription_filters(self, *, logGroupName: str, nextToken: str = "0") -> Any:
        """Describe one filter per page."""
        number, filters = int(nextToken), self.groups[logGroupName].filters
        page = [_described(each) for each in filters[number : number + 1]]
        return {"subscriptionFilters": page} | ({"nextToken": str(number + 1)} if number + 1 < len(filters) else {})

    def list_tags_for_resource(self, *, resourceArn: str) -> Any:
        return {"tags": self.groups[resourceArn.split(":")[6]].tags}

    def put_subscription_filter(
        self,
        *,
        logGroupName: str,
        filterName: str,
        filterPattern: str,
        destinationArn: str,
        **extras: object,
    ) -> None:
        if codes := self.refused.get(filterName):
            self._fail("PutSubscriptionFilter", codes.pop(0))
        found = {each.name: each for each in self.groups[logGroupName].filters}
        if filterName not in found and len(found) >= self.limit:
            self._fail("PutSubscriptionFilter", "LimitExceededException")
        found[filterName] = Filter(filterName, destinationArn, filterPattern, extras)
        self._set(logGroupName, found)

    def delete_subscription_filter(self, *, logGroupName: str, filterName: str) -> None:
        if code := self.kept.get(filterName):
            self._fail("DeleteSubscriptionFilter", code)
        found = {each.name: each for each in self.groups[logGroupName].filters}
        if filterName not in found:
            self._fail("DeleteSubscriptionFilter", "ResourceNotFoundException")
        del found[filterName]
        self._set(logGroupName, found)

    def _set(self, name: str, filters: Mapping[str, Filter]) -> None:
        self.groups[name] = replace(self.groups[name], filters=tuple(filters.values()))

    @staticmethod
    def _fail(operation: str, code: str) -> None:
        answer = {"Error": {"Code": code, "Message": "as told"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        raise ClientError(answer, operation)


class MemoryTags:
    """A client of the tagging API for the same groups; it returns one page, whatever it is asked for."""

    def __init__(self, logs: MemoryLogs) -> None:
        self._logs = logs

    def get_resources(self, **_: object) -> Any:
        listed = [
            {"ResourceARN": each.arn, "Tags": [{"Key": key, "Value": value} for key, value in each.tags.items()]}
            for each in self._logs.groups.values()
        ]
        return {"ResourceTagMappingList": listed}


class MemoryClients(Clients):
    """Clients whose CloudWatch Logs and tagging API are over a dictionary."""

    def __init__(self, logs: MemoryLogs, session: Any = None) -> None:
        super().__init__(REGION, session=session)
        self.__dict__ |= {"logs": logs, "tagging": MemoryTags(logs)}


def _described(each: Filter) -> dict[str, object]:
    named = {"filterName": each.name, "destinationArn": each.destination, "filterPattern": each.pattern}
    return {**named, **each.extras}
