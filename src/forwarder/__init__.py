"""Forwards what AWS logs, and the metrics and traces in it, to Datadog or an intake that speaks its protocol."""

VERSION = "1.0.0"
