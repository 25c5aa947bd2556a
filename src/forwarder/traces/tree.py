"""Relations between the spans of one trace. Everything takes linear time, whatever the parents are."""

from collections.abc import Mapping, MutableMapping, Sequence

from forwarder.traces.spans import TRACE_ID_HIGH, Span

TOP_LEVEL = "_top_level"
PRIORITY = "_sampling_priority_v1"
KEPT = 1  # the priority of a trace without one: it was printed to be sent


def without_placeholders(spans: list[Span], placeholders: MutableMapping[int, int]) -> list[Span]:
    """Drop the spans that only represent an X-Ray segment, and give their children the nearest real parent.

    `placeholders` holds the parents of this trace's earlier placeholders by span id; new ones are added.
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
    """Follow a chain of placeholders to its end, each once; a cycle has no end, so its children become roots."""
    passed: dict[int, None] = {}
    while parent in placeholders and parent not in settled and parent not in passed:
        passed[parent] = None
        parent = placeholders[parent]
    end = 0 if parent in passed else settled.get(parent, parent)
    settled.update(dict.fromkeys(passed, end))
    return end


def by_high_id(spans: list[Span]) -> dict[str, list[Span]]:
    """Separate traces whose ids share the low 64 bits, by the tag with the high ones, empty if absent.

    Many libraries set the tag only on the root: spans without it belong to the trace of the preceding tag.
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
    """Mark the top-level spans of services: those whose parent is absent or belongs to another service."""
    services = {span.span_id: span.service for span in spans}
    for span in spans:
        if services.get(span.parent_id) != span.service:
            span.metrics[TOP_LEVEL] = 1.0


def priority_of(spans: Sequence[Span]) -> int:
    """Return the sampling priority of a trace: that of its local root, or else of any span that has one."""
    known = {span.span_id for span in spans}
    named = [span for span in spans if PRIORITY in span.metrics]
    root = min(named, key=lambda span: span.parent_id in known, default=None)
    priority = root.metrics[PRIORITY] if root else KEPT
    return int(priority) if abs(priority) < 1 << 31 else KEPT
