"""Delivers batches: endpoints, the table of responses, retries, and concurrent requests within a deadline."""

from forwarder.intake.delivery import Delivery

__all__ = ["Delivery"]
