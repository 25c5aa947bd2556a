"""Clocks for tests: one that counts how often it is read, one that other work on the machine does not affect."""

import time
from collections.abc import Callable

from forwarder.deadline import Deadline


class Expiring(Deadline):
    """A deadline that comes once it has been looked at so often; `moment` is what is left of that."""

    @property
    def remaining(self) -> float:
        """Seconds that are enough for anything: waiting is no look."""
        return 60.0

    @property
    def expired(self) -> bool:
        """Whether it has been looked at often enough."""
        object.__setattr__(self, "moment", self.moment - 1)
        return self.moment < 0


def processor_seconds(work: Callable[[], object]) -> float:
    """Do something in this thread; return what it took of a processor, however busy the machine is."""
    began = time.thread_time()
    work()
    return time.thread_time() - began
