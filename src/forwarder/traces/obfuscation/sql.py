"""Removes the literals from SQL.

No literal survives, whatever the dialect: if dialects disagree on what is inside quotes, and one of them finds a
literal in what another would show, nothing is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass

from forwarder.traces.obfuscation import sql_lexer as lexer
from forwarder.traces.obfuscation.sql_names import is_like_a_name
from forwarder.traces.obfuscation.sql_shape import UnparsableError, shape

UNPARSABLE = "Non-parsable SQL query"

# Libraries truncate tags at 25,000. At this length, one pass takes some tenths of a second, during which the deadline
# is not checked, and passes with all lexer options take three seconds.
MAX_CHARACTERS = 64 * 1024

CheckDeadline = Callable[[], None]


@dataclass
class _Mask:
    """How one dialect classifies each character of a statement, one byte per character."""

    shown: int
    double_quoted: int  # a name or a literal, in the form of a name
    hidden: int

    def conflicts_with(self, other: "_Mask") -> bool:
        """Return whether the other would show part of a literal or comment of this one."""
        return bool(other.shown & (self.hidden | self.double_quoted) or other.double_quoted & self.hidden)


def obfuscate(text: str, database: str = "", check_deadline: CheckDeadline | None = None) -> str:
    """Return the statement with `?` for literals and for lists of them, without comments and aliases.

    `database` is the library's `db.system`. What cannot be parsed unambiguously, or is longer than `MAX_CHARACTERS`,
    becomes `Non-parsable SQL query`. `check_deadline` is called before each pass.
    """
    if len(text) > MAX_CHARACTERS:
        return UNPARSABLE
    database = database.lower()
    candidates = lexer.candidates(text, database)
    try:
        if len(candidates) > 1:
            return shape(_agreed(text, candidates, lexer.own_options(database), check_deadline), database)
        if check_deadline:
            check_deadline()
        tokens, rest = _tokens(text, candidates[0])
        return UNPARSABLE if rest else shape(tokens, database)
    except UnparsableError:
        return UNPARSABLE


def _agreed(
    text: str,
    candidates: list[lexer.LexerOptions],
    own: lexer.LexerOptions | None,
    check_deadline: CheckDeadline | None,
) -> list[lexer.Token]:
    """Return the tokens of the first candidate that succeeds, if no other finds a literal in what that one shows.

    A candidate that fails midway may still be the right one: libraries truncate statements. So it counts, unless the
    dialect is known, in which case its own options have to succeed.
    """
    shown: tuple[list[lexer.Token], _Mask] | None = None
    others: list[_Mask] = []
    for options in candidates:
        if check_deadline:
            check_deadline()
        tokens, rest = _tokens(text, options)
        if rest and options == own:
            raise UnparsableError
        if rest and (own or rest.startswith("\\")):  # a backslash outside quotes: not these options
            continue
        mask = _mask([*tokens, (lexer.QUOTED_NAME if rest.startswith("[") else lexer.STRING, rest)])
        if shown or rest:
            others.append(mask)
        else:
            shown = tokens, mask
        if shown:
            if any(other.conflicts_with(shown[1]) for other in others):
                raise UnparsableError
            others.clear()
    if not shown:
        raise UnparsableError
    return shown[0]


def _mask(tokens: list[lexer.Token]) -> _Mask:
    shown, double_quoted, hidden = bytearray(), bytearray(), bytearray()
    for kind, value in tokens:
        is_double = kind is lexer.DOUBLE_QUOTED and is_like_a_name(value)
        is_literal = kind in lexer.LITERALS or (kind is lexer.DOUBLE_QUOTED and not is_double)
        is_hidden = is_literal or kind in lexer.COMMENTS
        is_shown = not (is_double or is_hidden or kind is lexer.SPACE)
        shown += bytes([is_shown]) * len(value)
        double_quoted += bytes([is_double]) * len(value)
        hidden += bytes([is_hidden]) * len(value)
    return _Mask(int.from_bytes(shown), int.from_bytes(double_quoted), int.from_bytes(hidden))


def _tokens(text: str, options: lexer.LexerOptions) -> tuple[list[lexer.Token], str]:
    """Return the tokens of a statement, and the rest from where it cannot be tokenized unambiguously."""
    found: list[lexer.Token] = []
    position = 0
    for token in lexer.tokens(text, options):
        kind, value = token
        # Comments nest in some dialects and not in others: the end of this one is unknown.
        if kind is lexer.ERROR or (kind in lexer.COMMENTS and "/*" in value[2:] and value.startswith("/*")):
            return found, text[position:]
        found.append(token)
        position += len(value)
    return found, ""
