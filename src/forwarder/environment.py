"""Reads typed values out of environment variables; each error is one sentence that names the variable."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import regex

from forwarder.errors import ConfigurationError

_BOOLEANS = {"true": True, "false": False}
# An unknown name at least this similar to a known one is taken for a misspelling. For secrets the second one applies:
# users must not be led to put some other value into a secret's variable.
_SIMILAR, _NEARLY_EQUAL = 0.8, 0.9

_FAMILIES = ("DD_", "REDACT", "INCLUDE_", "EXCLUDE_")  # how names of settings begin
# Variables of the Datadog Forwarder that have no effect here; docs/migrating.md says why.
_WITHOUT_EFFECT = frozenset({
    "DD_USE_TCP", "DD_USE_PRIVATE_LINK", "DD_FETCH_STEP_FUNCTIONS_TAGS", "DD_TRACE_ENABLED",
})  # fmt: skip

# An opening brace, except in escapes and quantifiers (1). In `re` it is text; in `regex` it may begin what makes
# a pattern match approximately: `${e}` matches everything, and `{id}` is an error.
_BRACE = regex.compile(r"(\\[pPN]\{[^{}]*\}|\\.|\{(?:[0-9]+|[0-9]*,[0-9]*)\})|\{", regex.DOTALL)


class Secret:
    """A string that is only shown by `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the string itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret('****')" if self._text else "Secret('')"


class Environment:
    """Typed access to variables. A variable that is empty or only white space counts as not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {name: value for name, value in variables.items() if value.strip()}
        self._asked: set[str] = set()
        self._secrets: set[str] = set()

    def __repr__(self) -> str:
        return f"Environment({len(self._variables)} variables)"

    @property
    def unknown(self) -> list[str]:
        """Names that are set but were never read."""
        return sorted(self._variables.keys() - self._asked)

    @property
    def asked(self) -> frozenset[str]:
        """Names that have been read, set or not."""
        return frozenset(self._asked)

    @property
    def secrets(self) -> frozenset[str]:
        """Names of secrets that have been read, set or not."""
        return frozenset(self._secrets)

    def _raw(self, name: str) -> str:
        self._asked.add(name)
        return self._variables.get(name, "")

    def text(self, name: str, default: str = "") -> str:
        """Return the value without surrounding white space."""
        return self._raw(name).strip() or default

    def secret(self, name: str) -> Secret:
        """Return the value, hidden, without surrounding white space."""
        self._secrets.add(name)
        return Secret(self._raw(name).strip())

    def flag(self, name: str, *, default: bool) -> bool:
        """Return `true` or `false`, written in any case."""
        value = self.text(name)
        if not value:
            return default
        try:
            return _BOOLEANS[value.lower()]
        except KeyError:
            raise ConfigurationError(f"{name} is {value!r}; expected true or false.") from None

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number between two bounds, both included."""
        value = self.text(name)
        if not value:
            return default
        if value.isascii() and value.isdigit() and len(value) < 20 and least <= int(value) <= most:  # noqa: PLR2004 - any int64
            return int(value)
        raise ConfigurationError(f"{name} is {value!r}; expected a whole number from {least} to {most}.")

    def choice(self, name: str, default: str, choices: Mapping[str, str]) -> str:
        """Return what the upper-cased value stands for."""
        value = self.text(name, default)
        try:
            return choices[value.upper()]
        except KeyError:
            raise ConfigurationError(f"{name} is {value!r}; expected one of {', '.join(choices)}.") from None

    def words(self, name: str) -> tuple[str, ...]:
        """Return the parts of a comma-separated list, without empty ones."""
        return tuple(word for part in self.text(name).split(",") if (word := part.strip()))

    def bucket(self, name: str) -> str:
        """Return the name of a bucket: of any other text, no request could be made."""
        value = self.text(name)
        if not value or regex.fullmatch(r"[a-zA-Z0-9._-]{1,255}", value):
            return value
        raise ConfigurationError(f"{name} is {value!r}; expected the name of a bucket, without s3:// or arn:.")

    def host(self, name: str, default: str) -> str:
        """Return a host name."""
        value = self.text(name, default).lower()
        if regex.fullmatch(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", value):
            return value
        raise ConfigurationError(f"{name} is {value!r}; expected a host name such as {default}.")

    def url(self, name: str, scheme: str, default: str) -> str:
        """Return an http or https URL without trailing slash; `scheme` is added where there is none."""
        value = self.text(name)
        shown = "****" if "@" in value or "?" in value else value  # people put keys and passwords there
        return _url(name, value if "://" in value else f"{scheme}://{value}", shown) if value else default

    def secret_url(self, name: str) -> str:
        """Return a URL that may contain a user name and password, which errors do not repeat."""
        value = self.text(name)
        return _url(name, value if "://" in value else f"http://{value}", "****", credentials=True) if value else ""

    def pattern(self, name: str) -> regex.Pattern[str] | None:
        """Return a compiled regular expression; its white space counts. Braces have their meaning in `re`."""
        value = self._raw(name)
        if not value:
            return None
        try:
            return regex.compile(_BRACE.sub(lambda found: found[1] or r"\{", value))
        except regex.error as error:
            problem = _problem(error, value)
            raise ConfigurationError(f"{name} is {value!r}, which is not a regular expression: {problem}.") from None
        except RecursionError:
            raise ConfigurationError(f"{name} is a regular expression that is nested too deeply.") from None
        except ValueError as error:
            raise ConfigurationError(f"{name} is {value!r}, which is not a regular expression: {error}.") from None


def _problem(error: regex.error, pattern: str) -> str:
    """Say what is wrong, and where in the pattern, not counting backslashes that were inserted before braces."""
    escaped = [found.start() for found in _BRACE.finditer(pattern) if not found[1]]

    def moved(found: regex.Match[str]) -> str:
        position = int(found[1])
        return f" at position {position - sum(start + number < position for number, start in enumerate(escaped))}"

    return regex.sub(r" at position (\d+).*", moved, str(error))


def _url(name: str, value: str, shown: str, *, credentials: bool = False) -> str:
    try:
        parts = urlsplit(value)
        valid = parts.scheme in {"http", "https"} and _is_host(parts.hostname) and parts.port != 0
    except ValueError:
        raise ConfigurationError(f"{name} is {shown!r}; expected a URL such as https://host:443.") from None
    if (parts.username or parts.password) and not credentials:
        raise ConfigurationError(f"{name} contains a user name or password; expected a URL without them.")
    if not valid or parts.query or parts.fragment or any(character.isspace() for character in value):
        raise ConfigurationError(f"{name} is {shown!r}; expected a URL such as https://host:443.")
    return value.rstrip("/")


def _is_host(name: str | None) -> bool:
    """Accept a host name or an IPv6 address."""
    if not name:
        return False
    return ":" in name or regex.fullmatch(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", name) is not None


def name_warnings(env: Environment) -> Iterator[str]:
    """Yield a sentence for each unknown variable that has no effect, or looks like a misspelling of a known one."""
    for name in env.unknown:
        if name in _WITHOUT_EFFECT:
            yield f"{name} has no effect here: docs/migrating.md says why."
        elif name.startswith(_FAMILIES) and (suggestion := _suggestion(name, env)):
            yield f"{name} is not a setting; did you mean {suggestion}?"


def _suggestion(name: str, env: Environment) -> str:
    from difflib import get_close_matches

    known = get_close_matches(name, env.asked, n=1, cutoff=_SIMILAR)
    if known and known[0] in env.secrets:
        known = get_close_matches(name, known, cutoff=_NEARLY_EQUAL)
    return known[0] if known else ""
