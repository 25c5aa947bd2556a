"""Where a statement names a secret without quotes: passwords, settings, arguments of procedures.

`IDENTIFIED BY x`, `ALTER USER u PASSWORD x`, `SET my.token = x`, `PRAGMA key = x`, `EXEC sp_addlogin bob, x`: what
follows is a value, whatever it looks like, and it may be of several tokens. So the rest of the statement is one.
"""

from collections.abc import Iterable, Iterator

from forwarder.traces.obfuscation import sql_lexer as lexer
from forwarder.traces.obfuscation.sql_lexer import Token

VALUE: Token = (lexer.HOLDER, "?")

_SECRETS = frozenset({"PASSWORD", "CREDENTIALS", "SECRET"})
# Those are columns in what begins with one of these, or defines one of these.
_WITH_COLUMNS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "REPLACE", "EXPLAIN", "("})
_OBJECTS_WITH_COLUMNS = frozenset({"TABLE", "VIEW", "INDEX", "TRIGGER", "FUNCTION", "PROCEDURE"})
_DEFINITIONS = frozenset({"CREATE", "ALTER"})
_SETTINGS = frozenset({"SET", "PRAGMA"})
_SCOPES = frozenset({"LOCAL", "SESSION", "GLOBAL", "PERSIST"})
_ASSIGNMENTS = frozenset({"=", ":=", "TO"})
_SWITCHES = frozenset({"ON", "OFF"})


def without_secrets(tokens: Iterable[Token]) -> Iterator[Token]:
    """Put one value for the rest of each statement that names a secret."""
    statement: list[Token] = []
    for token in tokens:
        if token[1] == ";":
            yield from _without_secret(statement)
            yield token
            statement = []
        else:
            statement.append(token)
    yield from _without_secret(statement)


def _without_secret(statement: list[Token]) -> list[Token]:
    at = _secret([value.upper() for _, value in statement])
    return statement if at is None or at >= len(statement) else [*statement[:at], VALUE]


def _secret(words: list[str]) -> int | None:
    """Return the position from which on a statement is secret."""
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
        elif word in _SECRETS and following not in {",", ")"} and verb not in _WITH_COLUMNS | _OBJECTS_WITH_COLUMNS:
            return position + 1 + (following == "=")
    return None


def _after_setting(words: list[str], position: int) -> int:
    """Return the position behind the name of a setting and its `=`."""
    while words[position] in _SCOPES:
        position += 1
    return position + 1 + (words[position + 1] in _ASSIGNMENTS)
