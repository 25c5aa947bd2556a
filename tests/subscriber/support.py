"""What tests of the subscriber share: an AWS with log groups in it, a clock that only pretends, events."""

import io
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from moto.logs.models import LogsBackend, SubscriptionFilter, logs_backends

from subscriber import cli
from subscriber.aws import Clients
from subscriber.handler import Subscriber
from subscriber.plan import Ours, Reconciliation
from subscriber.records import Filter, Function, LogGroup
from subscriber.selection import Pattern, Selection, Tag
from subscriber.settings import Settings

ACCOUNT, REGION = "123456789012", "eu-west-1"
LAMBDA = ("--include", "/aws/lambda/")
YES = (*LAMBDA, "--yes")
CHANGES = {"PutSubscriptionFilter", "DeleteSubscriptionFilter", "AddPermission", "RemovePermission"}
FORWARDER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:forwarder"
INCUMBENT = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:incumbent"
SUBSCRIBER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:subscriber"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/lake"
OURS = Ours(Function.of(FORWARDER, "FORWARDER"))
OWN = Filter("datadog-forwarder", FORWARDER)
FOREIGN = Filter("lake", STREAM, "ERROR", {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/lake", "distribution": "Random"})
THEIRS = Filter("old", INCUMBENT, "?WARN")
SLOW, LONG = "regex:^/aws/lambda/(b|bb)+$", f"/aws/lambda/{'b' * 60}-1"  # a pattern, and a name for which it never ends
ENVIRON = {
    "SUBSCRIBER_FORWARDER_ARN": FORWARDER,
    "SUBSCRIBER_INCLUDE": "/aws/lambda/",
    "AWS_LAMBDA_FUNCTION_NAME": "subscriber",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/subscriber",
}


def group(name: str, *filters: Filter, **fields: Any) -> LogGroup:
    """Return a log group with these filters."""
    return LogGroup(name, f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}", filters=filters, **fields)


def selection(*include: str, exclude: Iterable[str] = (), tags: Iterable[str] = ()) -> Selection:
    return Selection(
        tuple(Pattern.of(text, "include") for text in include),
        tuple(Pattern.of(text, "exclude") for text in exclude),
        tuple(Tag.of(text, "tags") for text in tags),
    )


def wanted(*include: str, exclude: Iterable[str] = (), tags: Iterable[str] = (), **fields: Any) -> Reconciliation:
    """Return the policy that wants our filter in all groups that match."""
    return replace(Reconciliation(OURS, selection(*include, exclude=exclude, tags=tags)), **fields)


def settings(**variables: str) -> Settings:
    """Return settings with `SUBSCRIBER_<NAME>` variables replaced."""
    return Settings.from_environ(ENVIRON | {f"SUBSCRIBER_{name}": value for name, value in variables.items()})


class Clock:
    """Time passes only during sleeps and calls to AWS."""

    def __init__(self) -> None:
        self.time = 1_795_343_071.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    epoch = now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@dataclass
class Context:
    """An invocation that ends at a moment on the clock."""

    clock: Clock
    ends: float
    aws_request_id: str = "6ab1f0c9-58a7-4c61-9d0b-2f0c3f1f7d10"
    invoked_function_arn: str = SUBSCRIBER

    def get_remaining_time_in_millis(self) -> int:
        return int((self.ends - self.clock.now()) * 1000)


@dataclass
class Trouble:
    """Calls of an operation that fail: those on `group`, one in `every`, at most `times`."""

    operation: str
    code: str
    group: str = ""
    every: int = 1
    times: int = 1_000_000
    met: int = 0


@dataclass
class World:
    """An AWS (moto), with log groups, that can be told to fail."""

    clock: Clock
    session: boto3.session.Session
    latency: float = 0.0  # seconds that each call takes
    calls: list[tuple[float, str]] = field(default_factory=list)
    invoked: list[dict[str, Any]] = field(default_factory=list)
    classes: dict[str, str] = field(default_factory=dict)
    configurations: dict[str, dict[str, Any]] = field(default_factory=dict)  # what moto does not keep of functions
    stack_status: str = "CREATE_COMPLETE"
    stack_updated: str = ""
    stack_subscribes: str = "true"
    stack_log_groups: list[str] = field(default_factory=list)  # of its subscriber
    troubles: list[Trouble] = field(default_factory=list)
    stop_at: int = 1_000_000  # the call at which the process is killed

    @property
    def clients(self) -> Clients:
        return Clients(REGION, session=self.session)

    @property
    def backend(self) -> LogsBackend:
        return logs_backends[ACCOUNT][REGION]

    def subscriber(self, **variables: str) -> Subscriber:
        return Subscriber(settings(**variables), self.clients, self.clock)

    def create(self, *names: str, tags: Mapping[str, str] | None = None, filters: Iterable[Filter] = ()) -> None:
        """Create log groups directly, which is faster than with calls."""
        for name in names:
            self.backend.create_log_group(name, dict(tags or {}))
            for each in filters:
                self.put(name, each)

    def put(self, name: str, each: Filter) -> None:
        """Put a filter, whatever the limit."""
        self.backend.groups[name].subscription_filters[each.name] = SubscriptionFilter(
            each.name,
            name,
            each.pattern,
            each.destination,
            str(each.extras.get("roleArn", "")) or None,  # type: ignore[arg-type]  # as moto itself does
        )

    def filters(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Return destination and pattern of each filter of each group."""
        return {
            name: {
                each.name: (each.destination_arn, each.filter_pattern) for each in found.subscription_filters.values()
            }
            for name, found in self.backend.groups.items()
        }

    def subscribed(self) -> set[str]:
        """Name the groups with our filter."""
        return {name for name, found in self.filters().items() if found.get(OWN.name, ("",))[0] == FORWARDER}

    def count(self, operation: str) -> int:
        return sum(name == operation for _, name in self.calls)

    def refuse(self, operation: str, code: str, **fields: Any) -> None:
        self.troubles.append(Trouble(operation, code, **fields))

    def context(self, seconds: float = 900) -> Context:
        return Context(self.clock, self.clock.now() + seconds)

    def run(self, subscriber: Subscriber, event: Mapping[str, Any], seconds: float = 900) -> int:
        """Handle an event, and those with which it invokes itself; return the number of invocations."""
        subscriber.handle(event, self.context(seconds))
        rounds = 1
        while self.invoked:
            subscriber.handle(self.invoked.pop(0), self.context(seconds))
            rounds += 1
        return rounds

    # --- what stands between a client and moto -----------------------------------------------------

    def meet(self, model: Any, params: Mapping[str, Any], **_: object) -> Any:
        """Let a call take its time; return the response of one that does not reach moto."""
        self.clock.time += self.latency
        self.calls.append((self.clock.now(), model.name))
        if len(self.calls) == self.stop_at:
            raise SystemExit
        body = params.get("body") or b"{}"
        told = json.loads(body) if isinstance(body, (bytes, str)) and body[:1] in (b"{", "{") else {}
        if code := self._trouble(model.name, told):
            return AWSResponse(params["url"], 400, {}, None), {"Error": {"Code": code, "Message": "as told"}}
        answer = self._answer(model.name, told)
        return None if answer is None else (AWSResponse(params["url"], 200, {}, None), answer)

    def _trouble(self, operation: str, told: Mapping[str, Any]) -> str:
        for trouble in self.troubles:
            if trouble.operation == operation and trouble.group in ("", told.get("logGroupName")):
                trouble.met += 1
                if trouble.met % trouble.every == 0 and trouble.times > 0:
                    trouble.times -= 1
                    return trouble.code
        return ""

    def _answer(self, operation: str, told: Mapping[str, Any]) -> dict[str, Any] | None:
        """Respond to what moto does not support."""
        if operation == "Invoke":
            self.invoked.append(dict(told))
            return {"StatusCode": 202}
        if operation == "DescribeStacks":
            return {"Stacks": [self._stack()]}
        if operation == "DescribeStackResources":
            return {"StackResources": [{"PhysicalResourceId": name} for name in self.stack_log_groups]}
        if operation == "GetResources":
            return self._resources(told)
        return None

    def _stack(self) -> dict[str, object]:
        parameter = {"ParameterKey": "SubscribeLogGroups", "ParameterValue": self.stack_subscribes}
        updated = {"LastUpdatedTime": self.stack_updated} if self.stack_updated else {}
        return {"StackStatus": self.stack_status, "Parameters": [parameter], **updated}

    def _resources(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """List log groups by their tags, as the tagging API does."""
        found = []
        for each in self.backend.groups.values():
            tags = self.backend.list_tags_for_resource(each.arn)
            if all(_has(tags, **asked) for asked in told["TagFilters"]):
                listed = [{"Key": key, "Value": value} for key, value in tags.items()]
                found.append({"ResourceARN": each.arn, "Tags": listed})
        start = int(told.get("PaginationToken", 0))
        rest = str(start + 100) if start + 100 < len(found) else ""
        return {"ResourceTagMappingList": found[start : start + 100], "PaginationToken": rest}

    def classify(self, parsed: dict[str, Any], **_: object) -> None:
        """Add log classes, which moto does not keep."""
        for found in parsed.get("logGroups", ()):
            found["logGroupClass"] = self.classes.get(found.get("logGroupName", ""), "STANDARD")

    def configure(self, parsed: dict[str, Any], **_: object) -> None:
        """Add to a function's configuration."""
        parsed |= self.configurations.get(parsed.get("FunctionName", ""), {})


def _has(tags: Mapping[str, str], Key: str, Values: Iterable[str]) -> bool:  # noqa: N803
    return Key in tags and (not Values or tags[Key] in Values)


class Terminal:
    """A command, and what it wrote."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.out, self.err = "", ""

    def __call__(self, command: str, *arguments: str, answer: str = "", arn: str = FORWARDER) -> int:
        out, err = io.StringIO(), io.StringIO()
        line = [command, "--forwarder-arn", arn, *arguments]
        status = cli.main(line, self._world.clients, self._world.clock, (io.StringIO(answer), out, err))
        self.out, self.err = out.getvalue(), err.getvalue()
        sys.stdout.write(self.out + self.err)  # for readers of a failed test
        return status

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def changes(world: World) -> list[str]:
    """Return the calls that changed something."""
    return [operation for _, operation in world.calls if operation in CHANGES]


def statements(world: World) -> list[Any]:
    """Return the forwarder's resource policy."""
    functions = world.session.client("lambda")
    try:
        return list(json.loads(functions.get_policy(FunctionName="forwarder")["Policy"])["Statement"])
    except functions.exceptions.ResourceNotFoundException:
        return []
