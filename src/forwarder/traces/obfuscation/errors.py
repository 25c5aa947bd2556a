"""Removes the literals that databases and HTTP clients print into error messages and stack traces."""

import re
from collections.abc import Callable

from forwarder.traces.obfuscation import http
from forwarder.traces.obfuscation.kinds import is_like_sql
from forwarder.traces.obfuscation.marks import MASK

_STATEMENT, _PARAMETERS, _BACKGROUND = "[SQL: ", "[parameters: ", "(Background on this error"

# A value may span several lines, so it ends where the rest of a message or a stack trace begins.
_NEXT = r"\n(?:HINT:|CONTEXT:|LINE \d+:|Traceback |The above |During handling |Caused by: |[ \t]+(?:at|File) )"
_LAST_QUOTE = r"{0}[^{0}\n]*(?:\n|\Z)"  # of its line
_BEFORE_QUOTES = (
    r"\b(?:near|at input|but got|token:|character string|input string:|out of range:|literal:|[Vv]alue:?"
    r"|(?:[Ii]nvalid|[Ii]ncorrect|[Cc]ould not)\b[^\n:'\"]{{1,80}}:) {0}"
)
# What precedes a value, and what follows it. Each pair makes one pass over the message.
_VALUES = [
    (r"\b(?:DETAIL|CONTEXT|QUERY|STATEMENT):[ \t]*", _NEXT),  # PostgreSQL's
    (r"\bBatch entry \d+ ", r" was aborted\b"),  # JDBC's
    (r"\bquery argument \$\d+: ", r"\n"),  # asyncpg's
    (r"\bLINE \d+:[ \t]*", r"\n"),
    (r"\bKey \([^\n]{1,200}?\)=\(", r"\) (?:already|is|conflicts)\b"),
    (r"\bFailing row contains \(", _NEXT),
    (r"\bDuplicate entry '", r"' for key\b"),  # MySQL's
    (r"\bto use near '", r"' at line \d"),
    (r"\bduplicate key value is \(", r"\)\.?[^)\n]*(?:\n|\Z)"),  # SQL Server's
    (r"\bdup key: *", r"\n"),  # MongoDB's
    (r"\bcolumn values \(", r"\) already\b"),  # Oracle's
    (r"\b[A-Z]{2,20} constant \(", r"\) for\b"),  # Cassandra's
    (r"\bargs beginning with: *", r"\n"),  # Redis's
    (r"\bparameter [\w.\[\]]{1,200}, value: ", r", (?:type: <|valid )"),  # botocore's
    (r"\b(?:[Pp]assword|PASSWORD|[Pp]asswd|[Pp]wd|PWD)\s?=\s?", r"[\s;&]"),  # in connection strings
    *((_BEFORE_QUOTES.format(quote), _LAST_QUOTE.format(quote)) for quote in "'\""),
]
_ERROR_NAME = re.compile(r"[\w.]{0,60}[Ee]rror: ")
_PATTERNS = [re.compile(rf"({before})(?s:.*?)(?={after}|\Z)") for before, after in _VALUES]


def obfuscate(text: str, statement: Callable[[str], str]) -> str:
    """Return the message without the values that databases and HTTP clients are known to include.

    SQLAlchemy's first `[SQL: …]` is rewritten by `statement`, and what follows it, or `[parameters: …]`, is cut off:
    a statement may contain brackets and line breaks, so only what SQLAlchemy prints next shows where it ends.
    """
    text, parameters, _ = text.partition(_PARAMETERS)
    message, has_statement, written = text.partition(_STATEMENT)
    text = _without_values(message, statement)
    if has_statement:
        written = written.partition(_BACKGROUND)[0].rstrip().removesuffix("]")
        text += f"{_STATEMENT}{statement(written)}]" + ("\n" if parameters else "")
    return text + parameters + (f"{MASK}]" if parameters else "")


def _without_values(message: str, statement: Callable[[str], str]) -> str:
    start = found.end() if (found := _ERROR_NAME.match(message)) else 0
    written, separator, rest = message[start:].rpartition(" - ")  # Knex: `select … - message`
    if is_like_sql(written):
        message = message[:start] + statement(written) + separator + rest
    for pattern in _PATTERNS:
        message = pattern.sub(rf"\1{MASK}", message)
    return http.free_text(message)
