"""A store of failed events in an SQS queue: one message a batch, its history in the message's attributes.

A message that is being replayed is invisible to others, so no lease is needed. A queue has no place for what is
rejected for good: that is counted and logged. Messages that cannot be read stay: they may belong to another
application, and the queue's own redrive policy deals with them.
"""

import contextlib
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from forwarder import aws
from forwarder.deadline import Deadline
from forwarder.errors import StoreError
from forwarder.failed_events import stored_batch
from forwarder.failed_events.lease import NoLease
from forwarder.failed_events.store import Contents, IsWanted, Stored, Unstored
from forwarder.records import Backlog, Batch, Failed, History, Signal
from forwarder.settings import Function

# Bytes of a message. Used if the queue's own limit is unknown: every region and emulator accepts it.
DEFAULT_LIMIT = 262_144
_ATTRIBUTES = 1_024  # bytes reserved for the attributes, which count too
MAX_MESSAGES_PER_REQUEST = 10
# Seconds that the queue waits for a message: without waiting, it asks only some of its servers and may return nothing.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
LONG_POLL = 1
MAX_EVENT_BYTES = 16_000_000  # of events that wait until the batches are done; the next replay takes the others
_EVENT, _PROBE = "event", "probe"  # in place of a signal
_VISIBILITY_MARGIN = 60  # seconds beyond the deadline for which what was read is hidden from others


