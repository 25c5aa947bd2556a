"""What the spans of one trace are to each other. All of it in linear time, whatever is whose parent."""

from collections.abc import Mapping, MutableMapping, Sequence

from forwarder.traces.spans import TRACE_ID_HIGH, Span

TOP_LEVEL = "_top_level"
PRIORITY = "_sampling_priority_v1"
KEPT = 1  # the priority of a trace whose library names none: it was printed to be sent


def without_placeholders(spans: list[Span], placeholders: MutableMapping[int, int]) -> list[Span]:
    """Drop the spans that only stand for an X-Ray segment, and give their children the nearest real parent.

    `placeholders` are the parents of those of this trace that came before; these join them.
    """
    placeholders.update((span.span_id, span.parent_id) for span in spans if span.is_placeholder)
    if not placeholders:
        return spans
    real = [span for span in spans if not span.is_placeholder]
    settled: dict[int, int] = {}
    for span in real:
        if span.parent_id in placeholders:
            span.parent_id = _nearest(span.parent_id, placeholders, settled)
            if span.parent_id == span.span_id:
                span.parent_id = 0
    return real


def _nearest(parent: int, placeholders: Mapping[int, int], settled: dict[int, int]) -> int:
    """Follow a chain of placeholders to its end, each of them once; one that bites its own tail has no end."""
    passed: dict[int, None] = {}
    while parent in placeholders and parent not in settled and parent not in passed:
        passed[parent] = None
        parent = placeholders[parent]
    end = 0 if parent in passed else settled.get(parent, parent)
    settled.update(dict.fromkeys(passed, end))
    return end


def by_high_id(spans: list[Span]) -> dict[str, list[Span]]:
    """Tell apart the traces whose ids have the same low 64 bits, by the tag that holds the high ones, or nothing.

    Many libraries name them only in the root: spans without are of the trace that was named before.
    """
    highs = {span.meta.get(TRACE_ID_HIGH, "") for span in spans}
    if len(highs - {""}) <= 1:
        return {max(highs): spans}
    traces: dict[str, list[Span]] = {}
    high = ""
    for span in spans:
        high = span.meta.get(TRACE_ID_HIGH) or high
        traces.setdefault(high, []).append(span)
    return traces


def mark_top_level(spans: Sequence[Span]) -> None:
    """Mark the spans that are the first of their service: whose parent is not here, or belongs to another service."""
    services = {span.span_id: span.service for span in spans}
    for span in spans:
        if services.get(span.parent_id) != span.service:
            span.metrics[TOP_LEVEL] = 1.0


def priority_of(spans: Sequence[Span]) -> int:
    """Return the sampling priority of a trace: that of its local root, or else of any span that names one."""
    known = {span.span_id for span in spans}
    named = [span for span in spans if PRIORITY in span.metrics]
    root = min(named, key=lambda span: span.parent_id in known, default=None)
    priority = root.metrics[PRIORITY] if root else KEPT
    return int(priority) if abs(priority) < 1 << 31 else KEPT
