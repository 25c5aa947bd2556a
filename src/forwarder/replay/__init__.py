"""Sends stored batches again, straight to the intake. Events that Lambda gave up on go through the whole pipeline."""

from forwarder.replay.request import EVENT_TYPE, is_replay_request, without_request
from forwarder.replay.run import Replay

__all__ = ["EVENT_TYPE", "Replay", "is_replay_request", "without_request"]
