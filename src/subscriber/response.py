"""Responds to CloudFormation, which waits when it creates, updates or deletes a custom resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

import json
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from subscriber.errors import SubscriberError
from subscriber.pace import Clock

SUCCESS, FAILED = "SUCCESS", "FAILED"
ECHOED = ("StackId", "RequestId", "LogicalResourceId")
NEEDED = (*ECHOED, "ResponseURL", "PhysicalResourceId")

MAX_REASON_BYTES = 2048  # a response may have 4,096
ATTEMPTS, PAUSE, TIMEOUT = 3, 1.0, 5.0  # tries, seconds, seconds


def request_of(event: Mapping[str, Any], physical_id: str) -> dict[str, str]:
    """Return what the response to an event needs."""
    return {name: str(event.get(name, "")) for name in NEEDED} | {"PhysicalResourceId": physical_id}


def send(request: Mapping[str, str], status: str, reason: str, clock: Clock) -> None:
    """Put the response where CloudFormation looks for it.

    Raises:
        SubscriberError: it could not be put there. The message does not contain the URL, which is signed.

    """
    answer = {name: request[name] for name in (*ECHOED, "PhysicalResourceId")}
    short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
    body = json.dumps(answer | {"Status": status, "Reason": short}, ensure_ascii=False).encode()
    for attempt in range(ATTEMPTS):
        try:
            _put(request["ResponseURL"], body)
        except (OSError, HTTPException, ValueError) as error:  # URLError is an OSError; ValueError: no URL
            problem = type(error).__name__
        else:
            return
        if attempt + 1 < ATTEMPTS:
            clock.sleep(PAUSE)
    raise SubscriberError(f"CloudFormation could not be answered: {problem}.")


def _put(url: str, body: bytes) -> None:
    # The URL is signed for a request without a content type.
    request = urllib.request.Request(url, body, {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's
    with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310 - as above
        pass
