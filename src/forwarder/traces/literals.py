"""Obfuscates the rest of a span besides resource and tags, with the rules for tags of the same names."""

from collections.abc import Callable
from typing import Any

from forwarder.traces import obfuscation
from forwarder.traces.nested import rewritten, struct_rewritten
from forwarder.traces.spans import Attribute, Span

_MIN_CARD_NUMBER = 10**11  # 12 digits


class Literals:
    """Removes literals from numbers, attributes and structures.

    `credit_cards`: card numbers, too. `check_deadline` is called before each link, event and string of a structure.
    """

    def __init__(self, *, credit_cards: bool, check_deadline: Callable[[], None]) -> None:
        self._credit_cards = credit_cards
        self._check_deadline = check_deadline

    def obfuscate(self, span: Span) -> None:
        """Rewrite a span in place.

        Raises:
            MaskingError: a structure in it cannot be read.

        """
        if self._credit_cards and span.metrics and max(span.metrics.values()) >= _MIN_CARD_NUMBER:
            self._move_cards(span)
        for link in span.links:
            self._obfuscate(link.attributes)
        for event in span.events:
            event.name = obfuscation.obfuscated_name(event.name, self._check_deadline)
            event.attributes = self._attributes(event.attributes)
        if span.structs:
            span.structs = {
                name: struct_rewritten(packed, self._rewrite, name=name) for name, packed in span.structs.items()
            }

    def _attributes(self, attributes: dict[str, Attribute]) -> dict[str, Attribute]:
        """Rewrite strings together, since one may name the database of the others; other values one by one."""
        strings = {name: value for name, value in attributes.items() if isinstance(value, str)}
        self._obfuscate(strings)
        others = {
            name: rewritten(value, self._rewrite, name=name)
            for name, value in attributes.items()
            if name not in strings
        }
        return strings | others

    def _move_cards(self, span: Span) -> None:
        """Turn a metric that is a card number into a tag, which can be masked."""
        for name, value in list(span.metrics.items()):
            if (masked := self._rewrite(name, value)) != value:
                del span.metrics[name]
                span.meta.setdefault(name, masked)

    def _rewrite(self, name: str, value: Any) -> Any:
        """Rewrite a string, or a number that is a card number."""
        if isinstance(value, str):
            return self._obfuscated(name, value)
        is_number = self._credit_cards and isinstance(value, int | float) and value >= _MIN_CARD_NUMBER
        if not is_number or not float(value).is_integer():
            return value
        digits = str(int(value))
        masked = self._obfuscated(name, digits)
        return value if masked == digits else masked

    def _obfuscated(self, name: str, text: str) -> str:
        values = {name: text}
        self._obfuscate(values)
        return values[name]

    def _obfuscate(self, strings: dict[str, str]) -> None:
        self._check_deadline()
        obfuscation.obfuscate_values(strings, credit_cards=self._credit_cards, check_deadline=self._check_deadline)
