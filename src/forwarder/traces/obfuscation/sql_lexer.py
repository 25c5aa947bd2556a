r"""Tokenizes SQL with `sqlparse`'s lexer and our own table of rules.

sqlparse's own table treats a backslash before a quote as an escape in some places and not in others, and `1a` as a
name; what it cannot read becomes a token like any other. For masking, every character has to be classified with
certainty, so the rules are ours, in the form that `Lexer.set_SQL_REGEX` expects. The library provides the loop, and
`/*…*/` and `$tag$…$tag$`, which it pairs in linear time.

Dialects disagree on where a literal ends: `'\'` is a complete string in PostgreSQL and half of one in MySQL. Each
variant is a set of `LexerOptions`, with a pattern for the statements in which it makes a difference.
"""

# mypy: disallow-untyped-calls=False
# (sqlparse declares itself typed, but its lexer is not.)

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
PLACEHOLDER = kinds.Name.Placeholder  # `?`, `%s`, `$1`: replaces a literal
DOUBLE_QUOTED = kinds.String.Symbol  # a name in ANSI SQL, a string in MySQL
QUOTED_NAME = kinds.Name.Quoted
WORD = kinds.Name
VARIABLE = kinds.Name.Variable
OPERATOR = kinds.Operator
PUNCTUATION = kinds.Punctuation
SPACE = kinds.Whitespace
COMMENT = kinds.Comment
ERROR = kinds.Error

LITERALS = frozenset({LITERAL, NUMBER, STRING, PLACEHOLDER})
COMMENTS = frozenset({COMMENT, COMMENT.Multiline, COMMENT.Multiline.Hint})

# Possessive, so that an unclosed quote costs one pass over the rest, and no memory.
_PLAIN = r"{q}(?:[^{q}]++|{q}{q})*+{q}"
_ESCAPED = r"{q}(?:[^{q}\\]++|\\(?s:.)|{q}{q})*+{q}"


@dataclass(frozen=True)
class LexerOptions:
    """How to tokenize SQL; the default is standard SQL with MySQL's `#` comments."""

    backslash: bool = False  # `\\'` does not end a string
    triple: bool = False  # '''…''' and \"\"\"…\"\"\" (BigQuery)
    q_quotes: bool = False  # q'[…]' (Oracle)
    brackets: bool = False  # [a name] that may hold quotes (SQL Server, SQLite)
    slashes: bool = False  # `// comment` (Cassandra, Snowflake)
    bare_dashes: bool = True  # `--x` is a comment even without white space after the dashes
    dollar_names: bool = False  # `$name` is a parameter or a variable (SQLite, Snowflake)
    hash: str = "comment"  # or "name", "operator"


# By the names used in `databases.py`.
_OPTIONS: dict[str, LexerOptions] = {
    "standard": LexerOptions(),
    "backslash": LexerOptions(backslash=True),
    "dashes": LexerOptions(backslash=True, bare_dashes=False),
    "triple": LexerOptions(backslash=True, triple=True),
    "q quotes": LexerOptions(q_quotes=True),
    "brackets": LexerOptions(brackets=True),
    "slashes": LexerOptions(slashes=True),
    "snowflake": LexerOptions(backslash=True, slashes=True, dollar_names=True),
    "sqlite": LexerOptions(brackets=True, dollar_names=True),
    "duckdb": LexerOptions(dollar_names=True),
}
# Patterns that a statement must contain, all of them, for the options to make a difference if the dialect is unknown.
# They stop at the next place where they could begin, so that searching takes linear time.
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


def candidates(text: str, database: str) -> list[LexerOptions]:
    """Return the possible options for a statement, the most likely first."""
    known = dialect(database)
    own = known.own or "standard"
    if not _ANY_OTHER.search(text):
        return [_options(own, known)]
    names = ["standard", own]
    names += [
        name
        for name in _PATTERNS
        if (known.alternatives is None or name in known.alternatives) and _matters(name, text)
    ]
    # A possible comment is not shown if it makes sense as one.
    names.sort(key=lambda name: not _OPTIONS[name].slashes)
    found = [_options(name, known) for name in names]
    if known is UNKNOWN and "#" in text:
        found += [replace(options, hash="operator") for options in found]
    return list(dict.fromkeys(found))


def own_options(database: str) -> LexerOptions | None:
    """Return the options of a database, if known."""
    known = dialect(database)
    return _options(known.own, known) if known.own else None


def _matters(name: str, text: str) -> bool:
    return all(pattern.search(text) for pattern in _PATTERNS[name])


