"""Delivery: how much is in flight at once."""

import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any, cast

import pytest

from forwarder.deadline import Deadline
from forwarder.intake import Delivery, delivery
from forwarder.intake.circuit import Circuit
from forwarder.intake.client import Client
from forwarder.records import Batch, Delivered, Outcome, Signal
from tests.builders import far_deadline

BATCH = Batch.of(Signal.LOGS, [b'{"message":"a"}'], [(0, 1)])


class SlowClient:
    """Delivers nothing until it is freed."""

    def __init__(self) -> None:
        self.free = threading.Event()

    def deliver(self, batch: Batch, deadline: Deadline, circuit: Circuit, attempts: int) -> Outcome:  # noqa: ARG002
        self.free.wait(20)
        return Delivered(batch, 202, 1)

    def cut(self) -> None:
        self.free.set()


def test_bytes_in_flight_never_exceed_their_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    client = SlowClient()

    def freeing_wait(*args: Any, **kwargs: Any) -> object:
        client.free.set()  # the shipment waits for room, so it is time to make some
        return futures.wait(*args, **kwargs)

    monkeypatch.setattr(delivery, "wait", freeing_wait)
    make_client = cast(Callable[[], Client], lambda: client)
    sending = Delivery(make_client, workers=20, budget=3 * BATCH.size)
    shipment = sending.ship(far_deadline())
    settled: list[Outcome] = []
    for submitted in range(1, 11):
        settled += shipment.submit(BATCH)
        assert submitted - len(settled) <= 3
    settled += shipment.finish()
    sending.close()
    assert len(settled) == 10
