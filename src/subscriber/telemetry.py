"""The function's own telemetry: a structured log and embedded metrics. Never a presigned URL."""

import logging
from dataclasses import asdict

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from subscriber.records import Counts, Outcome, Skip

SERVICE = "subscriber"
NAMESPACE = "DatadogForwarder"
LIBRARIES = ("urllib3", "botocore", "boto3")

MAX_LOGGED_FAILURES = 20  # in the log of one round; the counts are complete


class Telemetry:
    """The function's log and metrics, which name the forwarder. `begin` starts an invocation."""

    def __init__(self, level: str, forwarder: str) -> None:
        self._logger = Logger(service=SERVICE, level=level, log_record_order=["level", "message"])
        for library in LIBRARIES:
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)
        self._forwarder = forwarder
        self._failures = 0

    def begin(self, request_id: str) -> None:
        """Add the invocation's id to everything that follows."""
        self._failures = 0
        self._logger.append_keys(request_id=request_id)

    def outcome(self, outcome: Outcome) -> None:
        """Log what was done with one group, if anything changed or failed."""
        decision = outcome.decision
        fields = {"log_group": decision.group.name, "reason": decision.reason}
        if outcome.error:
            self._failures += 1
            if self._failures <= MAX_LOGGED_FAILURES:
                verb = "decide" if isinstance(decision, Skip) else decision.verb
                self._logger.error(f"Could not {verb}: {outcome.error}.", extra=fields)
        elif isinstance(decision, Skip):
            self._logger.debug("Skipped.", extra=fields)
        else:
            self._logger.info(f"Done: {decision.verb}.", extra=fields)

    def warn(self, sentence: str) -> None:
        """Log that something needs attention."""
        self._logger.warning(sentence)

    def round(self, kind: str, number: int, counts: Counts, state: str) -> None:
        """Write the summary line of a round, and the embedded metrics."""
        write = self._logger.warning if counts.failed else self._logger.info
        write(f"Round {number} of a {kind}: {state}.", extra=asdict(counts))
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        metrics.add_dimension("forwardername", self._forwarder)  # as with the forwarder's own
        for name, value in asdict(counts).items():
            metrics.add_metric(f"log_groups_{name}", MetricUnit.Count, value)
        metrics.flush_metrics()
