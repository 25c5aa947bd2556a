"""What the tracing libraries print, made into what a trace intake takes.

A line is decoded into spans (`decoding.py`, or where it is not quite as it should be, `lenient.py`), which are
obfuscated, masked and given the tags of their group (`reading.py`). They are collected over the event, so that a trace
ends in one chunk (`batches.py`), related to each other (`tree.py`) and encoded (`encoding.py`, the only module that
needs protobuf).
"""

from forwarder.traces.batches import TraceBatches
from forwarder.traces.reading import Read, TraceReader

__all__ = ["Read", "TraceBatches", "TraceReader"]
