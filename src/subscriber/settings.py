"""Every setting of the function, read from the environment once and validated. `docs/subscriber.md` lists them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from subscriber.errors import ConfigurationError
from subscriber.functions import log_groups_of
from subscriber.plan import FILTER_NAME, Ours, Reconciliation
from subscriber.records import Function
from subscriber.selection import Pattern, Selection, Tag

CALLS_PER_SECOND = 4.0  # of each kind
# Lambda stops a function that keeps invoking itself after about 16 times, unless told to allow it.
MAX_ROUNDS = 15
# In characters; https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html
MAX_FILTER_PATTERN_LENGTH = 1024

_COMMA = re.compile(r",(?![^{}]*\})")  # except in braces, as in the regular expression x{1,3}
_FILTER_NAME = re.compile(r"[^:*]+")
MAX_FILTER_NAME_BYTES = 512  # AWS counts characters, but a name is part of an id that may have 1,024 bytes
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Settings:
    """One value per setting."""

    wanted: Reconciliation
    protected_functions: tuple[str, ...]
    calls_per_second: float
    max_rounds: int
    stack_id: str
    log_level: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read all settings.

        Raises:
            ConfigurationError: one sentence that names the variable, its value and what was expected.

        """
        env = _Environment(environ)
        selection = selection_of(
            (env.words("INCLUDE"), "SUBSCRIBER_INCLUDE"),
            (env.words("EXCLUDE"), "SUBSCRIBER_EXCLUDE"),
            (env.words("TAGS"), "SUBSCRIBER_TAGS"),
        )
        forwarder = Function.of(env.text("FORWARDER_ARN"), "SUBSCRIBER_FORWARDER_ARN")
        own = environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "").strip()
        targets = env.words("PROTECTED_FUNCTIONS")
        functions = [forwarder.arn, environ.get("AWS_LAMBDA_FUNCTION_NAME", ""), *targets]
        protected = {*env.words("PROTECTED_LOG_GROUPS"), *log_groups_of(functions), *filter(None, [own])}
        wanted = Reconciliation(
            Ours(forwarder, filter_name(env.text("FILTER_NAME", FILTER_NAME), "SUBSCRIBER_FILTER_NAME")),
            selection,
            filter_pattern(env.text("FILTER_PATTERN"), "SUBSCRIBER_FILTER_PATTERN"),
            frozenset(protected),
        )
        return cls(
            wanted=wanted,
            protected_functions=tuple(targets),
            calls_per_second=env.number("CALLS_PER_SECOND", CALLS_PER_SECOND, 0.1, 100),
            max_rounds=int(env.number("MAX_ROUNDS", MAX_ROUNDS, 1, 10_000)),
            stack_id=env.text("STACK_ID"),
            log_level=env.choice("LOG_LEVEL", "INFO", _LEVELS),
        )


def selection_of(
    include: tuple[list[str], str], exclude: tuple[list[str], str], tags: tuple[list[str], str]
) -> Selection:
    """Return the selection from strings, each list with the name of the setting that it is from.

    Raises:
        ConfigurationError: one of them is wrong, or nothing says what to include.

    """
    if not include[0] and not tags[0]:
        raise ConfigurationError(f"Nothing says which log groups to subscribe: set {include[1]} or {tags[1]}.")
    return Selection(
        tuple(Pattern.of(text, include[1]) for text in include[0]),
        tuple(Pattern.of(text, exclude[1]) for text in exclude[0]),
        tuple(Tag.of(text, tags[1]) for text in tags[0]),
    )


def filter_name(value: str, setting: str) -> str:
    """Return a filter's name if it is valid."""
    if _FILTER_NAME.fullmatch(value) and len(value.encode()) <= MAX_FILTER_NAME_BYTES:
        return value
    raise ConfigurationError(
        f"{setting} is {value!r}; expected 1 to 512 characters, fewer if some are not ASCII, without colons or"
        " asterisks."
    )


def filter_pattern(value: str, setting: str) -> str:
    """Return a filter's pattern if it is not too long; AWS says whether it is valid."""
    if len(value) <= MAX_FILTER_PATTERN_LENGTH:
        return value
    raise ConfigurationError(f"{setting} has {len(value)} characters; expected at most {MAX_FILTER_PATTERN_LENGTH}.")


class _Environment:
    """Typed access to the variables that begin with `SUBSCRIBER_`. An empty variable counts as not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, name: str, default: str = "") -> str:
        return self._variables.get(f"SUBSCRIBER_{name}", "").strip() or default

    def words(self, name: str) -> list[str]:
        return [word for part in _COMMA.split(self.text(name)) if (word := part.strip())]

    def number(self, name: str, default: float, minimum: float, maximum: float) -> float:
        value = self.text(name, str(default))
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value) and minimum <= float(value) <= maximum:
            return float(value)
        raise ConfigurationError(f"SUBSCRIBER_{name} is {value!r}; expected a number from {minimum} to {maximum}.")

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, default).upper()
        if value in choices:
            return value
        raise ConfigurationError(f"SUBSCRIBER_{name} is {value!r}; expected one of {', '.join(choices)}.")
