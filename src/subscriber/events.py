"""Reads the events of EventBridge and CloudFormation."""

from collections.abc import Mapping
from typing import Any

from subscriber.errors import UnsupportedEventError


def is_event(event: object) -> bool:
    """Return whether it is a JSON object: a manual invocation can send anything."""
    return isinstance(event, Mapping)


def is_schedule(event: Mapping[str, Any]) -> bool:
    """Return whether a rule asks for a reconciliation, with EventBridge's own event or `{"reconcile": true}`."""
    return event.get("reconcile") is True or event.get("detail-type") == "Scheduled Event"


def is_everywhere(event: Mapping[str, Any]) -> bool:
    """Return whether to look at groups that are not wanted as well, as with `"everywhere": true`."""
    return event.get("everywhere") is True


def is_creation(event: Mapping[str, Any]) -> bool:
    """Return whether CloudTrail has recorded the creation of a log group."""
    detail = event.get("detail")
    return isinstance(detail, Mapping) and detail.get("eventName") == "CreateLogGroup"


def created_log_group(event: Mapping[str, Any]) -> str:
    """Return the name of the group that was created; empty if the attempt failed.

    Raises:
        UnsupportedEventError: it has no name.

    """
    detail = event["detail"]
    if detail.get("errorCode"):  # failed calls are recorded too
        return ""
    parameters = detail.get("requestParameters")
    name = parameters.get("logGroupName") if isinstance(parameters, Mapping) else None
    if isinstance(name, str) and name:
        return name
    raise UnsupportedEventError("A CreateLogGroup event has no detail.requestParameters.logGroupName.")


def is_resource(event: Mapping[str, Any]) -> bool:
    """Return whether CloudFormation creates, updates or deletes the custom resource."""
    return is_event(event) and "RequestType" in event and "ResponseURL" in event


def unsupported(event: Mapping[str, Any]) -> UnsupportedEventError:
    """Return the error for an unsupported event."""
    if not is_event(event):
        return UnsupportedEventError("Unsupported event: it is not a JSON object.")
    return UnsupportedEventError(f"Unsupported event with the keys: {', '.join(sorted(event)) or 'none'}.")
