"""Normalizes a statement: no literals, comments or aliases, one `?` per list, single spaces."""

import re
from collections.abc import Iterator

from forwarder.traces.obfuscation import sql_lexer as lexer
from forwarder.traces.obfuscation.marks import MASK
from forwarder.traces.obfuscation.sql_lexer import Token
from forwarder.traces.obfuscation.sql_names import is_like_a_name, names
from forwarder.traces.obfuscation.sql_secrets import VALUE, without_secrets

_GAP: Token = (lexer.WORD, "")  # in place of an alias: ends a list, and is not shown

_VALUES = frozenset({"NULL", "TRUE", "FALSE"})  # keywords that are values
_NO_ALIAS = frozenset({"(", "SELECT", "WITH"})  # after AS, these begin the definition of a name

_NO_NAME = re.compile(r"^\d|[{}]")  # a value in the wrong quotes, or an unfilled template


class UnparsableError(Exception):
    """The statement cannot be parsed unambiguously. Contains no part of it."""


def shape(tokens: list[Token], database: str) -> str:
    """Return the statement without its literals.

    Raises:
        UnparsableError: braces or brackets do not match, or nothing is left.

    """
    statement = [token for token in tokens if token[0] is not lexer.SPACE and token[0] not in lexer.COMMENTS]
    masked = _masked(_without_aliases(without_secrets(_without_escapes(statement))), database)
    words = _with_short_lists(masked)
    if not words:
        raise UnparsableError
    return " ".join(words).replace(" ,", ",")


def _without_escapes(tokens: list[Token]) -> Iterator[Token]:
    """`{fn …}`, `{ts '…'}` and maps become one literal; `{call …}` stays as it is."""
    inside = calls = 0
    for position, token in enumerate(tokens):
        match token[1]:
            case "{" if inside or not _is_call(tokens, position):
                inside += 1
            case "}" if inside:
                inside -= 1
                if not inside:
                    yield VALUE
            case _ if not inside:
                calls += {"{": 1, "}": -1}.get(token[1], 0)
                if calls < 0:
                    raise UnparsableError
                yield token
    if inside or calls:
        raise UnparsableError


def _is_call(tokens: list[Token], position: int) -> bool:
    return [value.upper() for _, value in tokens[position + 1 : position + 2]] == ["CALL"]


def _without_aliases(tokens: Iterator[Token]) -> Iterator[Token]:
    """Drop AS and the alias after it, which in SQL Server may be a name in brackets; `AS (` and `AS SELECT` stay."""
    for token in tokens:
        if not _is_word(token, "AS"):
            yield token
            continue
        alias = next(tokens, None)
        if alias and alias[1].upper() in _NO_ALIAS and alias[0] in {lexer.WORD, lexer.PUNCTUATION}:
            yield from (token, alias)
        elif alias and alias[1] == "[":
            _skip_brackets(tokens)
            yield _GAP
        else:
            yield _GAP


def _skip_brackets(tokens: Iterator[Token]) -> None:
    for _, value in tokens:
        if value == "[":
            break
        if value == "]":
            return
    raise UnparsableError


def _is_word(token: Token, word: str) -> bool:
    return token[0] is lexer.WORD and token[1].upper() == word


def _masked(tokens: Iterator[Token], database: str) -> list[Token]:
    """Return the statement with literals masked and names unquoted, without semicolons."""
    statement = list(tokens)
    named = names(statement, database)
    masked: list[Token] = []
    after_savepoint = False
    for position, token in enumerate(statement):
        kind, value = token
        if after_savepoint or kind in lexer.LITERALS or (kind is lexer.WORD and value.upper() in _VALUES):
            masked.append(VALUE)
        elif kind is lexer.QUOTED_NAME or position in named:
            masked.append(_unquoted(value))
        elif kind is lexer.DOUBLE_QUOTED:
            masked.append(VALUE)
        elif value != ";":
            masked.append(token)
        after_savepoint = _is_word(token, "SAVEPOINT")
    return masked


def _unquoted(quoted: str) -> Token:
    name = quoted[1:-1]
    if is_like_a_name(quoted):
        return (lexer.WORD, name)
    if _NO_NAME.search(name):
        raise UnparsableError
    return (lexer.WORD, MASK)  # a word, so that it is not treated as a value in a list


def _with_short_lists(tokens: list[Token]) -> list[str]:
    """Return the words, with one `?` for consecutive values, and one `( ? )` for consecutive rows of values."""
    ends = _ends_of_values(tokens)
    words: list[str] = []
    after_value = after_row = False  # apart from commas and parentheses
    position = 0
    while position < len(tokens):
        token = tokens[position]
        value = token[1]
        position += 1
        if token == VALUE:
            after_row = after_row or words[-1:] == ["("]
            if not after_value:
                words.append(value)
            after_value = True
        elif value == "(" and after_row and position - 1 in ends:
            position = ends[position - 1]
        elif value != "," or not after_value:
            words += [value] if value else []
            after_value = after_value and value == ")"
            after_row = after_row and value in {"(", ")", ","}
    return words


def _ends_of_values(tokens: list[Token]) -> dict[int, int]:
    """Map the start of each pair of parentheses with only values inside to the position after its end."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for position, token in enumerate(tokens):
        match token[1]:
            case "(":
                opened.append(position)
            case ")" if opened:
                ends[opened.pop()] = position + 1
            case _ if token != VALUE and token[1] != ",":
                opened.clear()
    return ends
