"""The entry point, which Lambda calls. Builds everything once per cold start; each invocation runs the pipeline."""

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from forwarder import check, memory, pipeline, replay, sources
from forwarder.api_key import ApiKey
from forwarder.batches import MetricBatches
from forwarder.deadline import Deadline, Deadlines
from forwarder.errors import DeliveryError, UnsupportedEventError
from forwarder.failed_events import Keeper, Store, make_store
from forwarder.intake import Delivery
from forwarder.intake.client import Client
from forwarder.origin import Identity
from forwarder.records import Failed
from forwarder.settings import Settings
from forwarder.settle import Summary
from forwarder.sources.s3_client import S3Objects
from forwarder.tags import FetchedTags
from forwarder.telemetry import Telemetry, own_metrics


class Context(Protocol):
    """The part of Lambda's context object that the forwarder needs."""

    aws_request_id: str
    invoked_function_arn: str
    function_name: str
    function_version: str
    memory_limit_in_mb: Any

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


class Forwarder:
    """What lives as long as the sandbox: settings, key, connections, store, telemetry.

    `store` replaces the one that the settings configure.
    """

    def __init__(self, settings: Settings, *, store: Store | None = None) -> None:
        memory.keep_freed_blocks()
        self._settings = settings
        self._api_key = ApiKey(settings)
        self._telemetry = Telemetry(settings)
        self._delivery = Delivery(lambda: Client(settings, self._api_key), settings.max_workers)
        self._store = store or make_store(settings)
        self._tags = FetchedTags(settings)
        self._objects = S3Objects(settings.function.region, path_style=settings.use_vpc)

    def handle(self, event: Mapping[str, object], context: Context) -> dict[str, object]:
        """Forward one event, replay what is stored, or check the configuration; return the ledgers or the findings.

        Raises:
            UnsupportedEventError: there is no source for such an event; a replay that it requests is done all the same.
            DeliveryError: something was neither delivered nor stored, and AWS has to send the event again.

        """
        began = time.monotonic()
        self._telemetry.begin(context.aws_request_id)
        self._api_key.begin()
        if check.is_check_request(event):
            remaining = context.get_remaining_time_in_millis() / 1000
            return check.findings(self._settings, self._api_key, self._store, remaining)
        invocation = self._invocation(context)
        summary = self._run(event, invocation, context.aws_request_id)
        self._send_own_metrics(summary, invocation.identity, Deadline.after(invocation.deadlines.own_metrics))
        summary.duration_ms = (time.monotonic() - began) * 1000
        self._telemetry.summarise(summary, invocation.identity)
        failures = self._failures(event, summary)
        if failures is None and (problem := summary.undelivered()):
            raise DeliveryError(problem)
        self._pass_on(_without(summary.returned_records, event), invocation.deadlines.storing)
        return summary.as_response() | (failures or {})

    def _failures(self, event: Mapping[str, object], summary: Summary) -> dict[str, object] | None:
        """Return the trigger records that AWS has to send again, as mappings with `ReportBatchItemFailures` expect.

        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html. None where that is not supported.
        """
        identifiers = sources.item_identifiers(event) if self._settings.report_batch_item_failures else []
        if not identifiers:
            return None
        returned = [{"itemIdentifier": identifiers[record]} for record in sorted(summary.returned_records)]
        return {"batchItemFailures": returned}

    def _invocation(self, context: Context) -> pipeline.Invocation:
        deadlines = Deadlines.dividing(context.get_remaining_time_in_millis() / 1000)
        self._tags.begin(context.invoked_function_arn, deadlines.reading, self._telemetry.warn)
        return pipeline.Invocation(
            self._settings,
            _identity(context, self._settings),
            deadlines,
            self._telemetry,
            self._objects,
            self._tags,
        )

    def _run(self, event: Mapping[str, object], invocation: pipeline.Invocation, request_id: str) -> Summary:
        if not replay.is_replay_request(event):
            return self._forward(event, invocation)
        rest = replay.without_request(event)
        summary = Summary(replay.EVENT_TYPE)
        try:
            if rest:
                summary = self._forward(rest, invocation)
        except UnsupportedEventError:
            self._replay(invocation, summary, request_id)
            self._telemetry.summarise(summary, invocation.identity)
            raise
        self._replay(invocation, summary, request_id)
        return summary

    def _forward(self, event: Mapping[str, object], invocation: pipeline.Invocation) -> Summary:
        keeper = Keeper(
            self._store,
            keeps_raw=not self._settings.masks,
            deadline=invocation.deadlines.storing,
            warn=self._telemetry.warn,
        )
        return pipeline.run(event, invocation, self._delivery, keeper)

    def _replay(self, invocation: pipeline.Invocation, summary: Summary, request_id: str) -> None:
        if self._store is None:
            self._telemetry.warn(
                "There is nothing to replay: set DD_S3_BUCKET_NAME or DD_SQS_QUEUE_URL to store failures."
            )
            return

        replaying = replay.Replay(self._store, self._delivery, invocation, summary)
        replaying.run(request_id, lambda event: self._forward(event, invocation))

    def _send_own_metrics(self, summary: Summary, identity: Identity, deadline: Deadline) -> None:
        """Send metrics about this invocation to the intake: one attempt, and only a warning if it fails."""
        batches = MetricBatches()
        points = own_metrics(summary, identity)
        shipment = self._delivery.ship(deadline, attempts=1)
        for batch in [*batches.add(points, record=0), *batches.rest()]:
            outcomes = [*shipment.submit(batch), *shipment.finish()]
            if any(isinstance(outcome, Failed) for outcome in outcomes):
                self._telemetry.warn("The forwarder's metrics about itself did not reach the intake.")

    def _pass_on(self, event: Mapping[str, object], deadline: Deadline) -> None:
        """Invoke other functions with an event that has been accounted for, so that no retry invokes them again."""
        if self._settings.additional_target_lambdas and replay.without_request(event):
            from forwarder.targets import invoke

            region = self._settings.function.region
            invoke(self._settings.additional_target_lambdas, event, region, deadline, self._telemetry.warn)

    def close(self) -> None:
        """Cut everything in flight. For tests and tools: Lambda just ends the process."""
        self._delivery.close()


def _without(returned: set[int], event: Mapping[str, object]) -> Mapping[str, object]:
    """Return an event without the trigger records that AWS sends again."""
    records = event.get("Records")
    if not returned or not isinstance(records, list):
        return event
    if sources.event_type(event) == "kinesis":  # it goes back to the first, and sends everything from there again
        kept = records[: min(returned)]
    else:
        kept = [record for number, record in enumerate(records) if number not in returned]
    return {**event, "Records": kept} if kept else {}


def _identity(context: Context, settings: Settings) -> Identity:
    return Identity(
        arn=context.invoked_function_arn,
        name=context.function_name,
        version=context.function_version,
        region=settings.function.region,
        memory_mb=int(context.memory_limit_in_mb),
    )


@cache
def _forwarder() -> Forwarder:
    return Forwarder(Settings.from_environ(os.environ))


def lambda_handler(event: Mapping[str, object], context: Context) -> dict[str, object]:
    """Forward an event. The handler that the template names."""
    return _forwarder().handle(event, context)
