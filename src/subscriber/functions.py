"""Lambda functions: the permission to invoke the forwarder, the log groups that would loop, and invoking itself."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from subscriber.aws import Clients
from subscriber.calls import Calls
from subscriber.errors import AwsError
from subscriber.records import Function

STATEMENT_ID = "datadog-forwarder-subscriptions"
SUBSCRIBERS = "SubscriberLogGroup"  # as the template names it
NOT_FOUND = "ResourceNotFoundException"
TARGETS = "DD_ADDITIONAL_TARGET_LAMBDAS"  # functions to which the forwarder hands its events on


@dataclass(frozen=True, slots=True)
class Permission:
    """One statement for all log groups: one each would exceed a policy's 20,480 bytes."""

    forwarder: Function

    @property
    def source_arn(self) -> str:
        """All log groups of the forwarder's account and region."""
        function = self.forwarder
        return f"arn:{function.partition}:logs:{function.region}:{function.account}:log-group:*:*"

    @property
    def principal(self) -> str:
        """CloudWatch Logs, whose name differs in China."""
        return "logs.amazonaws.com.cn" if self.forwarder.partition == "aws-cn" else "logs.amazonaws.com"

    def is_in(self, policy: str) -> bool:
        """Return whether a resource policy grants this permission."""
        return any(self._is(statement) for statement in json.loads(policy).get("Statement", ()))

    def _is(self, statement: Mapping[str, Any]) -> bool:
        condition = statement.get("Condition", {})
        source = {**condition.get("ArnLike", {}), **condition.get("StringEquals", {})}
        return bool(
            statement.get("Effect") == "Allow"
            and statement.get("Principal") == {"Service": self.principal}
            and statement.get("Action") == "lambda:InvokeFunction"
            and source.get("AWS:SourceArn", source.get("aws:SourceArn")) == self.source_arn
        )


_EXCLUDE_TARGETS = "exclude the log groups of functions to which it hands events on"
_EXCLUDE_ALL = f"if its log group is not the usual one, exclude that, and {_EXCLUDE_TARGETS}"


@dataclass(frozen=True, slots=True)
class Looping:
    """Log groups that would loop, and a sentence for each possible one that could not be read."""

    log_groups: frozenset[str]
    doubts: tuple[str, ...] = ()

    def and_those(self, other: "Looping") -> "Looping":
        """Return both."""
        return Looping(self.log_groups | other.log_groups, self.doubts + other.doubts)


