"""Removes sensitive values from spans: literals of queries, stored values, query strings, card numbers.

The kind of a span follows from its type or the database that it names. One table (`kinds.py`) defines how spans of each
kind are obfuscated, another one (`tags.py`) how tags are in any span. SQL needs a tokenizer, which is loaded on first
use.
"""

import re
from functools import partial
from typing import Protocol

from forwarder.traces.obfuscation import cards, http, nested, tags
from forwarder.traces.obfuscation.kinds import OTHER, SQL, STATEMENT_TAGS, Kind, database_of, is_like_sql, kind_of
from forwarder.traces.obfuscation.marks import MASK
from forwarder.traces.obfuscation.tags import CheckDeadline

_WHITE_SPACE = re.compile(r"\s")
_LIKE_A_VALUE = re.compile(r"['\"`$=?\d]|://")
_RESOURCE_AGAIN = "resource_names"  # of datadog-lambda


class Obfuscatable(Protocol):
    """The part of a span that is obfuscated. `meta` holds its tags."""

    type: str
    name: str
    resource: str
    meta: dict[str, str]


def obfuscate(span: Obfuscatable, *, credit_cards: bool, check_deadline: CheckDeadline | None = None) -> None:
    """Rewrite the span's resource, name and tags in place.

    `credit_cards`: also mask card numbers. `check_deadline` is called before each pass over an SQL statement, which may
    take some tenths of a second; its exceptions propagate.
    """
    resource, meta = span.resource, span.meta
    database = database_of(meta)
    kind = kind_of(span.type, database, meta, resource, span.name)
    span.resource = _title(resource, kind, database, meta, check_deadline)
    if credit_cards and len(resource) >= cards.MIN_DIGITS and cards.is_card_number(resource):
        span.resource = MASK
    if _may_hold_a_value(span.name):
        name_kind = SQL if kind is OTHER and is_like_sql(span.name) else kind
        span.name = _title(span.name, name_kind, database, meta, check_deadline)
    if kind.is_request and _RESOURCE_AGAIN in meta:
        meta[_RESOURCE_AGAIN] = tags.resource(meta[_RESOURCE_AGAIN], meta)
    done = {resource: span.resource} if kind.is_sql else {}
    _rewrite_values(meta, kind, database, credit_cards=credit_cards, check_deadline=check_deadline, done=done)


def obfuscate_values(
    values: dict[str, str], *, credit_cards: bool, check_deadline: CheckDeadline | None = None
) -> None:
    """Rewrite values in place by their names, like the tags of a span: attributes of events and links, for example."""
    database = database_of(values)
    _rewrite_values(
        values,
        kind_of("", database, values, ""),
        database,
        credit_cards=credit_cards,
        check_deadline=check_deadline,
        done={},
    )


def obfuscated_name(name: str, check_deadline: CheckDeadline | None = None) -> str:
    """Return a name, such as that of a span event, without the literals of an SQL statement in it."""
    return _title(name, SQL if is_like_sql(name) else OTHER, "", {}, check_deadline)


def _may_hold_a_value(name: str) -> bool:
    """Return whether the name of a span is more than a word such as `redis.command`, or `GET /orders`."""
    return bool(_LIKE_A_VALUE.search(name) and ("?" in name or "://" in name or _WHITE_SPACE.search(name)))


def _title(text: str, kind: Kind, database: str, meta: dict[str, str], check_deadline: CheckDeadline | None) -> str:
    """Return a resource or a name, obfuscated as in spans of this kind."""
    if kind.is_sql:
        return tags.statement(text, database, check_deadline) if text else text
    if kind.is_request:
        return tags.resource(text, meta)
    return kind.resource(text) if kind.resource else http.free_text(text)


def _rewrite_values(
    values: dict[str, str],
    kind: Kind,
    database: str,
    *,
    credit_cards: bool,
    check_deadline: CheckDeadline | None,
    done: dict[str, str],
) -> None:
    """Rewrite statements, the tags in the table, and nested tags; `done` maps statements to their obfuscated form."""
    for tag in STATEMENT_TAGS:
        if statement := values.get(tag):
            if kind.statement:
                values[tag] = kind.statement(statement)
            else:
                values[tag] = done.get(statement) or tags.statement(statement, database, check_deadline)
    tags.rewrite(values, credit_cards=credit_cards, check_deadline=check_deadline)
    for tag in nested.TAGS:
        if tag in values and nested.is_json(values[tag]):
            values[tag] = nested.obfuscate(
                values[tag], partial(_rewrite_event, credit_cards=credit_cards, check_deadline=check_deadline)
            )


def _rewrite_event(members: dict[str, str], *, credit_cards: bool, check_deadline: CheckDeadline | None) -> None:
    obfuscate_values(members, credit_cards=credit_cards, check_deadline=check_deadline)
    if "name" in members:
        members["name"] = obfuscated_name(members["name"], check_deadline)
