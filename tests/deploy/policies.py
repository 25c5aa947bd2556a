"""Evaluates IAM statements, as far as ours need it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: what a statement denies is
denied, what none allows is denied too.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Statement = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """An action, the resource, and the context of the request (`s3:prefix`, …)."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def allows(statements: Iterable[Statement], request: Request) -> bool:
    """Return whether statements allow a request."""
    effects = {statement["Effect"] for statement in statements if applies(statement, request)}
    return effects == {"Allow"}


def applies(statement: Statement, request: Request) -> bool:
    """Return whether a statement is about a request."""
    return (
        any(is_like(pattern, request.action.lower()) for pattern in actions(statement, str.lower))
        and any(is_like(pattern, request.resource) for pattern in _list(statement["Resource"]))
        and all(
            _is_met(operator, key, _list(wanted), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def actions(statement: Statement, form: Callable[[str], str] = str) -> list[str]:
    """Return the actions of a statement."""
    return [form(action) for action in _list(statement["Action"])]


def grains(statements: Iterable[Statement]) -> Iterator[dict[str, Any]]:
    """Split statements into those of one action on one resource each."""
    for statement in statements:
        for action in _list(statement["Action"]):
            for resource in _list(statement["Resource"]):
                yield {**statement, "Action": action, "Resource": resource}


def _is_met(operator: str, key: str, wanted: Sequence[str], context: Mapping[str, str]) -> bool:
    test = _OPERATORS[operator.removesuffix("IfExists")]
    if key not in context:
        return operator.endswith("IfExists")
    return any(test(pattern, context[key]) for pattern in wanted)


def is_like(pattern: str, text: str) -> bool:
    """Return whether a string matches a pattern with `*` and `?`."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.compile(expression, re.DOTALL)


def _arn_like(pattern: str, text: str) -> bool:
    """Compare part by part: unlike elsewhere, a wildcard does not match across parts."""
    patterns, parts = pattern.split(":", 5), text.split(":", 5)
    return len(patterns) == len(parts) and all(map(is_like, patterns, parts))


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": is_like,
    "ArnLike": _arn_like,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
