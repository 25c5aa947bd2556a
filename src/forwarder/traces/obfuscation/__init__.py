"""Spans without what they must not carry: the literals of queries, stored values, query strings, card numbers.

The type of a span, or the database that it names, tells its kind; one table (`kinds.py`) tells what happens to the
spans of a kind, another one (`tags.py`) what happens to tags in any span. SQL needs a tokenizer, which is loaded when
the first SQL comes.
"""

import re
from functools import partial
from typing import Protocol

from forwarder.traces.obfuscation import cards, http, nested, tags
from forwarder.traces.obfuscation.kinds import OTHER, SQL, STATEMENT_TAGS, Kind, database_of, is_like_sql, kind_of
from forwarder.traces.obfuscation.marks import MASK
from forwarder.traces.obfuscation.tags import Look

_WHITE_SPACE = re.compile(r"\s")
_OF_A_VALUE = re.compile(r"['\"`$=?\d]|://")
_RESOURCE_AGAIN = "resource_names"  # of datadog-lambda


class Obfuscatable(Protocol):
    """The part of a span that is looked at. `meta` are its tags."""

    type: str
    name: str
    resource: str
    meta: dict[str, str]


def obfuscate(span: Obfuscatable, *, credit_cards: bool, look: Look | None = None) -> None:
    """Rewrite the span's resource, name and tags in place.

    `credit_cards`: mask texts that are card numbers, too. `look`, at the clock, is called before each reading of an
    SQL statement, which may take some tenths of a second; what it raises goes through.
    """
    resource, meta = span.resource, span.meta
    database = database_of(meta)
    kind = kind_of(span.type, database, meta, resource)
    span.resource = _title(resource, kind, database, meta, look)
    if credit_cards and len(resource) >= cards.SHORTEST and cards.is_card_number(resource):
        span.resource = MASK
    if _may_hold_a_value(span.name):
        name_kind = SQL if kind is OTHER and is_like_sql(span.name) else kind
        span.name = _title(span.name, name_kind, database, meta, look)
    if kind.is_request and _RESOURCE_AGAIN in meta:
        meta[_RESOURCE_AGAIN] = tags.resource(meta[_RESOURCE_AGAIN], meta)
    read = {resource: span.resource} if kind.is_sql else {}
    _rewrite_texts(meta, kind, database, credit_cards=credit_cards, look=look, read=read)


def obfuscate_texts(values: dict[str, str], *, credit_cards: bool, look: Look | None = None) -> None:
    """Rewrite texts in place by their names, as the tags of a span: attributes of its events and links, for example."""
    database = database_of(values)
    _rewrite_texts(values, kind_of("", database, values, ""), database, credit_cards=credit_cards, look=look, read={})


def obfuscated_name(name: str, look: Look | None = None) -> str:
    """Return the name of what has no kind, such as an event of a span, without a statement's literals."""
    return _title(name, SQL if is_like_sql(name) else OTHER, "", {}, look)


def _may_hold_a_value(name: str) -> bool:
    """Tell whether the name of a span is more than a word such as `redis.command`, or `GET /orders`."""
    return bool(_OF_A_VALUE.search(name) and ("?" in name or "://" in name or _WHITE_SPACE.search(name)))


def _title(text: str, kind: Kind, database: str, meta: dict[str, str], look: Look | None) -> str:
    """Return a resource, or a name, as spans of a kind show it."""
    if kind.is_sql:
        return tags.statement(text, database, look) if text else text
    if kind.is_request:
        return tags.resource(text, meta)
    return kind.resource(text) if kind.resource else http.words(text)


def _rewrite_texts(
    texts: dict[str, str], kind: Kind, database: str, *, credit_cards: bool, look: Look | None, read: dict[str, str]
) -> None:
    """Rewrite statements, the tags of the table, and those that hold others; `read` are statements that are done."""
    for tag in STATEMENT_TAGS:
        if statement := texts.get(tag):
            if kind.statement:
                texts[tag] = kind.statement(statement)
            else:
                texts[tag] = read.get(statement) or tags.statement(statement, database, look)
    tags.rewrite(texts, credit_cards=credit_cards, look=look)
    for tag in nested.TAGS:
        if tag in texts and nested.is_json(texts[tag]):
            texts[tag] = nested.obfuscate(texts[tag], partial(_rewrite_event, credit_cards=credit_cards, look=look))


def _rewrite_event(members: dict[str, str], *, credit_cards: bool, look: Look | None) -> None:
    obfuscate_texts(members, credit_cards=credit_cards, look=look)
    if "name" in members:
        members["name"] = obfuscated_name(members["name"], look)
