"""Which log groups are wanted: patterns of names, and tags.

A pattern is one of three, distinguished by how it is written:

- `/aws/lambda/` is a prefix;
- `/aws/*/prod-*` is a glob, with `*`, `?` and `[…]`; `*` stands for slashes too, and the whole name has to match;
- `regex:^/ecs/(api|web)$` is a regular expression, searched for anywhere in the name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate

import regex

from subscriber.errors import ConfigurationError, SlowPatternError

REGEX = "regex:"
SEARCH_LIMIT = 0.1  # seconds of processor time for one search; usually it takes microseconds
_SPECIAL = regex.compile(r"[*?\[]")  # the name of a log group has none of them
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
_BEGINNING = regex.compile(r"[.\-_/#A-Za-z0-9]{0,512}")
# An opening brace, except in escapes and quantifiers, which are group 1. In `re` it is text; in `regex` it may make a
# pattern match approximately: `${e}` matches everything.
_BRACE = regex.compile(r"(\\[pPN]\{[^{}]*\}|\\.|\{(?:[0-9]+|[0-9]*,[0-9]*)\})|\{", regex.DOTALL)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as it was written, and what it compiles to."""

    text: str
    compiled: regex.Pattern[str]

    @classmethod
    def of(cls, text: str, setting: str) -> "Pattern":
        """Compile a pattern.

        Raises:
            ConfigurationError: it is empty, no name can match it, or it is not a regular expression; the sentence names
                the setting.

        """
        if not text.removeprefix(REGEX).strip():
            raise ConfigurationError(f"{setting} holds an empty pattern, which would match everything: use * for that.")
        try:
            pattern = cls(text, regex.compile(_expression(text)))
        except (regex.error, ValueError, OverflowError, RecursionError) as error:
            raise ConfigurationError(f"{setting} holds {text!r}, which is not a regular expression: {error}.") from None
        if not _BEGINNING.fullmatch(pattern.prefix):  # AWS would refuse to list what begins so
            raise ConfigurationError(
                f"{setting} holds {text!r}, with which no log group's name can begin: names are at most 512 letters,"
                f" digits and . - _ / #. A regular expression begins with {REGEX}."
            )
        return pattern

    def matches(self, name: str) -> bool:
        """Return whether a log group's name matches.

        Raises:
            SlowPatternError: the search ran over its time limit.

        """
        try:
            return self.compiled.search(name, timeout=SEARCH_LIMIT) is not None
        except TimeoutError:
            raise SlowPatternError(f"the search for {self.text} ran over its time limit") from None

    @property
    def prefix(self) -> str:
        """The beginning of every name that matches; may be empty."""
        return "" if self.text.startswith(REGEX) else _SPECIAL.split(self.text, maxsplit=1)[0]


def _expression(text: str) -> str:
    if text.startswith(REGEX):
        return _BRACE.sub(lambda found: found[1] or r"\{", text.removeprefix(REGEX))
    return rf"\A{translate(text)}" if _SPECIAL.search(text) else rf"\A{regex.escape(text)}"


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that a log group has to have; without a value, any will do."""

    key: str
    value: str = ""

    @classmethod
    def of(cls, text: str, setting: str) -> "Tag":
        """Read `key=value` or `key`.

        Raises:
            ConfigurationError: it has no key.

        """
        key, _, value = (part.strip() for part in text.partition("="))
        if not key:
            raise ConfigurationError(f"{setting} holds {text!r}; expected a tag such as team=shop.")
        return cls(key, value)


@dataclass(frozen=True, slots=True)
class Selection:
    """Names that match any of `include` (all, if there is none), none of `exclude`, and that have the tags.

    Of several tags with one key, any will do; of different keys, all are needed.
    """

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    tags: tuple[Tag, ...] = ()

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The fewest prefixes that cover every included name, sorted, without overlap."""
        found: list[str] = []
        for prefix in sorted({pattern.prefix for pattern in self.include} or {""}):
            if not found or not prefix.startswith(found[-1]):
                found.append(prefix)
        return tuple(found)

    @property
    def tag_values(self) -> dict[str, list[str]]:
        """The wanted values by key; an empty list stands for any value."""
        keys = dict.fromkeys(tag.key for tag in self.tags)
        return {key: _values(tag.value for tag in self.tags if tag.key == key) for key in keys}

    def unfit_name(self, name: str) -> str:
        """Return why a name is not wanted; empty if it is.

        Raises:
            SlowPatternError: a search ran over its time limit.

        """
        if self.include and not any(pattern.matches(name) for pattern in self.include):
            return "not included"
        for pattern in self.exclude:
            if pattern.matches(name):
                return f"excluded by {pattern.text}"
        return ""

    def unfit_tags(self, tags: Mapping[str, str]) -> str:
        """Return why tags are not those that are wanted; empty if they are."""
        for key, values in self.tag_values.items():
            if key not in tags or (values and tags[key] not in values):
                return f"not tagged {key}={'|'.join(values)}" if values else f"not tagged {key}"
        return ""


def _values(values: Iterable[str]) -> list[str]:
    found = list(values)
    return found if all(found) else []
