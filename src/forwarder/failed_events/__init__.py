"""Stores what could not be delivered, for replays.

    <bucket>/failed_events/<function>/pending/<time>-<signal>-<id>.json.gz    batches that a replay sends again
    <bucket>/failed_events/<function>/unread/<time>-<id>.json                 what replays continue with: the rest of
                                                                              an object, or of an event
    <bucket>/failed_events/<function>/rejected/<time>-<what>-<id>.json.gz     what no intake will ever accept
    <bucket>/failed_events/<function>/lease.json                              who is replaying, until when, which event
                                                                              it is trying, and which one killed a
                                                                              replay
    <bucket>/aws/lambda/async/<function>/…                                    events that Lambda gave up on

`<time>` is that of the first failure, so names sort by age. An object's metadata has its signal, attempts, first
failure and last reason. Bodies are the masked, gzipped requests.
"""

from forwarder.failed_events.keeper import Keeper
from forwarder.failed_events.lease import Lease, NoLease
from forwarder.failed_events.store import Contents, Store, Stored, make_store

__all__ = ["Contents", "Keeper", "Lease", "NoLease", "Store", "Stored", "make_store"]
