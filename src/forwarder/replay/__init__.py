"""Sends again what is in the store: the line, entered at the intake. What Lambda gave up on goes through all of it."""

from forwarder.replay.request import EVENT_TYPE, wanted, without_request
from forwarder.replay.run import Replay

__all__ = ["EVENT_TYPE", "Replay", "wanted", "without_request"]
