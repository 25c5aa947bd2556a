"""Converts what the tracing libraries print to the format of the trace intake.

A line is decoded into spans (`decoding.py`, or `lenient.py` if it deviates from the expected format). These are
obfuscated, masked and given the tags of their group (`reading.py`). They are collected over the whole event, so that a
trace ends up in one chunk (`batches.py`), linked to their parents (`tree.py`) and encoded (`encoding.py`, the only
module that needs protobuf).
"""

from forwarder.traces.batches import TraceBatches
from forwarder.traces.reading import SpanGroup, TraceReader

__all__ = ["SpanGroup", "TraceBatches", "TraceReader"]
