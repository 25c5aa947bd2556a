"""Calls to AWS: paced, retried when AWS is busy, and failing with one kind of error."""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from subscriber.errors import AwsError
from subscriber.pace import Clock, TokenBucket, wait

ATTEMPTS = 10
FIRST_PAUSE, MAX_PAUSE = 0.5, 20.0  # seconds; each pause is random, up to twice the one before

# AWS has a quota for each call: 10 a second for this one, 5 for the others that are made group by group, whether they
# read or change. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
FASTER = {"DescribeLogGroups": 2.0}


class Pace:
    """How fast calls of each kind may follow each other.

    Lives as long as the process, since AWS's quotas do not start afresh.
    """

    def __init__(self, per_second: float, clock: Clock) -> None:
        self.clock = clock
        self._per_second = per_second
        self._buckets: dict[str, TokenBucket] = {}

    def take(self, operation: str, ends: float) -> None:
        """Wait until a call may be made; raises `OutOfTimeError` if that would be after `ends`."""
        if operation not in self._buckets:
            self._buckets[operation] = TokenBucket(self._per_second * FASTER.get(operation, 1.0), self.clock)
        self._buckets[operation].take(ends)


class Calls:
    """Makes calls to AWS until the clock reaches `ends`, and those that must not be skipped until `last`."""

    def __init__(self, pace: Pace, ends: float = math.inf, last: float = math.inf) -> None:
        self._pace, self._ends, self._last = pace, ends, last

    @property
    def late(self) -> "Calls":
        """Calls that must not be skipped."""
        return Calls(self._pace, self._last, self._last)

    def make(self, call: Callable[..., Any], **parameters: object) -> Any:
        """Make a call.

        Raises:
            AwsError: AWS refused it, or did not respond to the last attempt.
            OutOfTimeError: there is no time for another attempt.

        """
        for attempt in range(ATTEMPTS - 1):
            try:
                return self.once(call, **parameters)
            except AwsError as error:
                if not error.transient:
                    raise
            longest = min(MAX_PAUSE, FIRST_PAUSE * 2**attempt)
            wait(self._pace.clock, random.uniform(0, longest), self._ends)  # noqa: S311 - spreads calls, hides nothing
        return self.once(call, **parameters)

    def once(self, call: Callable[..., Any], **parameters: object) -> Any:
        """Make one attempt; raises as `make` does."""
        self._pace.take(_operation(call), self._ends)
        try:
            return call(**parameters)
        except _failures() as error:
            raise AwsError(_operation(call), _code(error), _status(error)) from None

    def pages(
        self, call: Callable[..., Any], named: str = "nextToken", start: str = "", **parameters: object
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each page from a token on, with its token; `named` is that parameter and field. Raises as `make` does.

        A repeated token is an `AwsError`: the pages would never end.
        """
        token, seen = start, {""}
        while True:
            page = self.make(call, **parameters, **({named: token} if token else {}))
            yield token, page
            seen.add(token)
            if not (token := page.get(named, "")):
                return
            if token in seen:
                raise AwsError(_operation(call), "a page comes again")


def _failures() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError, OSError)  # OSError: a credentials file that cannot be read


def _code(error: Exception) -> str:
    """Return AWS's error code: its messages may repeat what was sent."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return str(code or type(error).__name__)


def _status(error: Exception) -> int:
    """Return the HTTP status of AWS's response, 0 if there was none."""
    response = getattr(error, "response", None)
    about = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    return int(about.get("HTTPStatusCode", 0))


def _operation(call: Callable[..., Any]) -> str:
    """Return `PutSubscriptionFilter` for a client's `put_subscription_filter`."""
    return "".join(word.capitalize() for word in call.__name__.split("_"))
