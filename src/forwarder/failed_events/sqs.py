"""A store of failed events in an SQS queue: one message a batch, its history in the message's attributes.

A message that is being replayed is invisible to others, so no lease is needed. There is no place in a queue for what is
rejected for good: that is counted and logged.
"""

import contextlib
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from forwarder import aws
from forwarder.deadline import Deadline
from forwarder.errors import StoreError
from forwarder.failed_events import format as stored_format
from forwarder.failed_events.store import Contents, Stored
from forwarder.records import Backlog, Batch, Failed, History, Signal
from forwarder.settings import Function

# Used where the queue does not tell its own: what every region and emulator takes.
SMALLEST_LIMIT = 262_144
_ATTRIBUTES = 1_024  # bytes that are kept free for the attributes, which count too
LARGEST_REQUEST = 10  # messages
_EVENT = "event"  # in place of a signal
_VISIBILITY_MARGIN = 60  # seconds beyond the deadline for which what was read is hidden from others


class SqsStore:
    """Keeps each batch as one message, cut to the queue's own limit."""

    def __init__(self, queue_url: str, function: Function) -> None:
        self._url = queue_url
        self._region = _region_of(queue_url) or function.region
        self.trouble = ""
        self._made: Any = None
        self._making = threading.Lock()
        self._limit = 0
        self._read: dict[str, tuple[str, dict[str, str]]] = {}
        self._held: set[str] = set()  # receipts of messages that were read and not removed
        self._events: dict[str, bytes] = {}  # of such messages, those with an event, by their receipts

    def __repr__(self) -> str:
        return f"SqsStore({self._url})"

    @property
    def _sqs(self) -> Any:
        with self._making:
            if self._made is None:
                self._made = aws.client("sqs", self._region)
            return self._made

    def put(self, batch: Batch) -> list[Batch]:
        """Store a batch as one message, or as several where it is too large; return what is too large even alone."""
        body = b64encode(stored_format.packed(batch)).decode()
        if len(body) > self._largest_body():
            halves = list(batch.split())
            if not halves:
                self.trouble = "an item is larger than the queue's messages may be"
                return [batch]
            return [left for half in halves for left in self.put(half)]
        facts = stored_format.facts(batch.signal, batch.count, batch.history)
        return [] if self._send(body, facts) else [batch]

    def put_event(self, event: Mapping[str, object]) -> bool:
        """Store an event as one message."""
        return self._send(stored_format.event_record(event).decode(), {"signal": _EVENT})

    def _send(self, body: str, facts: dict[str, str]) -> bool:
        attributes = {name: {"DataType": "String", "StringValue": value or "-"} for name, value in facts.items()}
        try:
            self._sqs.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=attributes)
        except aws.errors() as error:
            self.trouble = aws.failure(error)
            return False
        return True

    def touch(self, stored: Stored, signal: Signal, items: int, history: History) -> None:
        """Nothing to do: the message shows up again by itself, and the queue counts how often."""

    def quarantine(self, name: str, reason: str) -> None:  # noqa: ARG002 - as in Store
        """Remove a message that is not a batch: nobody can read it."""
        self.delete([name])

    def reject(self, failed: Failed) -> bool:  # noqa: ARG002 - as in Store
        """Do nothing: a queue has no place for it, so it is counted and logged and no more."""
        return True

    def reject_records(self, records: list[dict[str, object]]) -> bool:  # noqa: ARG002 - as in Store
        """Do nothing, likewise."""
        return True

    def pending(self, deadline: Deadline) -> Iterator[Stored]:
        """Yield what waits, about in its order, until the queue shows nothing new. Events are put by for later."""
        seen: set[str] = set()
        self._read.clear()
        self._events.clear()
        while not deadline.expired:
            hidden = int(deadline.remaining) + _VISIBILITY_MARGIN
            fresh = [message for message in self._receive(hidden) if message["MessageId"] not in seen]
            if not fresh:
                return
            for message in fresh:
                seen.add(message["MessageId"])
                stored = self._noted(message)
                if stored.signal != _EVENT:
                    yield stored

    def _receive(self, hidden: int) -> list[dict[str, Any]]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=LARGEST_REQUEST,
                VisibilityTimeout=hidden,
                AttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
                MessageAttributeNames=["All"],
            )
        except aws.errors() as error:
            raise StoreError(f"the queue could not be read: {aws.failure(error)}") from None
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _noted(self, message: dict[str, Any]) -> Stored:
        facts = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
        receives = int(message["Attributes"].get("ApproximateReceiveCount", "1"))
        if facts.get("attempts", "").isdecimal():
            facts["attempts"] = str(int(facts["attempts"]) + receives - 1)
        self._held.add(message["ReceiptHandle"])
        if facts.get("signal") == _EVENT:
            self._events[message["ReceiptHandle"]] = message["Body"].encode()
        self._read[message["ReceiptHandle"]] = (message["Body"], facts)
        return Stored(
            message["ReceiptHandle"],
            facts.get("signal", ""),
            int(message["Attributes"].get("SentTimestamp", "0")) / 1000,
        )

    def read(self, stored: Stored) -> Contents | None:
        """Return what is in a message that was received; what is not base64 is no batch in any case."""
        body, facts = self._read.pop(stored.name)
        try:
            return Contents(b64decode(body, validate=True), facts)
        except ValueError:
            return Contents(b"", facts)

    def delete(self, names: list[str]) -> None:
        """Remove messages by the receipts of having read them."""
        for start in range(0, len(names), LARGEST_REQUEST):
            entries = [
                {"Id": str(number), "ReceiptHandle": name}
                for number, name in enumerate(names[start : start + LARGEST_REQUEST])
            ]
            try:
                answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            except aws.errors() as error:
                raise StoreError(f"delivered batches could not be removed: {aws.failure(error)}") from None
            if refused := answer.get("Failed"):
                raise StoreError(f"delivered batches could not be removed: {refused[0].get('Code')}")
        self._held.difference_update(names)

    def backlog(self) -> Backlog:
        """Count what waits; a queue does not tell how old its oldest message is."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._attributes(names)
        return Backlog(sum(int(counts.get(name, "0")) for name in names), 0.0)

    def acquire(self, owner: str, seconds: float) -> bool:  # noqa: ARG002 - as in Store
        """Nothing to take: a message that is read is invisible to others."""
        return True

    def release(self) -> None:
        """Let others see at once what was read and not delivered."""
        held, self._held = list(self._held), set()
        for start in range(0, len(held), LARGEST_REQUEST):
            entries = [
                {"Id": str(number), "ReceiptHandle": name, "VisibilityTimeout": 0}
                for number, name in enumerate(held[start : start + LARGEST_REQUEST])
            ]
            with contextlib.suppress(*aws.errors()):  # they show up by themselves, a little later
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def begin(self, name: str) -> bool:  # noqa: ARG002 - as in Store
        """Note nothing: a queue has no place for it. Batches go first, so none waits for a deadly event."""
        return True

    def absolve(self, name: str) -> None:
        """Nothing to do: nothing is suspected."""

    def poison_event(self) -> str:
        """Know of none: how often a message was received does not tell how often it was tried."""
        return ""

    def unprocessed(self, deadline: Deadline) -> Iterator[str]:  # noqa: ARG002 - as in Store
        """Yield the events that showed up among the batches. Lambda's on-failure destination is elsewhere."""
        return iter(list(self._events))

    def read_unprocessed(self, name: str) -> bytes:
        """Return an event."""
        return self._events.pop(name)

    def check(self) -> str:
        """Ask the queue for its attributes: a probe message could be taken for a batch."""
        try:
            self._attributes(["MaximumMessageSize"])
        except StoreError as error:
            return str(error)
        return ""

    def _attributes(self, names: list[str]) -> dict[str, str]:
        try:
            answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        except aws.errors() as error:
            raise StoreError(f"the queue did not tell its attributes: {aws.failure(error)}") from None
        return dict(answer.get("Attributes", {}))

    def _largest_body(self) -> int:
        if not self._limit:
            try:
                self._limit = int(self._attributes(["MaximumMessageSize"]).get("MaximumMessageSize", SMALLEST_LIMIT))
            except StoreError:
                self._limit = SMALLEST_LIMIT
        return self._limit - _ATTRIBUTES


def _region_of(queue_url: str) -> str:
    """Return the region of `https://sqs.<region>.amazonaws.com/…`."""
    host = queue_url.partition("://")[2].partition("/")[0].split(".")
    return host[1] if host[0] == "sqs" and len(host) > 2 else ""  # noqa: PLR2004
