"""Delivers batches: endpoints, the table of answers, retries, and many requests at once within a deadline."""

from forwarder.intake.delivery import Delivery

__all__ = ["Delivery"]
