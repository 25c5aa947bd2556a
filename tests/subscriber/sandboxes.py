"""Many sandboxes at once, each in a thread with a clock of its own, and what AWS allows them together."""

import threading
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from botocore.exceptions import ClientError

from subscriber.aws import Clients
from tests.subscriber.memory import MemoryLogs
from tests.subscriber.support import REGION, Clock

LATENCY = 0.04  # seconds that a call takes
# A second; https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
QUOTAS = {
    "describe_log_groups": 10.0,
    "describe_subscription_filters": 5.0,
    "put_subscription_filter": 5.0,
    "delete_subscription_filter": 5.0,
}


class Account:
    """Log groups whose calls are throttled beyond the quotas, in the order of the callers' clocks."""

    def __init__(self, logs: MemoryLogs) -> None:
        self.logs = logs
        self.throttled = 0
        self._left: dict[str, tuple[float, float]] = {}  # of a call's quota: the number, and when it was that
        self._times: dict[int, float] = {}  # of each sandbox that is at work
        self._turn = threading.Condition()

    def run(self, sandboxes: Sequence[Callable[[Clients, Clock], object]]) -> None:
        """Run all at once; each gets its clients and its clock."""
        clocks = [Clock() for _ in sandboxes]
        self._times = {number: clock.now() for number, clock in enumerate(clocks)}
        threads = [
            threading.Thread(target=self._one, args=(number, sandbox, clocks[number]), daemon=True)
            for number, sandbox in enumerate(sandboxes)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, number: int, sandbox: Callable[[Clients, Clock], object], clock: Clock) -> None:
        try:
            self.wait(number, clock.now())
            sandbox(SandboxClients(self, number, clock), clock)
        finally:
            with self._turn:
                del self._times[number]
                self._turn.notify_all()

    def wait(self, number: int, now: float) -> None:
        """Wait until no other sandbox's clock is behind this one's."""
        with self._turn:
            self._times[number] = now
            self._turn.notify_all()
            self._turn.wait_for(lambda: min((at, each) for each, at in self._times.items())[1] == number)

    def charge(self, call: str, now: float) -> None:
        """Count a call; raises as botocore does if there are too many."""
        quota = QUOTAS[call]
        left, at = self._left.get(call, (quota, now))
        left = min(quota, left + (now - at) * quota)
        self._left[call] = (left - (left >= 1), now)
        if left < 1:
            self.throttled += 1
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, call)


class SandboxClients(Clients):
    """Clients of one sandbox."""

    def __init__(self, account: Account, number: int, clock: Clock) -> None:
        super().__init__(REGION)
        self.__dict__["logs"] = _Logs(account, number, clock)


class _Logs:
    def __init__(self, account: Account, number: int, clock: Clock) -> None:
        self._account, self._number, self._clock = account, number, clock

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call: Callable[..., Any] = getattr(self._account.logs, name)

        @wraps(call)
        def in_turn(**told: object) -> Any:
            self._clock.time += LATENCY
            self._account.wait(self._number, self._clock.now())
            self._account.charge(name, self._clock.now())
            return call(**told)

        return in_turn
