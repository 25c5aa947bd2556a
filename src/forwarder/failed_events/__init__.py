"""Keeps what could not be delivered, and gives it back to a replay.

    <bucket>/failed_events/<function>/pending/<time>-<signal>-<id>.json.gz    batches that a replay sends again
    <bucket>/failed_events/<function>/unread/<time>-<id>.json                 what replays go on with: the rest of
                                                                              an object, or of an event
    <bucket>/failed_events/<function>/rejected/<time>-<what>-<id>.json.gz     what no intake will ever take
    <bucket>/failed_events/<function>/lease.json                              who replays now, until when, trying what,
                                                                              and what killed a replay
    <bucket>/aws/lambda/async/<function>/…                                    events that Lambda gave up on

`<time>` is that of the first failure, so that the order of names is the order of age. An object's metadata tell its
signal, attempts, first failure and last reason. Bodies are the masked, gzipped requests.
"""

from forwarder.failed_events.keeper import Keeper
from forwarder.failed_events.lease import Lease, NoLease
from forwarder.failed_events.store import Contents, Store, Stored, store_of

__all__ = ["Contents", "Keeper", "Lease", "NoLease", "Store", "Stored", "store_of"]
