"""What kind of span it is, and what happens to the spans of a kind."""

import re
from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from forwarder.traces.obfuscation import json_body, memcached, redis
from forwarder.traces.obfuscation.databases import DIALECTS

Rewrite = Callable[[str], str]


class Kind(Struct, frozen=True):
    """What happens to spans of a kind; a statement is the text in `db.statement` and its like.

    SQL and requests need more than their text: the database, and the URL.
    """

    resource: Rewrite | None = None
    statement: Rewrite | None = None
    is_sql: bool = False
    is_request: bool = False


_FIRST_VALUE = re.compile(r"[{\[('\"]")


def _json_after_words(text: str) -> str:
    """Rewrite the JSON in a text such as `find users {"name": "Ann"}`; what else may hold values becomes `?`."""
    found = _FIRST_VALUE.search(text)
    if not found:
        return text
    words, rest = text[: found.start()], text[found.start() :]
    return words + (json_body.obfuscate(rest) if rest[0] in "{[" else "?")


SQL = Kind(is_sql=True)
REDIS = Kind(redis.quantize, redis.obfuscate)
_MEMCACHED = Kind(memcached.obfuscate, memcached.obfuscate)
_MONGODB = Kind(_json_after_words, _json_after_words)
_SEARCH = Kind(statement=json_body.obfuscate, is_request=True)
WEB = Kind(is_request=True)
OTHER = Kind()
UNSPECIFIED_DATABASE = Kind(is_sql=True)

# By the span's type; by what `_DATABASE_TAGS` hold, where the type is none of these, or only `db`.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(DIALECTS, SQL),
    "db": UNSPECIFIED_DATABASE,
    **dict.fromkeys(["redis", "valkey"], REDIS),
    **dict.fromkeys(["memcached", "cache"], _MEMCACHED),
    **dict.fromkeys(["mongodb", "mongo"], _MONGODB),
    **dict.fromkeys(["elasticsearch", "opensearch"], _SEARCH),
    **dict.fromkeys(["http", "web"], WEB),
}
_DATABASE_TAGS = ("db.system", "db.system.name", "db.type")
STATEMENT_TAGS = ("sql.query", "db.statement", "db.query.text", "cassandra.query")
_URL_TAGS = frozenset({"http.url", "url.full", "http.method", "http.request.method", "http.route", "http.status_code"})
_QUERY_TYPE = "sql.query_type"  # of dd-trace-go, which prints no types
_TELLING_TAGS = _URL_TAGS | {*STATEMENT_TAGS, _QUERY_TYPE}

# A statement without a word about where it goes. Guards the tokenizer from what people name their spans.
_LIKE_SQL = re.compile(
    r"""(?=[-\s/(siudmrwcage])(?:\s++|--[^\n]*+\n|/\*(?:[^*]++|\*(?!/))*+\*/|\()*+
        (?:SELECT|INSERT|UPDATE|UPSERT|DELETE\s+FROM|MERGE|REPLACE|WITH|CREATE|ALTER|DROP|GRANT|EXEC(?:UTE)?|EXPLAIN)\b
        [^'"`$\d]*+['"`$\d]""",
    re.IGNORECASE | re.VERBOSE,
)


def database_of(tags: dict[str, str]) -> str:
    """Return the name of the database that the tags tell of, in lower case; empty if they tell of none."""
    for tag in _DATABASE_TAGS:
        if (name := tags.get(tag)) and (name := name.strip()):
            return name.casefold()
    return ""


def kind_of(type_: str, database: str, tags: dict[str, str], resource: str) -> Kind:
    """Return the kind of a span. A database that nobody knows is taken for one that speaks SQL."""
    kind = _kind_of_type(type_)
    if kind is not OTHER and kind is not UNSPECIFIED_DATABASE:
        return kind
    if database:
        return KINDS.get(database, SQL)
    if not _TELLING_TAGS.isdisjoint(tags):
        return _told_by_tags(kind, tags)
    return SQL if kind is UNSPECIFIED_DATABASE or _LIKE_SQL.match(resource) else OTHER


@lru_cache(maxsize=256)
def _kind_of_type(type_: str) -> Kind:
    return KINDS.get(type_.strip().casefold(), OTHER)


def _told_by_tags(kind: Kind, tags: dict[str, str]) -> Kind:
    for tag in STATEMENT_TAGS:
        if statement := tags.get(tag):
            return REDIS if kind is OTHER and redis.has_values(statement) else SQL
    return SQL if kind is UNSPECIFIED_DATABASE or _QUERY_TYPE in tags or _URL_TAGS.isdisjoint(tags) else WEB
