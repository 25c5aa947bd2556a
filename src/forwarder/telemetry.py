"""The forwarder's own telemetry: a structured log, and metrics in two places.

The metrics go to CloudWatch as embedded metrics, so that alarms work when the intake does not, and to the intake as
`aws.dd_forwarder.*`. None of it ever contains a payload, a key or a user's line.
"""

import logging
import time

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from forwarder.origin import Identity
from forwarder.records import Failed, Fate, Metric, Rejection, Signal
from forwarder.settings import Settings
from forwarder.settle import Summary

SERVICE = "forwarder"
NAMESPACE = "DatadogForwarder"  # of the embedded metrics
PREFIX = "aws.dd_forwarder."

# Their logs may quote headers, responses and secrets, and Lambda prints what reaches the root logger.
LIBRARIES = ("urllib3", "requests", "botocore", "boto3", "s3transfer")

MAX_POINTERS = 20  # to rejected lines, in the log of one invocation; the counts are complete


class Telemetry:
    """The forwarder's log and metrics about itself. `begin` starts an invocation."""

    def __init__(self, settings: Settings) -> None:
        self._logger = Logger(service=SERVICE, level=settings.log_level, log_record_order=["level", "message"])
        for library in LIBRARIES:
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)
        # The summary of an invocation is written at the default level too: it is what people look for first.
        level = "INFO" if settings.log_level == "WARNING" else settings.log_level
        self._summary = Logger(service=SERVICE, child=True, level=level)
        self._said: set[str] = set()
        self._pointers = 0
        for warning in settings.warnings:
            self._logger.warning(warning)

    def begin(self, request_id: str) -> None:
        """Forget what was said, and add the invocation's id to all that follows."""
        self._said.clear()
        self._pointers = 0
        self._logger.append_keys(request_id=request_id)

    def warn(self, sentence: str) -> None:
        """Log a warning, once per invocation."""
        if sentence not in self._said:
            self._said.add(sentence)
            self._logger.warning(sentence)

    def failed(self, outcome: Failed) -> None:
        """Log that a batch did not arrive, once per signal and reason."""
        if (key := f"{outcome.batch.signal} {outcome.reason}") not in self._said:
            self._said.add(key)
            write = self._logger.error if outcome.fate is Fate.REJECT else self._logger.warning
            write(
                "A batch did not arrive.",
                signal=outcome.batch.signal.value,
                reason=outcome.reason,
                status=outcome.status,
                attempts=outcome.attempts,
                items=outcome.batch.count,
                trigger_records=sorted({record for record, _ in outcome.batch.runs}),
                fate=outcome.fate.value,
            )

    def rejected(self, rejection: Rejection, where: str) -> None:
        """Point to something that can never be delivered."""
        self._pointers += 1
        if self._pointers <= MAX_POINTERS:
            self._logger.error(f"Rejected: {rejection.reason}.", where=where, count=rejection.count)

    def summarise(self, summary: Summary, identity: Identity) -> None:
        """Write the summary of an invocation, and the embedded metrics."""
        write, sentence = self._summary.info, "Forwarded."
        if summary.lines.rejected or summary.items.rejected or summary.items.stored:
            write, sentence = self._summary.warning, "Forwarded, except for items that were stored or rejected."
        if summary.replay_failed:
            write, sentence = self._summary.warning, "The replay failed."
        if summary.undelivered():
            write, sentence = self._summary.error, "Not everything could be delivered or stored."
        if not summary.balanced:
            write, sentence = self._summary.error, "The ledgers do not balance: please report this."
        write(sentence, extra=summary.as_response())
        self._embed(summary, identity)

    @staticmethod
    def _embed(summary: Summary, identity: Identity) -> None:
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        metrics.add_dimension("forwardername", identity.name)  # as it is: CloudFormation cannot make it lower-case
        for name, value in (own_counts(summary) | _embedded_counts(summary)).items():
            metrics.add_metric(name, MetricUnit.Count, value)
        metrics.flush_metrics()


def own_counts(summary: Summary) -> dict[str, int]:
    """Return the counts of an invocation under the Datadog Forwarder's names."""
    logs, metrics, traces = (summary.signals[signal] for signal in (Signal.LOGS, Signal.METRICS, Signal.TRACES))
    return {
        "incoming_events": summary.lines.received,  # as there: log events, not invocations
        "logs_forwarded": logs.delivered,
        "logs_failed": logs.created - logs.delivered,
        "metrics_forwarded": metrics.delivered,
        "metrics_failed": metrics.created - metrics.delivered,
        "traces_forwarded": traces.delivered,
        "logs_filtered": summary.logs_filtered,
    }


def _embedded_counts(summary: Summary) -> dict[str, int]:
    """Return the counts that are only in the embedded metrics."""
    items = summary.items
    return {
        "lines_received": summary.lines.received,
        "lines_rejected": summary.lines.rejected,
        "items_rejected": items.rejected,
        "items_stored": items.stored,
        "items_returned": items.returned,
        "records_unread": summary.unread,
        "objects_continued": summary.continued,
    } | _replay_counts(summary)


def _replay_counts(summary: Summary) -> dict[str, int]:
    """Return whether a replay has failed, and what is left: there is none without a replay."""
    backlog = summary.backlog
    failed = {"replays_failed": int(summary.replay_failed)} if backlog or summary.replay_failed else {}
    if backlog is None:
        return failed
    return failed | {"stored_batches_left": backlog.left, "oldest_stored_seconds": int(summary.oldest_age)}


def own_metrics(summary: Summary, identity: Identity) -> list[Metric]:
    """Return the counts of an invocation as points for the intake."""
    tags = (
        *identity.tags,
        f"forwarder_memorysize:{identity.memory_mb}",
        f"event_type:{summary.event_type}",
    )
    second = int(time.time())
    return [Metric(PREFIX + name, value, second, tags) for name, value in own_counts(summary).items()]
