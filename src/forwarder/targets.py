"""Passes events on to the functions in `DD_ADDITIONAL_TARGET_LAMBDAS`."""

import json
from collections.abc import Callable, Mapping, Sequence

from forwarder import aws
from forwarder.deadline import Deadline, within


def invoke(
    arns: Sequence[str], event: Mapping[str, object], region: str, deadline: Deadline, warn: Callable[[str], None]
) -> None:
    """Invoke functions asynchronously with an event. A failure is a warning that names the function."""
    payload = json.dumps(event)  # unlike msgspec, it accepts lone surrogates
    for arn in arns:
        if problem := _problem(arn, payload, region, deadline):
            warn(f"{arn} of DD_ADDITIONAL_TARGET_LAMBDAS {problem}.")


def _problem(arn: str, payload: str, region: str, deadline: Deadline) -> str:
    """Invoke one function, once, and return what went wrong: after a lost response, a retry would invoke it twice."""
    if deadline.expired:  # the event has been accounted for: running out of time now would have it sent again
        return "was not invoked: the time was up"

    def call() -> None:
        client = aws.client("lambda", aws.region_of(arn, otherwise=region), attempts=1)
        client.invoke(FunctionName=arn, InvocationType="Event", Payload=payload)

    try:
        within(deadline, call)
    except TimeoutError:
        return "did not answer in time: it may have been invoked or not"
    except aws.errors() as error:
        return f"could not be invoked: {aws.failure(error)}"
    return ""