@cache
def _options(name: str, known: Dialect) -> LexerOptions:
    return replace(_OPTIONS[name], hash=known.hash) if known.hash else _OPTIONS[name]


def tokens(text: str, options: LexerOptions) -> Iterator[Token]:
    """Return the tokens as kind and value; the concatenated values are the statement."""
    found: Iterator[Token] = _lexer(options).get_tokens(text)
    return found


@cache
def _lexer(options: LexerOptions) -> Lexer:
    lexer = Lexer()
    lexer.clear()
    lexer.set_SQL_REGEX(_rules(options))
    return lexer


def _rules(options: LexerOptions) -> list[tuple[str, Kind]]:
    """Return the rules in the order in which they are tried; what matches none is an error."""
    return [
        *(_BRACKETS if options.brackets else ()),
        (r"[\s\ufeff]++", SPACE),
        (r"[(),;\[\]{}]", PUNCTUATION),
        *_quoting(options),
        _UUID,
        *_words(options),
        *([(r"\$[^\W\d]\w*+(?!\$)", PLACEHOLDER)] if options.dollar_names else ()),
        *_NUMBERS,
        *_OPERATORS,
    ]


def _quoting(options: LexerOptions) -> list[tuple[str, Kind]]:
    quoted = _ESCAPED if options.backslash else _PLAIN
    return [
        *(_TRIPLE if options.triple else ()),
        *(_Q_QUOTES if options.q_quotes else ()),
        *([(r"//[^\r\n]*", COMMENT)] if options.slashes else ()),
        (r"e" + _ESCAPED.format(q="'"), STRING),
        (r"e'", ERROR),
        (r"(?:n|x|b|u&|rb?|br)?" + quoted.format(q="'"), STRING),
        (r"(?:u&)?" + quoted.format(q='"'), DOUBLE_QUOTED),
        (quoted.format(q="`"), QUOTED_NAME),
        (r"--[^\r\n]*" if options.bare_dashes else r"--(?=\s|$)[^\r\n]*", COMMENT),
    ]


# An unclosed quote is an error at once, so that the rest is not searched again at the next one.
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


def _words(options: LexerOptions) -> list[tuple[str, Kind]]:
    """Return the rules for names with their dots, for variables, and for `#` under these options."""
    part = r"\#{0,2}[^\W\d][\w$#]*+" if options.hash == "name" else r"[^\W\d][\w$]*+(?:\#(?=\.))?"
    return [
        # A part never begins with a digit: `.5` is a number, whatever precedes it.
        (rf"{part}(?:\.(?:{part}|\*))*+(?:\.(?!\d))?", WORD),
        (r"@@?[^\W\d][\w$.]*+|:[^\W\d]\w*+", VARIABLE),
        *_HASH[options.hash],
    ]


_HASH: dict[str, list[tuple[str, Kind]]] = {
    "comment": [(r"\#[^\r\n]*", COMMENT)],
    "operator": [(r"\#>>?|\#-?|\?[|&](?![|&])|@\?|\?(?=\s*')", OPERATOR)],
    "name": [],
}
# Not quoted in Cassandra; half of them begin like a name. The last one may be truncated.
_UUID: tuple[str, Kind] = (
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|[0-9a-f]{8}(?:-[0-9a-f-]{0,27})?\Z",
    NUMBER,
)
# Anything that begins with a digit is a literal as a whole: 0x1F, 1e-5, 1_000, 12.50, 1a.
_NUMBERS: list[tuple[str, Kind]] = [
    (r"-?\.?\d[\w.]*+(?:(?<=[eE])[+-]\d+)?", NUMBER),
    (r"\$[1-9]\d*+\b|:\d++\b|@\d++\b", PLACEHOLDER),
    (r"\$|:\d", ERROR),
    (r"\?\d*", PLACEHOLDER),
    (r"%\(\w+\)[a-z]\b|%[a-z]\b", PLACEHOLDER),
    (r"%\(\w+\)", ERROR),
]
_OPERATORS: list[tuple[str, Kind]] = [
    (r"/\*|\\", ERROR),  # an unclosed comment; a backslash is not allowed outside a string
    (r"->>?|@>|<@|@@|!~~?\*?|~~?\*|<=>|<>|[<>!:]=|::|=>", OPERATOR),
    (r"!(?!\s*[\w(`'\"@:?$.+-])", ERROR),
    (r"[-+*/<>=!|&~^%.:@]", OPERATOR),
]
