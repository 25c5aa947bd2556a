"""The kinds of spans, and how spans of each kind are obfuscated."""

import re
from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from forwarder.traces.obfuscation import graphql, http, json_body, memcached, redis
from forwarder.traces.obfuscation.databases import DIALECTS

Rewrite = Callable[[str], str]


class Kind(Struct, frozen=True):
    """How spans of a kind are obfuscated; `statement` applies to `db.statement` and similar tags.

    SQL and requests also need context: the database and the URL.
    """

    resource: Rewrite | None = None
    statement: Rewrite | None = None
    is_sql: bool = False
    is_request: bool = False


_FIRST_VALUE = re.compile(r"[{\[('\"]")


def _json_after_words(text: str) -> str:
    """Rewrite the JSON in a string such as `find users {"name": "Ann"}`; other possible values become `?`."""
    found = _FIRST_VALUE.search(text)
    if not found:
        return text
    words, rest = text[: found.start()], text[found.start() :]
    return words + (json_body.obfuscate(rest) if rest[0] in "{[" else "?")


def _graphql(text: str) -> str:
    """Rewrite a resource, which is the document in Python and Go."""
    return http.free_text(graphql.obfuscate(text))


SQL = Kind(is_sql=True)
REDIS = Kind(redis.quantize, redis.obfuscate)
_MEMCACHED = Kind(memcached.obfuscate, memcached.obfuscate)
_MONGODB = Kind(_json_after_words, _json_after_words)
_SEARCH = Kind(statement=json_body.obfuscate, is_request=True)
WEB = Kind(is_request=True)
GRAPHQL = Kind(_graphql)
DYNAMODB = Kind()  # operations and tables; PartiQL statements look like SQL
OTHER = Kind()
UNSPECIFIED_DATABASE = Kind(is_sql=True)

_DYNAMODB = ("dynamodb", "aws.dynamodb")
# By span type, or by the value of `_DATABASE_TAGS` if the type is not listed, or only `db`.
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
    "graphql": GRAPHQL,
}
# Go prints no type, and older versions for Python print `web`.
_GRAPHQL_NAMES = ("graphql.", "gqlgen.")
_DATABASE_TAGS = ("db.system", "db.system.name", "db.type")
STATEMENT_TAGS = ("sql.query", "db.statement", "db.query.text", "cassandra.query")
_URL_TAGS = frozenset({"http.url", "url.full", "http.method", "http.request.method", "http.route", "http.status_code"})
_QUERY_TYPE = "sql.query_type"  # of dd-trace-go, which prints no types
_INDICATIVE_TAGS = _URL_TAGS | {*STATEMENT_TAGS, _QUERY_TYPE}

# A statement in a span that names no database. Keeps names of spans and functions away from the tokenizer: no `-`
# follows the verb, and there is a literal somewhere. Verbs that are common in names need a quoted literal.
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
_NOT_IN_FUNCTION_NAMES = re.compile(r"[\s'\"`]")  # not allowed in function names
_LIKE_REDIS = re.compile(r"\s*(?:AUTH|HELLO)\s")
_IN_BOTH = re.compile(r"\s*SET\s", re.IGNORECASE)  # a command of Redis and a statement of SQL


def is_like_sql(text: str) -> bool:
    """Return whether a string in a span without a known kind is an SQL statement with literals."""
    return bool(_LIKE_SQL.match(text) and _NOT_IN_FUNCTION_NAMES.search(text))


def database_of(tags: dict[str, str]) -> str:
    """Return the name of the database from the tags, in lower case; empty if they name none."""
    for tag in _DATABASE_TAGS:
        if (name := tags.get(tag)) and (name := name.strip()):
            return name.casefold()
    return ""


def kind_of(type_: str, database: str, tags: dict[str, str], resource: str, name: str = "") -> Kind:
    """Return the kind of a span. An unknown database is assumed to use SQL."""
    kind = _kind_of_type(type_)
    if (kind is OTHER or kind is WEB) and name.startswith(_GRAPHQL_NAMES):
        return GRAPHQL
    if database and (kind is OTHER or kind is UNSPECIFIED_DATABASE or (kind is SQL and database in _DYNAMODB)):
        kind = KINDS.get(database, SQL)
    if kind is DYNAMODB:
        return SQL if is_like_sql(resource) else kind
    if database or (kind is not OTHER and kind is not UNSPECIFIED_DATABASE):
        return kind
    if not _INDICATIVE_TAGS.isdisjoint(tags):
        return _kind_of_tags(kind, tags)
    if kind is UNSPECIFIED_DATABASE or is_like_sql(resource):
        return SQL
    return REDIS if _LIKE_REDIS.match(resource) else OTHER


@lru_cache(maxsize=256)
def _kind_of_type(type_: str) -> Kind:
    return KINDS.get(type_.strip().casefold(), OTHER)


def _kind_of_tags(kind: Kind, tags: dict[str, str]) -> Kind:
    for tag in STATEMENT_TAGS:
        if statement := tags.get(tag):
            may_be_redis = kind is OTHER or not _IN_BOTH.match(statement)
            return REDIS if may_be_redis and redis.has_values(statement) else SQL
    return SQL if kind is UNSPECIFIED_DATABASE or _QUERY_TYPE in tags or _URL_TAGS.isdisjoint(tags) else WEB
