"""A cache of tags in memory. It is refreshed in a background thread, for which an invocation waits a limited time."""

import threading
import time
from collections.abc import Callable
from random import uniform

from forwarder import aws
from forwarder.tags.shared import Entry, SharedEntry

JITTER = 0.1  # maximum share of the TTL by which refreshes of sandboxes differ
PAUSE = 0.1  # share of the TTL after which a failed refresh is tried again
SOON = 1.0  # seconds until the next look, if another sandbox is fetching and nothing is known yet

TagsByArn = dict[str, tuple[str, ...]]


class WaitBudget:
    """The seconds that an invocation may still wait for tags."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def wait(self, done: threading.Event) -> None:
        """Wait for something, as long as there is time left."""
        began = time.monotonic()
        done.wait(self.left)
        self.left = max(0.0, self.left - (time.monotonic() - began))


class Cache:
    """Tags by ARN, as last fetched. A failed refresh keeps them; that a resource has no tags is cached, too.

    `fetch` returns all tags, and may raise anything. With `shared`, the cache uses what another sandbox has fetched,
    and only one of many sandboxes fetches.
    """

    def __init__(
        self, fetch: Callable[[], TagsByArn], shared: SharedEntry | None, ttl: float, clock: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._shared = shared
        self._ttl = ttl
        self._clock = clock
        self._entry = Entry()
        self._due = 0.0
        self._idle = threading.Event()
        self._idle.set()
        self._problem = ""

    def get(self, arn: str, budget: WaitBudget) -> tuple[str, ...]:
        """Return the tags of a resource, waiting for a refresh if one is due; without budget, the last known ones."""
        if self._idle.is_set() and self._clock() >= self._due and budget.left > 0:
            self._idle.clear()
            threading.Thread(target=self._refresh, name="tags", daemon=True).start()
            budget.wait(self._idle)
        elif not self._entry.fetched:  # an earlier invocation started the refresh, and there are no tags yet
            budget.wait(self._idle)
        return self._entry.tags.get(arn, ())

    def problem(self) -> str:
        """Return why the last refresh failed, once."""
        problem, self._problem = self._problem, ""
        return problem

    def _refresh(self) -> None:
        try:
            if self._shared is None or self._may_fetch(self._shared):
                self._keep(Entry(self._fetch(), self._clock()))
                if self._shared is not None:
                    self._share(self._shared)
        except Exception as error:  # no error may cost more than the tags
            self._due = self._clock() + self._ttl * PAUSE
            self._problem = f"could not be fetched: {aws.failure(error)}"
        finally:
            self._idle.set()

    def _may_fetch(self, shared: SharedEntry) -> bool:
        """Take the shared entry; return whether it is out of date and no other sandbox is fetching."""
        found, now = shared.read(), self._clock()
        if found is None:
            return True
        found.fetched = (
            min(found.fetched, now) if found.fetched < now + self._ttl else 0.0
        )  # clocks differ, but not by that much
        self._keep(found)
        if now < self._due:
            return False
        self._due = now + (self._ttl * PAUSE if self._entry.fetched else SOON)
        claimed = now < found.claimed_until <= now + self._ttl
        return not claimed and shared.write(Entry(found.tags, found.fetched, now + self._ttl * PAUSE))

    def _share(self, shared: SharedEntry) -> None:
        shared.write(self._entry)
        if shared.problem:
            self._problem = f"could not be shared through the bucket: {shared.problem}"

    def _keep(self, entry: Entry) -> None:
        if entry.fetched > self._entry.fetched:
            self._entry = entry
            self._due = entry.fetched + self._ttl * (1 + uniform(0, JITTER))  # noqa: S311 - not for secrets
