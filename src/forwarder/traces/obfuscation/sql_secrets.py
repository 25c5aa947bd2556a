"""Masks unquoted secrets in statements: passwords, settings, arguments of procedures.

`IDENTIFIED BY x`, `ALTER USER u PASSWORD x`, `SET my.token = x`, `PRAGMA key = x`, `EXEC sp_addlogin bob, x`: what
follows is a value in any form, and may consist of several tokens. So the rest of the statement is masked.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from forwarder.traces.obfuscation import sql_lexer as lexer
from forwarder.traces.obfuscation.marks import MASK
from forwarder.traces.obfuscation.sql_lexer import Token

VALUE: Token = (lexer.PLACEHOLDER, MASK)

_SECRETS = frozenset({"PASSWORD", "CREDENTIALS", "SECRET"})
# These are columns in statements that begin with one of these words, or define one of these objects.
_WITH_COLUMNS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "REPLACE", "EXPLAIN", "("})
_OBJECTS_WITH_COLUMNS = frozenset({"TABLE", "VIEW", "INDEX", "TRIGGER", "FUNCTION", "PROCEDURE"})
_NO_SECRETS = _WITH_COLUMNS | _OBJECTS_WITH_COLUMNS
_DEFINITIONS = frozenset({"CREATE", "ALTER"})
_KEYS = frozenset({"KEY", "ENCRYPTION_KEY", "PASSWORD"})  # of the file that a statement attaches
_SETTINGS = frozenset({"SET", "PRAGMA"})
_SCOPES = frozenset({"LOCAL", "SESSION", "GLOBAL", "PERSIST"})
_ASSIGNMENTS = frozenset({"=", ":=", "TO"})
_SWITCHES = frozenset({"ON", "OFF"})


def without_secrets(tokens: Iterable[Token]) -> Iterator[Token]:
    """Replace the rest of each statement that names a secret, and data after a statement, with one value."""
    statement: list[Token] = []
    remaining = iter(tokens)
    for token in remaining:
        if token[1] != ";":
            statement.append(token)
            continue
        if _data(_words(statement)):  # what looks like further statements is data, too
            statement += remaining
        yield from _without_secret(statement)
        yield token
        statement = []
    yield from _without_secret(statement)


def _words(statement: list[Token]) -> list[str]:
    return [value.upper() for _, value in statement]


def _without_secret(statement: list[Token]) -> list[Token]:
    words = _words(statement)
    at = _data(words) or _secret(words)
    return statement if at is None or at >= len(statement) else [*statement[:at], VALUE]


def _data(words: list[str]) -> int | None:
    """Return the position after `COPY … FROM STDIN` (PostgreSQL) and `INSERT … FORMAT name` (ClickHouse)."""
    if words[:1] == ["COPY"] and "STDIN" in words:
        return words.index("STDIN") + 1
    if words[:1] == ["INSERT"] and "FORMAT" in words:
        for at, (word, following) in enumerate(pairwise(words)):
            if word == "FORMAT" and following[:1].isalpha() and following != "FROM":
                return at + 2
    return None


def _secret(words: list[str]) -> int | None:
    """Return the position from which a statement is secret."""
    words = [*words, "", "", ""]
    verb = ""
    for position, word in enumerate(words[:-3]):
        following = words[position + 1]
        if not verb or word in _DEFINITIONS or (verb in _DEFINITIONS and word in _OBJECTS_WITH_COLUMNS):
            verb = word
        if word in _SETTINGS and (verb in _SETTINGS or verb == "ALTER"):
            at = _after_setting(words, position + 1)
            if words[at] not in _SWITCHES:
                return at
            verb = ""  # `SET NOCOUNT ON`, after which another statement may begin
        elif word == "EXEC" or word == verb == "EXECUTE":
            return position + (4 if words[position + 2] == "=" else 2)
        elif word == "IDENTIFIED" and following in {"BY", "WITH", "VIA"}:
            return position + 2
        elif _names_a_secret(word, following, verb):
            return position + 1 + (following == "=")
    return None


def _names_a_secret(word: str, following: str, verb: str) -> bool:
    if verb == "ATTACH":
        return word in _KEYS
    return word in _SECRETS and following not in {",", ")"} and verb not in _NO_SECRETS


def _after_setting(words: list[str], position: int) -> int:
    """Return the position after the name of a setting and its `=`."""
    while words[position] in _SCOPES:
        position += 1
    return position + 1 + (words[position + 1] in _ASSIGNMENTS)
