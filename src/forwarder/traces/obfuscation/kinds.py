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
DYNAMODB = Kind()  # operations and tables; statements of PartiQL look like SQL
OTHER = Kind()
UNSPECIFIED_DATABASE = Kind(is_sql=True)

_DYNAMODB = ("dynamodb", "aws.dynamodb")
# By the span's type; by what `_DATABASE_TAGS` hold, where the type is none of these, or only `db`.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(DIALECTS, SQL),
    "db": UNSPECIFIED_DATABASE,
    **dict.fromkeys(["redis", "valkey", "keydb", "dragonfly", "dragonflydb", "garnet", "memorydb"], REDIS),
    **dict.fromkeys(["elasticache", "aws.elasticache"], REDIS),
    **dict.fromkeys(_DYNAMODB, DYNAMODB),
    **dict.fromkeys(["memcached", "cache"], _MEMCACHED),
    **dict.fromkeys(["mongodb", "mongo", "documentdb", "aws.documentdb"], _MONGODB),
    **dict.fromkeys(["elasticsearch", "opensearch"], _SEARCH),
    **dict.fromkeys(["http", "web"], WEB),
}
_DATABASE_TAGS = ("db.system", "db.system.name", "db.type")
STATEMENT_TAGS = ("sql.query", "db.statement", "db.query.text", "cassandra.query")
_URL_TAGS = frozenset({"http.url", "url.full", "http.method", "http.request.method", "http.route", "http.status_code"})
_QUERY_TYPE = "sql.query_type"  # of dd-trace-go, which prints no types
_TELLING_TAGS = _URL_TAGS | {*STATEMENT_TAGS, _QUERY_TYPE}

# A statement without a word about where it goes. Guards the tokenizer from what people name their spans and functions:
# behind the verb is no `-`, and somewhere a literal. Verbs that are usual in names need a literal in quotes.
_LIKE_SQL = re.compile(
    r"""(?:[\s\ufeff({;]++|--[^\r\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+
        (?:
            (?:SELECT|INSERT|UPDATE|UPSERT|DELETE\s+FROM|MERGE|REPLACE|WITH|CREATE|ALTER|DROP|GRANT|EXEC(?:UTE)?|EXPLAIN)
            (?=[\s(*'"`\[@]|/\*|--\s) [^'"`$\d]*+['"`$\d]
            |(?:BEGIN|CALL|COPY|SET|DECLARE|DO|USE|SHOW|PRAGMA|ATTACH|PREPARE|TRUNCATE|VALUES|MATCH)
            (?=[\s(;'"`\[@]|/\*|--\s) [^'"`$=]*+['"`$=]
        )""",
    re.IGNORECASE | re.VERBOSE,
)
_NO_FUNCTION = re.compile(r"[\s'\"`]")  # no name of a function has any of these
_LIKE_REDIS = re.compile(r"\s*(?:AUTH|HELLO)\s")
_IN_BOTH = re.compile(r"\s*SET\s", re.IGNORECASE)  # a command of Redis and a statement of SQL


def is_like_sql(text: str) -> bool:
    """Tell whether a text, about which nobody says anything, is a statement with literals."""
    return bool(_LIKE_SQL.match(text) and _NO_FUNCTION.search(text))


def database_of(tags: dict[str, str]) -> str:
    """Return the name of the database that the tags tell of, in lower case; empty if they tell of none."""
    for tag in _DATABASE_TAGS:
        if (name := tags.get(tag)) and (name := name.strip()):
            return name.casefold()
    return ""


def kind_of(type_: str, database: str, tags: dict[str, str], resource: str) -> Kind:
    """Return the kind of a span. A database that nobody knows is taken for one that speaks SQL."""
    kind = _kind_of_type(type_)
    if database and (kind is OTHER or kind is UNSPECIFIED_DATABASE or (kind is SQL and database in _DYNAMODB)):
        kind = KINDS.get(database, SQL)
    if kind is DYNAMODB:
        return SQL if is_like_sql(resource) else kind
    if database or (kind is not OTHER and kind is not UNSPECIFIED_DATABASE):
        return kind
    if not _TELLING_TAGS.isdisjoint(tags):
        return _told_by_tags(kind, tags)
    if kind is UNSPECIFIED_DATABASE or is_like_sql(resource):
        return SQL
    return REDIS if _LIKE_REDIS.match(resource) else OTHER


@lru_cache(maxsize=256)
def _kind_of_type(type_: str) -> Kind:
    return KINDS.get(type_.strip().casefold(), OTHER)


def _told_by_tags(kind: Kind, tags: dict[str, str]) -> Kind:
    for tag in STATEMENT_TAGS:
        if statement := tags.get(tag):
            may_be_redis = kind is OTHER or not _IN_BOTH.match(statement)
            return REDIS if may_be_redis and redis.has_values(statement) else SQL
    return SQL if kind is UNSPECIFIED_DATABASE or _QUERY_TYPE in tags or _URL_TAGS.isdisjoint(tags) else WEB
