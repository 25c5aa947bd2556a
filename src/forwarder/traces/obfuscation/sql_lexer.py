r"""SQL text → tokens, with `sqlparse`'s lexer and a table of rules of our own.

sqlparse's own table takes a backslash before a quote for an escape in some places and not in others, and `1a` for a
name; what it cannot read becomes a token like any other. For masking, each character has to be known for what it is, so
the rules are ours, in the form that `Lexer.set_SQL_REGEX` takes. From the library come the loop, and `/*…*/` and
`$tag$…$tag$`, which it pairs in linear time.

Dialects disagree on where a literal ends: `'\'` is a whole string in PostgreSQL and half of one in MySQL. Each way to
read is a `Reading`, with a pattern for the text that it matters for.
"""

# mypy: disallow-untyped-calls=False
# (sqlparse says that it is typed, and its lexer is not.)

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from sqlparse import tokens as kinds
from sqlparse.lexer import Lexer

from forwarder.traces.obfuscation.databases import UNKNOWN, Dialect, dialect

Kind = kinds._TokenType  # the library has no public name for it
Token = tuple[Kind, str]

LITERAL = kinds.Literal
NUMBER = kinds.Literal.Number
STRING = kinds.Literal.String
HOLDER = kinds.Name.Placeholder  # `?`, `%s`, `$1`: stands for a literal
DOUBLE_QUOTED = kinds.String.Symbol  # a name in ANSI SQL, a string in MySQL
QUOTED_NAME = kinds.Name.Quoted
WORD = kinds.Name
VARIABLE = kinds.Name.Variable
OPERATOR = kinds.Operator
PUNCTUATION = kinds.Punctuation
SPACE = kinds.Whitespace
COMMENT = kinds.Comment
ERROR = kinds.Error

LITERALS = frozenset({LITERAL, NUMBER, STRING, HOLDER})
COMMENTS = frozenset({COMMENT, COMMENT.Multiline, COMMENT.Multiline.Hint})

# Possessive, so that a quote that is never closed costs one look at the rest of the text, and no memory.
_PLAIN = r"{q}(?:[^{q}]++|{q}{q})*+{q}"
_ESCAPED = r"{q}(?:[^{q}\\]++|\\(?s:.)|{q}{q})*+{q}"


@dataclass(frozen=True)
class Reading:
    """One way to read SQL; the default is the standard's, with MySQL's `#` comments."""

    backslash: bool = False  # `\\'` does not end a string
    triple: bool = False  # '''…''' and \"\"\"…\"\"\" (BigQuery)
    q_quotes: bool = False  # q'[…]' (Oracle)
    brackets: bool = False  # [a name] that may hold quotes (SQL Server, SQLite)
    slashes: bool = False  # `// comment` (Cassandra, Snowflake)
    bare_dashes: bool = True  # `--x` is a comment, without white space after the dashes
    dollar_names: bool = False  # `$name` is a parameter or a variable (SQLite, Snowflake)
    hash: str = "comment"  # or "name", "operator"


# The ways to read, by the names that `databases.py` gives them.
_READINGS: dict[str, Reading] = {
    "standard": Reading(),
    "backslash": Reading(backslash=True),
    "dashes": Reading(backslash=True, bare_dashes=False),
    "triple": Reading(backslash=True, triple=True),
    "q quotes": Reading(q_quotes=True),
    "brackets": Reading(brackets=True),
    "slashes": Reading(slashes=True),
    "snowflake": Reading(backslash=True, slashes=True, dollar_names=True),
    "sqlite": Reading(brackets=True, dollar_names=True),
    "duckdb": Reading(dollar_names=True),
}
# All that a text has to hold for a way to make a difference where nobody knows the dialect. The patterns stop at the
# next place where they could begin, so that searching a text for them is linear.
_MATTERS = {
    "backslash": [r"\\"],
    "dashes": [r"--\S"],
    "triple": [r"'''|\"\"\""],
    "q quotes": [r"q'"],
    "brackets": [r"\[[^\[\]'\"`\\#/$-]*['\"`\\#/$-]"],
    "slashes": [r"//"],
    "snowflake": [r"\\", r"//"],
}
_PATTERNS = {name: [re.compile(part, re.IGNORECASE) for part in parts] for name, parts in _MATTERS.items()}
_ANY_OTHER = re.compile("|".join(["#", *(part for parts in _MATTERS.values() for part in parts)]), re.IGNORECASE)


def readings(text: str, database: str) -> list[Reading]:
    """Return the ways in which a text may have been meant, the likeliest first."""
    known = dialect(database)
    own = known.own or "standard"
    if not _ANY_OTHER.search(text):
        return [_reading(own, known)]
    names = ["standard", own]
    names += [name for name in _PATTERNS if (known.ways is None or name in known.ways) and _matters(name, text)]
    # What may be a comment is not shown where that makes sense.
    names.sort(key=lambda name: not _READINGS[name].slashes)
    found = [_reading(name, known) for name in names]
    if known is UNKNOWN and "#" in text:
        found += [replace(reading, hash="operator") for reading in found]
    return list(dict.fromkeys(found))


def own_reading(database: str) -> Reading | None:
    """Return the way in which a database reads a text, if that is known."""
    known = dialect(database)
    return _reading(known.own, known) if known.own else None


