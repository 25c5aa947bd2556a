"""Reads the events of EventBridge and CloudFormation."""

from collections.abc import Mapping
from typing import Any

from subscriber.errors import UnsupportedEventError


def is_event(event: object) -> bool:
    """Return whether it is a JSON object: somebody who invokes a function by hand can send anything."""
    return isinstance(event, Mapping)


def is_schedule(event: Mapping[str, Any]) -> bool:
    """Tell whether a rule asks for a reconciliation, with EventBridge's own event or `{"reconcile": true}`."""
    return event.get("reconcile") is True or event.get("detail-type") == "Scheduled Event"


def is_everywhere(event: Mapping[str, Any]) -> bool:
    """Tell whether groups that are not wanted are to be looked at as well, as with `"everywhere": true`."""
    return event.get("everywhere") is True


def is_creation(event: Mapping[str, Any]) -> bool:
    """Tell whether CloudTrail has seen a log group being created."""
    detail = event.get("detail")
    return isinstance(detail, Mapping) and detail.get("eventName") == "CreateLogGroup"


def created_log_group(event: Mapping[str, Any]) -> str:
    """Return the name of the group that was created; empty if the attempt failed.

    Raises:
        UnsupportedEventError: no name is there.

    """
    detail = event["detail"]
    if detail.get("errorCode"):  # the call is logged all the same
        return ""
    parameters = detail.get("requestParameters")
    name = parameters.get("logGroupName") if isinstance(parameters, Mapping) else None
    if isinstance(name, str) and name:
        return name
    raise UnsupportedEventError("A CreateLogGroup event has no detail.requestParameters.logGroupName.")


def is_resource(event: Mapping[str, Any]) -> bool:
    """Tell whether CloudFormation makes, changes or deletes the custom resource."""
    return is_event(event) and "RequestType" in event and "ResponseURL" in event


def unsupported(event: Mapping[str, Any]) -> UnsupportedEventError:
    """Return the error for an event that nothing reads."""
    if not is_event(event):
        return UnsupportedEventError("Nothing here reads an event that is not a JSON object.")
    return UnsupportedEventError(f"Nothing here reads an event with the keys: {', '.join(sorted(event)) or 'none'}.")
