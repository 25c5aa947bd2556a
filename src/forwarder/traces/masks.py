"""The user's masks, applied to every string in a span."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from forwarder.traces.nested import joined, rewritten, struct_rewritten
from forwarder.traces.spans import ITSELF, PARENT_SOURCE, TAG_SOURCE, TRACE_ID_HIGH, XRAY, Span

Mask = Callable[[str], str]

# Tags that link spans to each other, here and in the intake. In their expected form they identify nobody, and stay.
_PROTOCOL = {
    TRACE_ID_HIGH: re.compile("[0-9A-Fa-f]{16}"),
    PARENT_SOURCE: re.compile(XRAY),
    TAG_SOURCE: re.compile(ITSELF),
    "_dd.p.dm": re.compile(r"-\d{1,2}"),  # why a trace was kept
}
# Names of the libraries' own tags and metrics, such as `_sampling_priority_v1`.
_LIBRARY_NAME = re.compile(r"_[\w.]{1,64}", re.ASCII)
# Names recur: masked names are cached up to this number and length.
_CACHED_NAMES, _MAX_NAME_CHARACTERS = 512, 200


class Masks:
    """Applies a mask to spans, for one invocation. `check_deadline` is called before each string."""

    def __init__(self, mask: Mask, check_deadline: Callable[[], None]) -> None:
        def masked(text: str) -> str:
            check_deadline()
            return mask(text)

        self._mask = masked
        self._short_name = lru_cache(_CACHED_NAMES)(self._masked_name)

    def apply(self, span: Span) -> None:
        """Mask the strings of a span in place, including names of tags.

        Raises:
            MaskingError: a rule could not be applied to one of them.

        """
        mask, name = self._mask, self._name
        span.service, span.name, span.resource, span.type = map(
            mask, (span.service, span.name, span.resource, span.type)
        )
        span.meta = self._masked_tags(span.meta)
        span.metrics = joined((name(metric), value) for metric, value in span.metrics.items())
        for link in span.links:
            link.attributes, link.tracestate = rewritten(link.attributes, self._rewrite, name), mask(link.tracestate)
        for event in span.events:
            event.name, event.attributes = mask(event.name), rewritten(event.attributes, self._rewrite, name)
        span.structs = joined(
            (name(struct), struct_rewritten(packed, self._rewrite, name)) for struct, packed in span.structs.items()
        )

    def _masked_tags(self, meta: dict[str, str]) -> dict[str, str]:
        own = {tag: meta[tag] for tag, form in _PROTOCOL.items() if tag in meta and form.fullmatch(meta[tag])}
        masked = joined((self._name(tag), self._mask(value)) for tag, value in meta.items())
        return masked | own

    def _rewrite(self, _: str, value: Any) -> Any:
        return self._mask(value) if isinstance(value, str) else value

    def _name(self, name: str) -> str:
        return self._short_name(name) if len(name) <= _MAX_NAME_CHARACTERS else self._mask(name)

    def _masked_name(self, name: str) -> str:
        return name if _LIBRARY_NAME.fullmatch(name) else self._mask(name)