def _matters(name: str, text: str) -> bool:
    return all(pattern.search(text) for pattern in _PATTERNS[name])


@cache
def _reading(name: str, known: Dialect) -> Reading:
    return replace(_READINGS[name], hash=known.hash) if known.hash else _READINGS[name]


def tokens(text: str, reading: Reading) -> Iterator[Token]:
    """Return the kinds and texts of the tokens; put together, they are the text again."""
    found: Iterator[Token] = _lexer(reading).get_tokens(text)
    return found


@cache
def _lexer(reading: Reading) -> Lexer:
    lexer = Lexer()
    lexer.clear()
    lexer.set_SQL_REGEX(_rules(reading))
    return lexer


def _rules(reading: Reading) -> list[tuple[str, Kind]]:
    """Return the rules in the order in which they are tried; what none of them takes is an error."""
    return [
        *(_BRACKETS if reading.brackets else ()),
        (r"[\s\ufeff]++", SPACE),
        (r"[(),;\[\]{}]", PUNCTUATION),
        *_quoting(reading),
        _UUID,
        *_words(reading),
        *([(r"\$[^\W\d]\w*+(?!\$)", HOLDER)] if reading.dollar_names else ()),
        *_NUMBERS,
        *_OPERATORS,
    ]


def _quoting(reading: Reading) -> list[tuple[str, Kind]]:
    quoted = _ESCAPED if reading.backslash else _PLAIN
    return [
        *(_TRIPLE if reading.triple else ()),
        *(_Q_QUOTES if reading.q_quotes else ()),
        *([(r"//[^\r\n]*", COMMENT)] if reading.slashes else ()),
        (r"e" + _ESCAPED.format(q="'"), STRING),
        (r"e'", ERROR),
        (r"(?:n|x|b|u&|rb?|br)?" + quoted.format(q="'"), STRING),
        (r"(?:u&)?" + quoted.format(q='"'), DOUBLE_QUOTED),
        (quoted.format(q="`"), QUOTED_NAME),
        (r"--[^\r\n]*" if reading.bare_dashes else r"--(?=\s|$)[^\r\n]*", COMMENT),
    ]


# What opens and does not close is an error at once, so that the rest is not searched again at the next one.
_TRIPLE: list[tuple[str, Kind]] = [
    (r"(?:rb?|br?)?'''(?:[^'\\]++|\\(?s:.)|'(?!''))*+'''", STRING),
    (r'(?:rb?|br?)?"""(?:[^"\\]++|\\(?s:.)|"(?!""))*+"""', STRING),
    (r"(?:rb?|br?)?(?:'''|\"\"\")", ERROR),
]
_Q_QUOTES: list[tuple[str, Kind]] = [
    (r"(?s:n?q'(?:\[.*?\]'|\{.*?\}'|\(.*?\)'|<.*?>'|([^\s\[{(<]).*?\1'))", STRING),
    (r"n?q'", ERROR),
]
_BRACKETS: list[tuple[str, Kind]] = [(r"\[(?:[^\]]++|\]\])*+\]", QUOTED_NAME), (r"\[", ERROR)]


def _words(reading: Reading) -> list[tuple[str, Kind]]:
    """Return the rules for names with their dots, variables, and `#` as what it is in this reading."""
    part = r"\#{0,2}[^\W\d][\w$#]*+" if reading.hash == "name" else r"[^\W\d][\w$]*+(?:\#(?=\.))?"
    return [
        # A part never begins with a digit: `.5` is a number, whatever stands before it.
        (rf"{part}(?:\.(?:{part}|\*))*+(?:\.(?!\d))?", WORD),
        (r"@@?[^\W\d][\w$.]*+|:[^\W\d]\w*+", VARIABLE),
        *_HASH[reading.hash],
    ]


_HASH: dict[str, list[tuple[str, Kind]]] = {
    "comment": [(r"\#[^\r\n]*", COMMENT)],
    "operator": [(r"\#>>?|\#-?|\?[|&](?![|&])|@\?|\?(?=\s*')", OPERATOR)],
    "name": [],
}
# Not quoted in Cassandra; half of them begin like a name. The last one may be cut off.
_UUID: tuple[str, Kind] = (
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|[0-9a-f]{8}(?:-[0-9a-f-]{0,27})?\Z",
    NUMBER,
)
# Whatever begins with a digit is a literal, whole: 0x1F, 1e-5, 1_000, 12.50, 1a.
_NUMBERS: list[tuple[str, Kind]] = [
    (r"-?\.?\d[\w.]*+(?:(?<=[eE])[+-]\d+)?", NUMBER),
    (r"\$[1-9]\d*+\b|:\d++\b|@\d++\b", HOLDER),
    (r"\$|:\d", ERROR),
    (r"\?\d*", HOLDER),
    (r"%\(\w+\)[a-z]\b|%[a-z]\b", HOLDER),
    (r"%\(\w+\)", ERROR),
]
_OPERATORS: list[tuple[str, Kind]] = [
    (r"/\*|\\", ERROR),  # a comment that never ends; a backslash has no place outside a string
    (r"->>?|@>|<@|@@|!~~?\*?|~~?\*|<=>|<>|[<>!:]=|::|=>", OPERATOR),
    (r"!(?!\s*[\w(`'\"@:?$.+-])", ERROR),
    (r"[-+*/<>=!|&~^%.:@]", OPERATOR),
]
