"""Spans without what they must not carry: the literals of queries, stored values, query strings, card numbers.

The type of a span, or the database that it names, tells its kind; one table (`kinds.py`) tells what happens to the
spans of a kind, another one (`tags.py`) what happens to tags in any span. SQL needs a tokenizer, which is loaded when
the first SQL comes.
"""

from collections.abc import Callable
from typing import Protocol

from forwarder.traces.obfuscation import cards, nested, tags
from forwarder.traces.obfuscation.kinds import STATEMENT_TAGS, Kind, database_of, kind_of
from forwarder.traces.obfuscation.marks import MASK

Look = Callable[[], None]


class Obfuscatable(Protocol):
    """The part of a span that is looked at. `meta` are its tags."""

    type: str
    resource: str
    meta: dict[str, str]


def obfuscate(span: Obfuscatable, *, credit_cards: bool, look: Look | None = None) -> None:
    """Rewrite the span's resource and tags in place.

    `credit_cards`: mask texts that are card numbers, too. `look`, at the clock, is called before each reading of an
    SQL statement, which may take a tenth of a second; what it raises goes through.
    """
    resource, meta = span.resource, span.meta
    database = database_of(meta)
    kind = kind_of(span.type, database, meta, resource)
    if kind.is_sql and resource:
        span.resource = tags.statement(resource, database, look)
    elif kind.is_request:
        span.resource = tags.resource(resource, meta)
    elif kind.resource:
        span.resource = kind.resource(resource)
    if credit_cards and len(resource) >= cards.SHORTEST and cards.is_card_number(resource):
        span.resource = MASK
    read = {resource: span.resource} if kind.is_sql else {}
    _rewrite_texts(meta, kind, database, credit_cards=credit_cards, look=look, read=read)


def obfuscate_texts(values: dict[str, str], *, credit_cards: bool) -> None:
    """Rewrite texts in place by their names, as the tags of a span: attributes of its events and links, for example."""
    database = database_of(values)
    _rewrite_texts(values, kind_of("", database, values, ""), database, credit_cards=credit_cards, look=None, read={})


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
    tags.rewrite(texts, credit_cards=credit_cards)
    for tag in nested.TAGS:
        if tag in texts and nested.is_json(texts[tag]):
            texts[tag] = nested.obfuscate(texts[tag], lambda inner: obfuscate_texts(inner, credit_cards=credit_cards))
