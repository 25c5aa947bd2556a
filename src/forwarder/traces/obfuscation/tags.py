"""Obfuscates tags by name, whatever the kind of their span: no other kinds of spans use these names."""

import re
from collections.abc import Callable
from functools import lru_cache

from forwarder.traces.obfuscation import cards, errors, graphql, http, json_body, memcached, redis
from forwarder.traces.obfuscation.marks import MASK

Rewrite = Callable[[str], str]
CheckDeadline = Callable[[], None]


def statement(text: str, database: str = "", check_deadline: CheckDeadline | None = None) -> str:
    """Return the statement without its literals. The tokenizer is loaded on first use."""
    from forwarder.traces.obfuscation import sql

    return sql.obfuscate(text, database, check_deadline)


def _mask(_: str) -> str:
    return MASK


def _path(text: str) -> str:
    return http.obfuscate(text) if "/" in text or "?" in text else text


def _error(text: str, check_deadline: CheckDeadline | None = None) -> str:
    return errors.obfuscate(text, lambda written: statement(written, check_deadline=check_deadline))


_ROUTE = "http.route"
_URLS = (
    "http.url", "url.full", "url.original", "url.path", "http.target", "http.path", "http.url_details.path",
    "http.uri", "http.request.uri", "http.referrer", "http.referer", "elasticsearch.url", "opensearch.url",
    "function.request.path", "function.request.rawPath",
)  # fmt: skip
_TAGS: dict[str, Rewrite] = {
    **dict.fromkeys(_URLS, http.obfuscate),
    **dict.fromkeys(["http.query.string", "http.query_string", "url.query"], _mask),
    **dict.fromkeys(["http.fragment.string", "url.fragment"], _mask),
    **dict.fromkeys(["function.request.rawQueryString", "http.url_details.queryString"], _mask),
    **dict.fromkeys(["graphql.source", "graphql.document", "graphql.query"], graphql.obfuscate),
    "endpoint": _path,  # of datadog-lambda: the path of the URL again
    "db.connection_string": http.connection,
    **dict.fromkeys(["redis.raw_command", "valkey.raw_command"], redis.obfuscate),
    **dict.fromkeys(["memcached.command", "memcached.query"], memcached.obfuscate),
    **dict.fromkeys(["mongodb.query", "elasticsearch.body", "opensearch.body"], json_body.obfuscate),
    **dict.fromkeys(["elasticsearch.params", "opensearch.params"], json_body.obfuscate),
    **dict.fromkeys(["error.message", "error.msg", "error.stack", "error.details"], _error),
    **dict.fromkeys(["exception.message", "exception.stacktrace"], _error),
}
# Followed by names or numbers of parameters.
_PARAMETERS = (
    "db.query.parameter.", "db.operation.parameter.", "db.elasticsearch.path_parts.", "query.args.",
    "graphql.variables.", "function.request.queryStringParameters.", "function.request.cookies",
    "function.request.multiValueQueryStringParameters.", "http.url_details.queryString.",
)  # fmt: skip
# Headers of requests and responses, as named by Datadog's and OpenTelemetry's libraries.
_HEADER = re.compile(
    r"""headers?\.(?:
        (?P<secret>(?:proxy[-_])?authorization|(?:set[-_])?cookie|x[-_]api[-_]key|x[-_]amz[-_]security[-_]token)
        |(?P<url>referer|location)
    )(?:\.\d+)?""",
    re.IGNORECASE | re.VERBOSE,
)
# Names recur: lookups are cached up to this number and length of names.
_CACHED_NAMES, _MAX_NAME_CHARACTERS = 512, 200
# Long numbers that are not card numbers. Tags that begin with `_` are the libraries' own.
_NOT_CARDS = frozenset({"account_id", "aws_account", "aws.account", "cloud.account.id"})


def rewrite(tags: dict[str, str], *, credit_cards: bool, check_deadline: CheckDeadline | None = None) -> None:
    """Rewrite in place the tags in the table, those that contain URLs, and those that are card numbers."""
    for tag, value in tags.items():  # only values change, so the dict may be iterated
        if rewrite := _rewrite_of_short_name(tag) if len(tag) <= _MAX_NAME_CHARACTERS else _rewrite_of(tag):
            tags[tag] = _error(value, check_deadline) if rewrite is _error else rewrite(value)
        elif "://" in value:
            tags[tag] = http.any_tag(value)
        elif credit_cards and len(value) >= cards.MIN_DIGITS and cards.is_card_number(value) and _may_hold_a_card(tag):
            tags[tag] = MASK


def _rewrite_of(tag: str) -> Rewrite | None:
    """Return the function for a tag that is rewritten whatever its value."""
    if tag in _TAGS:
        return _TAGS[tag]
    header = _HEADER.search(tag)
    if header and not header["secret"]:
        return http.obfuscate
    return _mask if header or tag.startswith(_PARAMETERS) else None


_rewrite_of_short_name = lru_cache(_CACHED_NAMES)(_rewrite_of)


def resource(text: str, tags: dict[str, str]) -> str:
    """Return the resource of a request. If its path is the URL's and not a route, it is obfuscated like the URL."""
    route = tags.get(_ROUTE, "").strip()
    if route and text in (route, f"{text.partition(' ')[0]} {route}") and "://" not in text:
        return text  # also shown in the tag; may be a regular expression, with a `?`
    path = http.path_of(text[text.index("/") :]) if "/" in text else None
    is_path = any(path == http.path_of(tags[tag]) for tag in _URLS if tag in tags)
    return http.resource(text, is_route=not is_path or path == route.strip("/"))


def _may_hold_a_card(tag: str) -> bool:
    return tag not in _NOT_CARDS and not tag.startswith("_")
