"""The entry point: Lambda calls it on a schedule, when a log group is created, and when the stack changes."""

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from subscriber import events, response
from subscriber.advice import removal_advice
from subscriber.apply import Apply
from subscriber.aws import Clients
from subscriber.calls import Calls
from subscriber.errors import ConfigurationError, IncompleteError, SlowPatternError, SubscriberError
from subscriber.jobs import CONTINUE, Job, Kind, State
from subscriber.log_groups import LogGroups
from subscriber.pace import Clock, SystemClock
from subscriber.plan import Ours, Policy
from subscriber.records import Counts, LogGroup, Outcome, Skip
from subscriber.sandbox import Context, Sandbox
from subscriber.settings import Settings
from subscriber.stack import Stack
from subscriber.survey import wanted_by_tags
from subscriber.work import Worker

NOT_CREATED = "not-created"  # the resource's id while the settings are wrong: there is nothing to remove


class Subscriber:
    """Handles events."""

    def __init__(self, settings: Settings, clients: Clients | None = None, clock: Clock | None = None) -> None:
        self._sandbox = Sandbox(settings, clients, clock)

    def handle(self, event: Mapping[str, Any], context: Context) -> dict[str, object]:
        """Do what an event asks for; return how many groups were processed.

        Raises:
            UnsupportedEventError: the event has no supported shape.
            SubscriberError: something was not done, and Lambda should retry the event.

        """
        self._sandbox.telemetry.begin(context.aws_request_id)
        if not events.is_event(event):
            raise events.unsupported(event)
        if events.is_creation(event):
            return self._created(events.created_log_group(event), context)
        return Worker(self._sandbox, self._job(event), context).work()

    def _job(self, event: Mapping[str, Any]) -> Job:
        if CONTINUE in event:
            return Job.of_event(event)
        if events.is_resource(event):
            return self._resource(event)
        if events.is_schedule(event):
            everywhere = events.is_everywhere(event)
            return Job(Kind.RECONCILIATION, self._sandbox.clock.epoch(), everywhere=everywhere)
        raise events.unsupported(event)

    def _created(self, name: str, context: Context) -> dict[str, object]:
        """Subscribe one new group, if it is wanted."""
        calls = self._sandbox.calls(context)
        stack = self._sandbox.stack(calls)
        counts = Counts()
        outcomes: list[Outcome] = []
        try:
            outcomes.append(self._outcome(name, calls, stack))
        finally:
            outcomes += self._sandbox.take_back(stack, calls)
            for outcome in outcomes:
                counts.add(outcome)
                self._sandbox.telemetry.outcome(outcome)
        self._sandbox.telemetry.round("creation", 1, counts, State.FINISHED.value)
        if error := outcomes[0].error:
            raise IncompleteError(f"A new log group could not be subscribed: {error}.")
        return asdict(counts)

    def _outcome(self, name: str, calls: Calls, stack: Stack) -> Outcome:
        group, wanted = LogGroup(name), replace(self._sandbox.settings.wanted, everywhere=False)
        if not name:
            return Outcome(Skip(group, "not created"))
        try:
            # Most new groups are not wanted: their names say so without a call.
            if skipped := wanted.skip_without_reading(group):
                return Outcome(skipped)
        except SlowPatternError as error:
            return Outcome(Skip(group, "not known"), str(error))
        if stack.is_going:
            return Outcome(Skip(group, State.STACK_MOVED_ON.value))
        log_groups = LogGroups(self._sandbox.clients, calls, stack.note)
        return _subscribe(name, log_groups, self._sandbox.protecting(wanted, calls))

    def _resource(self, event: Mapping[str, Any]) -> Job:
        """Respond at once when the resource is created or updated; when it is deleted, when the job has ended.

        After an update that gives the resource another id, CloudFormation deletes the former one: then its filters are
        replaced, since a removal could overtake what the update has begun.
        """
        physical_id, ours = str(event.get("PhysicalResourceId", "")), self._sandbox.settings.wanted.ours
        clock = self._sandbox.clock
        if event["RequestType"] == "Delete":
            kind = Kind.REMOVAL if Ours.of_id(physical_id) in (ours, None) else Kind.RECONCILIATION
            request = response.request_of(event, physical_id)
            return Job(kind, clock.epoch(), former=physical_id, request=request)
        response.send(response.request_of(event, ours.id), response.SUCCESS, "Log groups are being subscribed.", clock)
        # A new one only adds: filters of its name elsewhere may have been made by hand.
        everywhere = event["RequestType"] != "Create"
        return Job(Kind.RECONCILIATION, clock.epoch(), former=physical_id, everywhere=everywhere)


def _subscribe(name: str, log_groups: LogGroups, wanted: Policy) -> Outcome:
    if not (group := log_groups.named(name)):
        return Outcome(Skip(LogGroup(name), "gone"))
    if wanted_by_tags(wanted):
        group = log_groups.with_tags(group)  # the tagging API may not know of it yet
    return Apply(log_groups, wanted).to(group)


@cache
def _subscriber() -> Subscriber:
    return Subscriber(Settings.from_environ(os.environ))


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, object]:
    """Handle an event. This is the handler that the template names."""
    try:
        subscriber = _subscriber()
    except ConfigurationError as error:
        refuse(event, error, SystemClock())
        raise
    return subscriber.handle(event, context)


def refuse(event: Mapping[str, Any], error: SubscriberError, clock: Clock) -> None:
    """Tell CloudFormation, if it is waiting, that the settings are wrong. That must not stop a deletion."""
    if events.is_resource(event):
        status = response.SUCCESS if event["RequestType"] == "Delete" else response.FAILED
        physical_id = str(event.get("PhysicalResourceId", NOT_CREATED))
        response.send(response.request_of(event, physical_id), status, _reason(event, physical_id, error), clock)


def _reason(event: Mapping[str, Any], physical_id: str, error: SubscriberError) -> str:
    ours = Ours.of_id(physical_id) if event["RequestType"] == "Delete" else None
    return f"{removal_advice([ours], 'the settings are wrong')}. {error}" if ours else str(error)
