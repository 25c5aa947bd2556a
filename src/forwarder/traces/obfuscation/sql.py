"""SQL without its literals.

No literal survives, whatever dialect the text was written in: where dialects disagree on what is inside quotes, and one
of them finds a literal in what another would show, nothing is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass

from forwarder.traces.obfuscation import sql_lexer as lexer
from forwarder.traces.obfuscation.sql_names import looks_like_a_name
from forwarder.traces.obfuscation.sql_shape import UnparsableError, shape

UNPARSABLE = "Non-parsable SQL query"

# In characters. Libraries cut tags at 25,000. At this length, one reading takes some tenths of a second, in which
# nothing looks at the clock, and all ways to read a text take three seconds.
LONGEST = 64 * 1024

Look = Callable[[], None]


@dataclass
class _Mask:
    """What each character of a text is to one dialect, a byte for each."""

    shown: int
    double_quoted: int  # a name or a literal, and looks like a name
    hidden: int

    def denies(self, other: "_Mask") -> bool:
        """Tell whether the other would show what is in a literal or a comment here."""
        return bool(other.shown & (self.hidden | self.double_quoted) or other.double_quoted & self.hidden)


def obfuscate(text: str, database: str = "", look: Look | None = None) -> str:
    """Return the text with `?` for its literals, without comments and aliases, its lists cut to one `?`.

    `database` is what the library says (`db.system`): in two dialects `#` begins no comment. What cannot be read for
    certain, or is longer than `LONGEST`, becomes `Non-parsable SQL query`. `look` is called before each reading.
    """
    if len(text) > LONGEST:
        return UNPARSABLE
    database = database.lower()
    ways = lexer.readings(text, database)
    try:
        if len(ways) > 1:
            return shape(_agreed(text, ways, lexer.own_reading(database), look), database)
        if look:
            look()
        tokens, rest = _tokens(text, ways[0])
        return UNPARSABLE if rest else shape(tokens, database)
    except UnparsableError:
        return UNPARSABLE


def _agreed(text: str, ways: list[lexer.Reading], own: lexer.Reading | None, look: Look | None) -> list[lexer.Token]:
    """Return the tokens of the first way that works, if no other way finds a literal in what that one shows.

    A way that breaks off may still be the right one: libraries cut statements. So it counts, unless the dialect is
    known, in which case its own way has to work.
    """
    shown: tuple[list[lexer.Token], _Mask] | None = None
    others: list[_Mask] = []
    for way in ways:
        if look:
            look()
        tokens, rest = _tokens(text, way)
        if rest and way == own:
            raise UnparsableError
        if rest and (own or rest.startswith("\\")):  # a backslash outside of quotes: this way was not meant
            continue
        mask = _mask([*tokens, (lexer.QUOTED_NAME if rest.startswith("[") else lexer.STRING, rest)])
        if shown or rest:
            others.append(mask)
        else:
            shown = tokens, mask
        if shown:
            if any(other.denies(shown[1]) for other in others):
                raise UnparsableError
            others.clear()
    if not shown:
        raise UnparsableError
    return shown[0]


def _mask(tokens: list[lexer.Token]) -> _Mask:
    shown, double_quoted, hidden = bytearray(), bytearray(), bytearray()
    for kind, value in tokens:
        is_double = kind is lexer.DOUBLE_QUOTED and looks_like_a_name(value)
        is_literal = kind in lexer.LITERALS or (kind is lexer.DOUBLE_QUOTED and not is_double)
        is_hidden = is_literal or kind in lexer.COMMENTS
        is_shown = not (is_double or is_hidden or kind is lexer.SPACE)
        shown += bytes([is_shown]) * len(value)
        double_quoted += bytes([is_double]) * len(value)
        hidden += bytes([is_hidden]) * len(value)
    return _Mask(int.from_bytes(shown), int.from_bytes(double_quoted), int.from_bytes(hidden))


def _tokens(text: str, way: lexer.Reading) -> tuple[list[lexer.Token], str]:
    """Return the tokens of a text, and its rest from where on it cannot be read for certain."""
    found: list[lexer.Token] = []
    position = 0
    for token in lexer.tokens(text, way):
        kind, value = token
        # Comments nest in some dialects and not in others: the end of this one is anyone's guess.
        if kind is lexer.ERROR or (kind in lexer.COMMENTS and "/*" in value[2:] and value.startswith("/*")):
            return found, text[position:]
        found.append(token)
        position += len(value)
    return found, ""
