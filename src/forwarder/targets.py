"""Hands events on to the functions in `DD_ADDITIONAL_TARGET_LAMBDAS`."""

import json
from collections.abc import Callable, Mapping, Sequence

from forwarder import aws
from forwarder.deadline import Deadline


def invoke(
    arns: Sequence[str], event: Mapping[str, object], region: str, deadline: Deadline, warn: Callable[[str], None]
) -> None:
    """Invoke functions asynchronously with an event. A failure is a warning that names the function."""
    payload = json.dumps(event)  # unlike msgspec, it takes lone surrogates
    for arn in arns:
        if deadline.expired:  # the event has been accounted for: running out of time now would have it sent again
            warn(f"{arn} of DD_ADDITIONAL_TARGET_LAMBDAS was not invoked: the time was up.")
            continue
        try:
            client = aws.client("lambda", aws.region_of(arn, otherwise=region))
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=payload)
        except aws.errors() as error:
            warn(f"{arn} of DD_ADDITIONAL_TARGET_LAMBDAS could not be invoked: {aws.failure(error)}.")
