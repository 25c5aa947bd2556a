"""The user's filters and masks. Filters apply to logs; masks to every string that is sent.

A line on which a *filter* runs over its time limit is forwarded; an item on which a *mask* does is rejected.
"""

from collections.abc import Callable
from functools import partial
from ipaddress import IPv6Address
from typing import TypeVar

import msgspec
import regex
from msgspec import Raw

from forwarder.deadline import Deadline
from forwarder.errors import MaskingError, OutOfTimeError
from forwarder.records import Line, LineAttributes, Metric, Passed, Rejection, Signal, Signals
from forwarder.searches import SearchBudget
from forwarder.settings import Settings

_Item = TypeVar("_Item", Line, Metric)

MASKED_IP = "xxx.xxx.xxx.xxx"
MASKED_EMAIL = "xxxxx@xxxxx.com"

ITEMS_BETWEEN_CHECKS = 16  # of the deadline

_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode

# An address may follow an escape of JSON, whose letters and digits are not part of it. The number of backslashes
# decides whether the last one escapes what follows. It is bounded, since `regex` would take quadratic time otherwise.
_BACKSLASH = r"(?<!\\)(?:\\\\){0,20}+\\"
_ESCAPED = "(?:[bfnrt]|u[0-9A-Fa-f]{4})"


def _begins(inside: str) -> str:
    """Return a pattern for places where an address can begin: not after any of these characters, or in an escape.

    That keeps long runs of such characters linear.
    """
    return rf"(?:(?<!{inside})(?!(?={_ESCAPED})(?<={_BACKSLASH}))|(?<={_BACKSLASH}{_ESCAPED}))"


_QUAD = r"\d{1,3}(?:\.\d{1,3}){3}"
_IPV4 = regex.compile(rf"(?<!\\u(?=[0-9A-Fa-f]{{4}})[0-9A-Fa-f]{{0,3}}){_QUAD}")
# Any number of groups, but not the end of an IPv4 address. A port may follow, or some other word after a colon.
_LIKE_IPV6 = regex.compile(
    rf"{_begins('[0-9A-Za-z]')}(?<!\d\.)"
    rf"(?:[0-9A-Fa-f]{{0,4}}:){{2,}}(?:{_QUAD}|\d{{5}}|[0-9A-Fa-f]{{0,4}})(?![0-9A-Za-z])"
)
_MAX_GROUPS, _LONG_GROUP_DIGITS, _MAX_GROUP_DIGITS = 8, 3, 4
# Some libraries write the `+` or `'` of an address as an escape.
_WORD = r"[\w.+%'-]"
_EMAIL = regex.compile(rf"{_begins(_WORD)}{_WORD}++(?:\\u002[7Bb]{_WORD}++){{0,2}}+@[\w-]++(?:\.[\w-]++)+")


