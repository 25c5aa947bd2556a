"""Many invocations at once, within what AWS allows for an account."""

from collections.abc import Callable, Mapping
from typing import Any

from subscriber.aws import Clients
from subscriber.handler import Subscriber
from tests.subscriber.memory import MemoryLogs
from tests.subscriber.samples import SCHEDULE, created
from tests.subscriber.sandboxes import Account
from tests.subscriber.support import OWN, Clock, Context, group, settings


def handling(event: Mapping[str, Any]) -> Callable[[Clients, Clock], object]:
    """Return a sandbox that handles an event."""

    def handle(clients: Clients, clock: Clock) -> object:
        subscriber = Subscriber(settings(LOG_LEVEL="CRITICAL"), clients, clock)
        return subscriber.handle(event, Context(clock, clock.now() + 900))

    return handle


def test_fifty_new_groups_at_once_are_subscribed_although_aws_throttles() -> None:
    names = [f"/aws/lambda/n{each}" for each in range(50)]
    account = Account(MemoryLogs([group(name) for name in names]))
    account.run([handling(created(name)) for name in names])

    assert [found.filters for found in account.logs.groups.values()] == [(OWN,)] * 50
    assert account.throttled > 0


def test_one_run_alone_is_never_throttled() -> None:
    names = [f"/aws/lambda/n{each:03}" for each in range(200)]
    account = Account(MemoryLogs([group(name) for name in names]))
    account.run([handling(SCHEDULE)])

    assert [found.filters for found in account.logs.groups.values()] == [(OWN,)] * 200
    assert account.throttled == 0