class SqsStore:
    """Stores each batch as one message, or several, within the queue's own limit."""

    def __init__(self, queue_url: str, function: Function) -> None:
        self._url = queue_url
        self._region = _region_of(queue_url) or function.region
        self._function = function.name
        self.lease = NoLease()  # a message that is read is invisible to others
        self._made: Any = None
        self._making = threading.Lock()
        self._limit = 0
        self._held: set[str] = set()  # receipts of messages that were read and not removed
        self._events: dict[str, bytes] = {}  # of such messages, those with an event, by their receipts
        self._room = MAX_EVENT_BYTES

    def __repr__(self) -> str:
        return f"SqsStore({self._url})"

    @property
    def _sqs(self) -> Any:
        with self._making:
            if self._made is None:
                self._made = aws.client("sqs", self._region)
            return self._made

    def put(self, batch: Batch) -> Unstored:
        """Store a batch as one message, or as several where it is too large; an item may be too large even alone."""
        body = b64encode(stored_batch.packed(batch)).decode()
        if len(body) > self._largest_body():
            return self._put_halves(batch)
        problem = self._send(body, stored_batch.metadata(batch.signal, batch.count, batch.history))
        return Unstored([batch], problem) if problem else Unstored()

    def _put_halves(self, batch: Batch) -> Unstored:
        halves = [self.put(half) for half in batch.split()]
        if not halves:
            return Unstored([batch], "an item is larger than the queue's messages may be")
        parts = [part for half in halves for part in half.parts]
        return Unstored(parts, next((half.problem for half in halves if half.problem), ""))

    def put_event(self, event: Mapping[str, object]) -> str:
        """Store an event as one message."""
        return self._send(stored_batch.event_record(event).decode(), {"signal": _EVENT})

    def _send(self, body: str, metadata: dict[str, str]) -> str:
        """Send a message; say what went wrong."""
        attributes = {name: {"DataType": "String", "StringValue": value or "-"} for name, value in metadata.items()}
        try:
            self._sqs.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=attributes)
        except aws.errors() as error:
            return aws.failure(error)
        return ""

    def touch(self, name: str, signal: Signal, items: int, history: History) -> None:
        """Do nothing: the attributes of a message cannot be changed."""

    def quarantine(self, name: str, reason: str) -> None:  # noqa: ARG002 - as in Store
        """Leave a message that cannot be read where it is."""
        raise StoreError(f"{reason}, and a queue has no place to set it aside")

    def reject(self, failed: Failed) -> str:  # noqa: ARG002 - as in Store
        """Do nothing: a queue has no place for it, so it is only counted and logged."""
        return ""

    def reject_records(self, records: list[dict[str, object]]) -> str:  # noqa: ARG002 - as in Store
        """Do nothing, likewise."""
        return ""

    def pending(self, deadline: Deadline, wanted: IsWanted) -> Iterator[Stored]:
        """Yield what waits, roughly in order, until the queue returns nothing more, or nothing that is wanted.

        A received message is hidden from others for a while, and the queue counts its receives. So the queue is not
        searched for wanted messages behind unwanted ones. Events are put aside for later.
        """
        seen: set[str] = set()
        self._events.clear()
        self._room = MAX_EVENT_BYTES
        while not deadline.expired and (messages := self._receive(deadline)):
            fresh = [message for message in messages if message["MessageId"] not in seen]
            seen.update(message["MessageId"] for message in fresh)
            batches = [stored for stored in map(self._classified, fresh) if stored]
            some_wanted = not batches
            for stored in batches:
                if wanted(stored.signal):
                    some_wanted = True
                    yield stored
            if not some_wanted:
                return

    def _receive(self, deadline: Deadline) -> list[dict[str, Any]]:
        remaining = int(deadline.remaining)
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MAX_MESSAGES_PER_REQUEST,
                WaitTimeSeconds=min(LONG_POLL, remaining),
                VisibilityTimeout=remaining + _VISIBILITY_MARGIN,
                MessageAttributeNames=["All"],
            )
        except aws.errors() as error:
            raise StoreError(f"the queue could not be read: {aws.failure(error)}") from None
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _classified(self, message: dict[str, Any]) -> Stored | None:
        """Return the batch in a message, also if it may not be valid; put events aside, and remove probes."""
        receipt, body = message["ReceiptHandle"], message["Body"]
        metadata = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
        self._held.add(receipt)
        signal = metadata.get("signal", "")
        if signal == _EVENT or (not signal and stored_batch.function_of(body.encode()) == self._function):
            self._put_aside(receipt, body.encode())
            return None
        if signal == _PROBE:
            with contextlib.suppress(StoreError):
                self.delete([receipt])
            return None
        return Stored(receipt, signal, lambda: _contents(body, metadata))

    def _put_aside(self, receipt: str, event: bytes) -> None:
        if len(event) <= self._room:
            self._events[receipt] = event
            self._room -= len(event)

    def delete(self, names: list[str]) -> None:
        """Remove messages by their receipts."""
        for start in range(0, len(names), MAX_MESSAGES_PER_REQUEST):
            entries = [
                {"Id": str(number), "ReceiptHandle": name}
                for number, name in enumerate(names[start : start + MAX_MESSAGES_PER_REQUEST])
            ]
            try:
                answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            except aws.errors() as error:
                raise StoreError(f"delivered batches could not be removed: {aws.failure(error)}") from None
            if refused := answer.get("Failed"):
                raise StoreError(f"delivered batches could not be removed: {refused[0].get('Code')}")
        self._held.difference_update(names)

    def backlog(self) -> Backlog:
        """Count what waits; the queue's API does not return the age of its oldest message."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._attributes(names)
        return Backlog(sum(int(counts.get(name, "0")) for name in names), 0.0)

    def release_held(self) -> None:
        """Make messages visible at once that were read and not removed."""
        held, self._held = list(self._held), set()
        for start in range(0, len(held), MAX_MESSAGES_PER_REQUEST):
            entries = [
                {"Id": str(number), "ReceiptHandle": name, "VisibilityTimeout": 0}
                for number, name in enumerate(held[start : start + MAX_MESSAGES_PER_REQUEST])
            ]
            with contextlib.suppress(*aws.errors()):  # they become visible by themselves, a little later
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def events(self, deadline: Deadline) -> Iterator[str]:  # noqa: ARG002 - as in Store
        """Yield the events that were among the batches: our own, and any that Lambda gave up on."""
        return iter(list(self._events))

    def read_event(self, name: str) -> bytes:
        """Return an event."""
        return self._events.pop(name)

    def check(self) -> str:
        """Send a probe, which the next replay removes."""
        try:
            self._attributes(["MaximumMessageSize"])
        except StoreError as error:
            return str(error)
        return self._send(_PROBE, {"signal": _PROBE})

    def _attributes(self, names: list[str]) -> dict[str, str]:
        try:
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        except aws.errors() as error:
            raise StoreError(f"the queue's attributes could not be read: {aws.failure(error)}") from None
        return dict(answer.get("Attributes", {}))

    def _largest_body(self) -> int:
        if not self._limit:
            try:
                self._limit = int(self._attributes(["MaximumMessageSize"]).get("MaximumMessageSize", DEFAULT_LIMIT))
            except StoreError:
                self._limit = DEFAULT_LIMIT
        return self._limit - _ATTRIBUTES


def _contents(body: str, metadata: Mapping[str, str]) -> Contents:
    """Return what is in a message; what is not base64 cannot be a batch."""
    try:
        return Contents(b64decode(body, validate=True), metadata)
    except ValueError:
        return Contents(b"", metadata)


def _region_of(queue_url: str) -> str:
    """Return the region of `https://sqs.<region>.amazonaws.com/…`."""
    host = queue_url.partition("://")[2].partition("/")[0].split(".")
    return host[1] if host[0] == "sqs" and len(host) > 2 else ""  # noqa: PLR2004
