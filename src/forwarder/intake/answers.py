"""What an intake's response means. The one table of statuses.

https://docs.datadoghq.com/api/latest/logs/#send-logs documents 202, 400, 401, 403, 408, 413, 429, 500 and 503.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import uniform

from forwarder.records import Fate

FATES: Mapping[int, Fate] = {
    400: Fate.REJECT,
    401: Fate.KEEP,
    403: Fate.KEEP,
    408: Fate.RETRY,
    413: Fate.SPLIT,
    429: Fate.RETRY,
}
# Of the rest: 2xx is delivered, 5xx is tried again. Other 3xx and 4xx come from something that is not the intake (a
# wrong DD_URL, a proxy), which can be fixed: kept.

ATTEMPTS = 6
BACKOFF, MAX_BACKOFF = 0.25, 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request. `status` is 0 if nothing did; `reason` then says why."""

    status: int
    reason: str
    retry_after: float | None = None
    html: bool = False
    timeout: bool = False
    text: str = field(default="", repr=False)

    @property
    def broken(self) -> bool:
        """Whether the intake did not respond, or responded with a server error."""
        return self.status == 0 or self.status in range(500, 600)

    @property
    def refuses_key(self) -> bool:
        """Whether the intake refuses the API key."""
        return self.status in {401, 403}

    @property
    def fate(self) -> Fate:
        """What this response means for the batch."""
        if self.html and self.status in range(200, 300):
            return Fate.KEEP  # a captive portal or a proxy's page
        if self.status in FATES:
            return FATES[self.status]
        if self.status in range(200, 300):
            return Fate.DELIVERED
        return Fate.RETRY if self.status == 0 or self.status in range(500, 600) else Fate.KEEP


def retry_after(value: str | None) -> float | None:
    """Read `Retry-After`: seconds, or an HTTP date. None if it is missing or invalid."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # OverflowError: years and zones of many digits
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def pause_before(attempt: int, answer: Answer) -> float:
    """Return the seconds to wait before an attempt (2 is the second): what the intake asks for, else full jitter."""
    if answer.retry_after is not None:
        return answer.retry_after
    return uniform(0, min(MAX_BACKOFF, BACKOFF * 2 ** (attempt - 1)))  # noqa: S311 - not for secrets


def reason_of(error: Exception) -> str:
    """Return the class of the innermost error: messages of errors may repeat what was sent."""
    return type(innermost(error)).__name__


def innermost(error: BaseException) -> BaseException:
    """Return the error at the end of the chain of causes."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
