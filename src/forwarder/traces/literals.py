"""Obfuscates what a span carries besides its resource and tags, with the rules for tags of the same names."""

from collections.abc import Callable
from typing import Any

from forwarder.traces import obfuscation
from forwarder.traces.nested import rewritten, struct_rewritten
from forwarder.traces.spans import Attribute, Span

_SMALLEST_CARD = 10**11  # 12 digits


class Literals:
    """Takes literals out of numbers, attributes and structures.

    `credit_cards`: card numbers, too. `look`, at the clock, is called before each link, event and text of a structure.
    """

    def __init__(self, *, credit_cards: bool, look: Callable[[], None]) -> None:
        self._credit_cards = credit_cards
        self._look = look

    def obfuscate(self, span: Span) -> None:
        """Rewrite a span in place.

        Raises:
            MaskingError: a structure in it cannot be read.

        """
        if self._credit_cards and span.metrics and max(span.metrics.values()) >= _SMALLEST_CARD:
            self._move_cards(span)
        for link in span.links:
            self._obfuscate(link.attributes)
        for event in span.events:
            event.name = obfuscation.obfuscated_name(event.name, self._look)
            event.attributes = self._attributes(event.attributes)
        if span.structs:
            span.structs = {
                name: struct_rewritten(packed, self._rewrite, name=name) for name, packed in span.structs.items()
            }

    def _attributes(self, attributes: dict[str, Attribute]) -> dict[str, Attribute]:
        """Rewrite the texts together, since one may tell which database the others are for; the others one by one."""
        texts = {name: value for name, value in attributes.items() if isinstance(value, str)}
        self._obfuscate(texts)
        others = {
            name: rewritten(value, self._rewrite, name=name) for name, value in attributes.items() if name not in texts
        }
        return texts | others

    def _move_cards(self, span: Span) -> None:
        """Make a metric that is a card number a tag, which can be masked."""
        for name, value in list(span.metrics.items()):
            if (masked := self._rewrite(name, value)) != value:
                del span.metrics[name]
                span.meta.setdefault(name, masked)

    def _rewrite(self, name: str, value: Any) -> Any:
        """Rewrite a text, or a number if it is a card's."""
        if isinstance(value, str):
            return self._obfuscated(name, value)
        is_number = self._credit_cards and isinstance(value, int | float) and value >= _SMALLEST_CARD
        if not is_number or not float(value).is_integer():
            return value
        digits = str(int(value))
        masked = self._obfuscated(name, digits)
        return value if masked == digits else masked

    def _obfuscated(self, name: str, text: str) -> str:
        values = {name: text}
        self._obfuscate(values)
        return values[name]

    def _obfuscate(self, texts: dict[str, str]) -> None:
        self._look()
        obfuscation.obfuscate_texts(texts, credit_cards=self._credit_cards, look=self._look)
