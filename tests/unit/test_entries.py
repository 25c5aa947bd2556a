"""Stored batches joined into requests: as few as possible, none larger than the intake accepts."""

from forwarder.records import Signal
from forwarder.replay.entries import Entries


def test_a_request_holds_1000_logs_at_most_however_many_batches_they_come_from() -> None:
    entries = Entries(Signal.LOGS)
    batches = [batch for number in range(1_002) for batch in entries.add(number, [b'{"message":"a"}'])]
    assert [batch.count for batch in [*batches, *entries.rest()]] == [1_000, 2]
