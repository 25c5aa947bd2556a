"""Everything that this package raises on purpose.

SubscriberError
├── ConfigurationError        a setting or an option is wrong; the sentence names it and what was expected
├── OutputError               the command's result cannot be written
├── SlowPatternError          a pattern takes too long on a name; names the pattern
├── UnsupportedEventError     the event has no supported shape
├── AwsError                  a call was refused, or its last attempt failed; names the call and AWS's code
│   └── NotPutBackError       a filter made room for ours, and neither could be put
├── OutOfTimeError            the deadline does not leave time for another call
└── IncompleteError           some groups are not as they should be; raised at the end, so that the invocation fails
"""

# botocore's own, without a response from AWS
UNREACHABLE = frozenset({
    "ConnectTimeoutError", "ConnectionClosedError", "EndpointConnectionError", "HTTPClientError",
    "ProxyConnectionError", "ReadTimeoutError", "SSLError",
})  # fmt: skip
TRANSIENT = UNREACHABLE | {
    "InternalFailure", "InternalServerError", "InternalServerException", "InternalServiceException",
    "OperationAbortedException", "RequestLimitExceeded", "RequestThrottledException", "RequestTimeout",
    "RequestTimeoutException", "ServiceException", "ServiceUnavailable", "ServiceUnavailableException", "Throttled",
    "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
}  # fmt: skip
# The code of a response that has none botocore knows, such as an HTML page, is its status.
TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})


class SubscriberError(Exception):
    """Base of all errors of the subscriber."""


class ConfigurationError(SubscriberError):
    """A setting or an option is wrong. One sentence: its name, its value, what was expected."""


class OutputError(SubscriberError):
    """The result of the command cannot be written."""


class SlowPatternError(SubscriberError):
    """A pattern takes too long on the name of a log group, so it is not known whether that group is wanted."""


class UnsupportedEventError(SubscriberError):
    """The event has no supported shape. Names its top-level keys."""


class AwsError(SubscriberError):
    """AWS refused a call, or did not respond to the last attempt."""

    def __init__(self, operation: str, code: str, status: int = 0) -> None:
        super().__init__(f"{operation} failed: {code}")
        self.code = code
        self.status = status

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed later."""
        return self.code in TRANSIENT or self.status in TRANSIENT_STATUSES

    @property
    def refused(self) -> bool:
        """Whether AWS has refused the call, so that nothing was changed."""
        return 400 <= self.status < 500 and not self.transient  # noqa: PLR2004 - a client error


class NotPutBackError(AwsError):
    """A filter made room for ours, and neither could be put; there is room for ours now."""

    @property
    def transient(self) -> bool:
        """Whether another attempt may succeed: one should at least be made."""
        return True


class OutOfTimeError(SubscriberError):
    """There is no time left for another call."""


class IncompleteError(SubscriberError):
    """Some groups are not as they should be."""
