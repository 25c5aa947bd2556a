"""Error messages without the statement and the parameters that SQLAlchemy prints into them."""

from collections.abc import Callable

_STATEMENT, _PARAMETERS, _ADVICE = "[SQL: ", "[parameters: ", "(Background on this error"


def obfuscate(text: str, statement: Callable[[str], str]) -> str:
    """Return the text with the first `[SQL: …]` rewritten by `statement`, and cut behind it, or at `[parameters: …]`.

    A statement may hold brackets and line breaks, so that only what SQLAlchemy prints next tells where it ends.
    """
    text, parameters, _ = text.partition(_PARAMETERS)
    message, has_statement, written = text.partition(_STATEMENT)
    if has_statement:
        written = written.partition(_ADVICE)[0].rstrip().removesuffix("]")
        text = f"{message}{_STATEMENT}{statement(written)}]" + ("\n" if parameters else "")
    return text + parameters + ("?]" if parameters else "")
