"""SQL without its literals.

No literal survives, whatever dialect the text was written in: where dialects disagree on what is inside quotes, and one
of them finds a literal in what another would show, nothing is shown.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from forwarder.traces.obfuscation import sql_lexer as lexer
from forwarder.traces.obfuscation.sql_names import looks_like_a_name
from forwarder.traces.obfuscation.sql_shape import UnparsableError, shape

UNPARSABLE = "Non-parsable SQL query"

# In characters. Libraries cut tags at 25,000. At this length, one reading takes a tenth of a second, in which nothing
# looks at the clock, and all ways to read a text take half a second.
LONGEST = 64 * 1024

Look = Callable[[], None]


@dataclass
class _Read:
    """A text as one dialect reads it: its tokens, and what each of its characters is, a byte for each."""

    tokens: list[lexer.Token]
    shown: int
    double_quoted: int  # a name or a literal, and looks like a name
    literal: int

    def denies(self, other: "_Read") -> bool:
        """Tell whether the other would show what is in a literal here."""
        return bool(other.shown & (self.literal | self.double_quoted) or other.double_quoted & self.literal)


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
            return shape(_agreed(text, ways, look), database)
        if look:
            look()
        return shape(_tokens(text, ways[0]), database)
    except UnparsableError:
        return UNPARSABLE


def _agreed(text: str, ways: list[lexer.Reading], look: Look | None) -> list[lexer.Token]:
    """Return the tokens of the first way that works, if no other way finds a literal in what that one shows."""
    reads = _reads(text, ways, look)
    first = next(reads, None)
    if not first or any(other.denies(first) for other in reads):
        raise UnparsableError
    return first.tokens


def _reads(text: str, ways: list[lexer.Reading], look: Look | None) -> Iterator[_Read]:
    """Read the text in each way that works, one at a time."""
    for way in ways:
        if look:
            look()
        if read := _read(text, way):
            yield read


def _read(text: str, way: lexer.Reading) -> _Read | None:
    try:
        tokens = _tokens(text, way)
    except UnparsableError:
        return None
    shown, double_quoted, literal = bytearray(), bytearray(), bytearray()
    for kind, value in tokens:
        is_double = kind is lexer.DOUBLE_QUOTED and looks_like_a_name(value)
        is_literal = kind in lexer.LITERALS or (kind is lexer.DOUBLE_QUOTED and not is_double)
        is_shown = not (is_double or is_literal or kind in lexer.COMMENTS or kind is lexer.SPACE)
        shown += bytes([is_shown]) * len(value)
        double_quoted += bytes([is_double]) * len(value)
        literal += bytes([is_literal]) * len(value)
    return _Read(tokens, int.from_bytes(shown), int.from_bytes(double_quoted), int.from_bytes(literal))


def _tokens(text: str, way: lexer.Reading) -> list[lexer.Token]:
    found = []
    for token in lexer.tokens(text, way):
        kind, value = token
        # Comments nest in some dialects and not in others: the end of this one is anyone's guess.
        if kind is lexer.ERROR or (kind in lexer.COMMENTS and "/*" in value[2:] and value.startswith("/*")):
            raise UnparsableError
        found.append(token)
    return found