class Rules:
    """The user's filters and masks for one invocation.

    `warn` is called with a sentence when a pattern runs over its limit.
    """

    def __init__(self, settings: Settings, deadline: Deadline, warn: Callable[[str], None]) -> None:
        self._include = settings.include
        self._exclude = settings.exclude
        self._forward_log = settings.forward_log
        self._deadline = deadline
        self._warn = warn
        self._budget = SearchBudget(deadline, settings.function.processor_share)
        self._masks: list[Callable[[str], str]] = []
        if settings.redact_ip:
            self._masks.append(self._without_ip)
        if settings.redact_email:
            self._masks.append(self._without_email)
        if settings.scrub:
            self._scrub = settings.scrub
            self._masks.append(self._scrubbed)

    def apply(self, found: Signals) -> Passed:
        """Filter logs, and mask logs and metrics in place.

        Raises:
            OutOfTimeError: a search ran over its limit, and the deadline has come.

        """
        passed = Passed()
        for own, lines in found.logs.items():
            kept = self._keep(lines, passed.filtered)
            self._mask_logs(own, kept, passed)
        passed.metrics = self._masked(found.metrics, self._mask_metric, Signal.METRICS, passed)
        return passed

    def mask(self, text: str) -> str:
        """Return a string with everything masked that a rule matches.

        Raises:
            MaskingError: a rule ran over its time limit.
            OutOfTimeError: it did, and the deadline has come.

        """
        if text:  # a rule such as `.*` also matches an empty string, and would create a tag where there is none
            for masked in self._masks:
                text = masked(text)
        return text

    def _keep(self, lines: list[Line], filtered: list[Line]) -> list[Line]:
        """Return the lines that pass the filters; add the others to `filtered`."""
        if not self._forward_log:
            filtered += lines
            return []
        if self._exclude is None and self._include is None:
            return lines
        kept: list[Line] = []
        for number, line in enumerate(lines):
            self._check_deadline(number)
            (kept if self._passes(line.message) else filtered).append(line)
        return kept

    def _mask_logs(self, own: LineAttributes, lines: list[Line], passed: Passed) -> None:
        try:
            own = own._replace(
                tags=self.mask(own.tags), host=self.mask(own.host), extracted=self._mask_extracted(own.extracted)
            )
        except MaskingError as error:
            passed.rejected += [_rejection(line, str(error), Signal.LOGS) for line in lines]
            return
        if masked := self._masked(lines, self._mask_line, Signal.LOGS, passed):
            passed.logs.setdefault(own, []).extend(masked)

    def _masked(self, items: list[_Item], mask: Callable[[_Item], None], signal: Signal, passed: Passed) -> list[_Item]:
        """Mask items in place; return them, and reject those that cannot be masked."""
        if not self._masks:
            return items
        done: list[_Item] = []
        for number, item in enumerate(items):
            self._check_deadline(number)
            try:
                mask(item)
                done.append(item)
            except MaskingError as error:
                passed.rejected.append(_rejection(item, str(error), signal))
        return done

    def _mask_line(self, line: Line) -> None:
        line.message = self.mask(line.message)
        if not line.id.isdigit():  # as CloudWatch's are; those of messages and events may be anything
            line.id = self.mask(line.id)

    def _mask_extracted(self, fields: str) -> str:
        """Mask the values of extracted fields; a value that is not a string is searched as JSON."""
        if not fields or not self._masks:
            return fields
        return _encode({name: self._mask_value(value) for name, value in _decode_fields(fields).items()}).decode()

    def _mask_value(self, value: Raw) -> Raw | str:
        json = bytes(value).decode()
        text = _decode_text(json) if json.startswith('"') else json
        masked = self.mask(text)
        return value if masked == text else masked

    def _mask_metric(self, metric: Metric) -> None:
        metric.tags = tuple(self.mask(tag) for tag in metric.tags)

    def _passes(self, message: str) -> bool:
        if self._exclude is not None and self._matches("EXCLUDE_AT_MATCH", self._exclude, message):
            return False
        return self._include is None or self._matches("INCLUDE_AT_MATCH", self._include, message, undecided=True)

    def _matches(self, name: str, pattern: regex.Pattern[str], text: str, *, undecided: bool = False) -> bool:
        try:
            return self._budget.run(pattern.search, text) is not None
        except TimeoutError:
            self._warn_of(name, "the line is forwarded")
            return undecided

    def _scrubbed(self, text: str) -> str:
        return self._sub("DD_SCRUBBING_RULE", self._scrub.pattern, self._scrub.replacement, text)

    def _without_ip(self, text: str) -> str:
        if ":" in text:
            text = self._sub("REDACT_IP", _LIKE_IPV6, _masked_ipv6, text)
        return self._sub("REDACT_IP", _IPV4, MASKED_IP, text) if "." in text else text

    def _without_email(self, text: str) -> str:
        return self._sub("REDACT_EMAIL", _EMAIL, MASKED_EMAIL, text) if "@" in text else text

    def _sub(
        self,
        name: str,
        pattern: regex.Pattern[str],
        replacement: str | Callable[[regex.Match[str]], str],
        text: str,
    ) -> str:
        try:
            return self._budget.run(partial(pattern.sub, replacement), text)
        except TimeoutError:
            self._warn_of(name, "the item is rejected")
            raise MaskingError(f"{name} ran over its time limit") from None

    def _check_deadline(self, number: int) -> None:
        """Check the deadline now and then: patterns may be slow on every line, though within the limit on each."""
        if number % ITEMS_BETWEEN_CHECKS == 0 and self._deadline.expired:
            raise OutOfTimeError("the clock ran out while the user's patterns were being applied")

    def _warn_of(self, name: str, consequence: str) -> None:
        self._warn(f"{name} ran over its time limit on at least one line: {consequence}.")


def _rejection(item: Line | Metric, reason: str, signal: Signal) -> Rejection:
    pointer = f"a metric at {item.second}" if isinstance(item, Metric) else item.pointer
    return Rejection(reason, pointer, 1, signal)


def _masked_ipv6(match: regex.Match[str]) -> str:
    """Mask addresses; leave times, ratios and C++ names alone. A colon before or after is not part of it."""
    text = match[0]
    head = ":" if text.startswith(":") and not text.startswith("::") else ""
    tail = ":" if text.endswith(":") and not text.endswith("::") else ""
    address = text[len(head) : len(text) - len(tail)]
    if _is_ipv6(address):
        return f"{head}{MASKED_IP}{tail}"
    address, _, port = address.rpartition(":")
    return f"{head}{MASKED_IP}:{port}{tail}" if _is_ipv6(address) else text


def _is_ipv6(text: str) -> bool:
    """Return whether a string is an address of a host: `::` is not, and is an operator in many languages.

    With too many groups for one, it is an address and some other word; fingerprints and times have shorter groups.
    """
    try:
        return not IPv6Address(text).is_unspecified
    except ValueError:
        sizes = [len(group) for group in text.split(":")]
        return len(sizes) > _MAX_GROUPS and _LONG_GROUP_DIGITS <= max(sizes) <= _MAX_GROUP_DIGITS