class Functions:
    """Calls Lambda; every method may raise `AwsError` or `OutOfTimeError`."""

    def __init__(self, clients: Clients, calls: Calls) -> None:
        self._clients, self._calls = clients, calls

    def permit(self, forwarder: Function) -> bool:
        """Let CloudWatch Logs invoke the forwarder for all log groups; return whether that was new."""
        permission, qualifier = Permission(forwarder), _qualifier(forwarder)
        try:
            policy = self._calls.make(self._clients.functions.get_policy, FunctionName=_plain(forwarder), **qualifier)
            if permission.is_in(policy.get("Policy", "{}")):
                return False
        except AwsError as error:
            if error.code not in {NOT_FOUND, "AccessDeniedException"}:  # no policy; may not be read
                raise
        return self._add(permission, qualifier)

    def _add(self, permission: Permission, qualifier: Mapping[str, str]) -> bool:
        try:
            self._calls.make(
                self._clients.functions.add_permission,
                FunctionName=_plain(permission.forwarder),
                StatementId=STATEMENT_ID,
                Action="lambda:InvokeFunction",
                Principal=permission.principal,
                SourceArn=permission.source_arn,
                SourceAccount=permission.forwarder.account,
                **qualifier,
            )
        except AwsError as error:
            if error.code != "ResourceConflictException":  # it is there already
                raise
            return False
        return True

    def forbid(self, forwarder: Function) -> None:
        """Revoke what `permit` added, if it did."""
        try:
            self._calls.make(
                self._clients.functions.remove_permission,
                FunctionName=_plain(forwarder),
                StatementId=STATEMENT_ID,
                **_qualifier(forwarder),
            )
        except AwsError as error:
            if error.code != NOT_FOUND:
                raise

    def looping(self, forwarder: Function) -> Looping:
        """Return the log groups of the forwarder, of functions that get its events, and of the subscriber in its stack.

        Access to the configurations may be denied; any other error is raised.
        """
        try:
            found = self._configuration(forwarder.arn)
        except AwsError as error:
            if error.code != "AccessDeniedException":
                raise
            doubt = f"The forwarder's configuration cannot be read ({error}): {_EXCLUDE_ALL}."
            return Looping(frozenset(log_groups_of([forwarder.arn])), (doubt,))
        environment = found.get("Environment", {})
        doubts = []
        if problem := environment.get("Error", {}).get("ErrorCode"):  # it is encrypted
            doubts.append(f"The forwarder's environment cannot be read ({problem}): {_EXCLUDE_TARGETS}.")
        # Everything else in the environment may be secret.
        targets = environment.get("Variables", {}).get(TARGETS, "").split(",")
        own = Looping(frozenset({*log_groups_of([forwarder.arn]), *_given(found)}), tuple(doubts))
        others = self.looping_targets(target.strip() for target in targets if target.strip())
        return own.and_those(others).and_those(self._subscribers(forwarder))

    def looping_targets(self, functions: Iterable[str]) -> Looping:
        """Return the log groups of functions to which events are handed on, by their names or ARNs."""
        groups, doubts = set(), []
        for function in functions:
            usual = log_groups_of([function])
            groups |= usual
            try:
                groups |= _given(self._configuration(function))
            except AwsError as error:
                if error.code != NOT_FOUND:  # a function that does not exist writes nothing
                    doubt = f"The log group of {function} cannot be read ({error}): exclude it, unless it is"
                    doubts.append(f"{doubt} {min(usual)}.")
        return Looping(frozenset(groups), tuple(doubts))

    def _subscribers(self, forwarder: Function) -> Looping:
        """Return the log group of the subscriber in the stack that the forwarder belongs to, if there is one."""
        try:
            found = self._calls.make(
                self._clients.stacks.describe_stack_resources,
                PhysicalResourceId=forwarder.name,
                LogicalResourceId=SUBSCRIBERS,
            )
        except AwsError as error:
            if error.code == "ValidationError":  # in no stack, or in one without a subscriber
                return Looping(frozenset())
            doubt = f"The forwarder's stack cannot be read ({error}): exclude the log group of its subscriber."
            return Looping(frozenset(), (doubt,))
        return Looping(frozenset(each.get("PhysicalResourceId", "") for each in found.get("StackResources", ())))

    def _configuration(self, function: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._calls.make(
            self._clients.functions.get_function_configuration, FunctionName=function
        )
        return found

    def invoke(self, arn: str, event: Mapping[str, object]) -> None:
        """Invoke a function asynchronously."""
        self._calls.late.make(
            self._clients.functions.invoke,
            FunctionName=arn,
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )


def log_groups_of(functions: Iterable[str]) -> set[str]:
    """Return the default log groups of functions, which are given by name or ARN."""
    names = (arn.strip().split(":function:")[-1].split(":")[0] for arn in functions)
    return {f"/aws/lambda/{name}" for name in names if name}


def _given(configuration: Mapping[str, Any]) -> set[str]:
    """Return the log group that a function is configured with, if any."""
    group = configuration.get("LoggingConfig", {}).get("LogGroup", "")
    return {group} if group else set()


def _plain(function: Function) -> str:
    """Return the ARN without its qualifier, which these calls take separately."""
    return function.arn.removesuffix(f":{function.qualifier}") if function.qualifier else function.arn


def _qualifier(function: Function) -> dict[str, str]:
    return {"Qualifier": function.qualifier} if function.qualifier else {}
