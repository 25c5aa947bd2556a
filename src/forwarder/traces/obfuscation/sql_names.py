"""Finds which `"…"` in a statement are names: in ANSI SQL all, in MySQL none, in SQLite it depends on the context.

It is treated as a name only where only a name is allowed: next to a dot, or, in a statement that quotes a table in the
same way, where a column or a table is named. Anywhere else it is a literal.
"""

import re

from forwarder.traces.obfuscation import sql_lexer as lexer
from forwarder.traces.obfuscation.databases import dialect
from forwarder.traces.obfuscation.sql_lexer import Token

_BEFORE_A_TABLE = frozenset({"FROM", "JOIN", "INTO", "UPDATE", "TABLE"})
_CLAUSES = frozenset({"SELECT", "WHERE", "ON", "BY", "SET", "HAVING", "RETURNING"})  # columns follow
_BEFORE_BY = frozenset({"ORDER", "GROUP", "PARTITION"})
_BEFORE_A_NAME = _BEFORE_A_TABLE | _CLAUSES | frozenset({"DISTINCT", "AND", "OR", "NOT", "USING", "COLUMN", "(", ","})
_BEFORE_A_LIST_OF_COLUMNS = frozenset({"INTO", "TABLE", "REFERENCES"})  # with the table's name in between
# A quoted name is shown if it has this form. Query builders name their scopes with a digest.
_LIKE_A_NAME = re.compile(r"[^\W\d][\w.$#-]*|[0-9a-f]{32}")


def is_like_a_name(quoted: str) -> bool:
    """Return whether the content of the quotes has the form of a name that may be shown."""
    return bool(_LIKE_A_NAME.fullmatch(quoted, 1, len(quoted) - 1))


def names(tokens: list[Token], database: str) -> set[int]:
    """Return the positions of the double-quoted tokens that are names."""
    quoted = [position for position, (kind, _) in enumerate(tokens) if kind is lexer.DOUBLE_QUOTED]
    meant = dialect(database).double_quotes
    if not quoted or meant == "string":
        return set()
    next_to_a_dot = {position for position in quoted if _is_next_to_a_dot(tokens, position)}
    if not (next_to_a_dot or meant == "name" or _quotes_a_table(tokens)):
        return set()
    return next_to_a_dot | _in_place_of_a_name(tokens, no_value=meant == "either")


def _is_next_to_a_dot(tokens: list[Token], position: int) -> bool:
    kind, before = tokens[position - 1] if position else (lexer.SPACE, "")
    after = tokens[position + 1][1] if position + 1 < len(tokens) else ""
    return (before.endswith(".") and kind is not lexer.NUMBER) or after == "."


def _quotes_a_table(tokens: list[Token]) -> bool:
    """Return whether a table is named in double quotes; `trim("a" FROM "b")` does not name one."""
    subquery = [True]
    words = ["", *(value.upper() for _, value in tokens), ""]
    for position, (kind, value) in enumerate(tokens):
        before, after = words[position], words[position + 2]
        if value == "(":
            subquery.append(after == "SELECT")
        elif value == ")" and len(subquery) > 1:
            subquery.pop()
        elif kind is lexer.DOUBLE_QUOTED and before in _BEFORE_A_TABLE:
            distinct_from = position > 1 and words[position - 1] == "DISTINCT"
            if before != "FROM" or (subquery[-1] and not distinct_from):
                return True
    return False


class _Place:
    """The position in a statement: whether columns are listed here and in the enclosing parentheses."""

    def __init__(self) -> None:
        self._columns = [True]
        self._defined = [False]  # whether the columns are those of the table named before
        self._last = ""
        self._between = False
        self._table = ""  # on the way from INTO to the list of columns: "word", then "name"

    def expects_a_name(self) -> bool:
        return self._columns[-1] and self._last in _BEFORE_A_NAME

    def allows_no_value(self) -> bool:
        return self._last in _BEFORE_A_TABLE or (self._defined[-1] and self._last in {"(", ","})

    def move(self, kind: lexer.Kind, value: str) -> None:
        """Advance past a token, whose value is in upper case."""
        if value == "(":
            self._columns.append(self._table == "name" or self.expects_a_name())
            self._defined.append(self._table == "name")
        elif value == ")" and len(self._columns) > 1:
            self._columns.pop()
            self._defined.pop()
        elif value in _CLAUSES and (value != "BY" or self._last in _BEFORE_BY):
            self._columns[-1] = True
        elif value == "VALUES":
            self._columns[-1] = False
        self._last = self._meaning(value)
        self._between = value == "BETWEEN" or (self._between and value != "AND")
        self._table = self._towards_columns(kind, value)

    def _meaning(self, value: str) -> str:
        """Return the word; empty if, unlike elsewhere, a value follows it here."""
        if value == "AND" and self._between:  # the other bound follows, not a condition
            return "BETWEEN"
        is_other = (value == "BY" and self._last not in _BEFORE_BY) or (value == "FROM" and self._last == "DISTINCT")
        return "" if is_other else value

    def _towards_columns(self, kind: lexer.Kind, value: str) -> str:
        if value in _BEFORE_A_LIST_OF_COLUMNS:
            return "word"
        is_name = kind in {lexer.WORD, lexer.QUOTED_NAME, lexer.DOUBLE_QUOTED}
        return "name" if is_name and self._table else self._table if value == "." else ""


def _in_place_of_a_name(tokens: list[Token], *, no_value: bool) -> set[int]:
    """Return the double-quoted tokens where a name is expected; with `no_value`, where nothing else is allowed."""
    found = set()
    place = _Place()
    for position, (kind, value) in enumerate(tokens):
        if kind is lexer.DOUBLE_QUOTED and place.expects_a_name() and (place.allows_no_value() or not no_value):
            found.add(position)
        place.move(kind, value.upper())
    return found
