"""Everything that this package raises on purpose.

    ForwarderError
    ├── ConfigurationError        a setting is wrong; the sentence names the variable and what was expected
    │   └── ApiKeyError           the API key could not be obtained, or is invalid
    ├── UnsupportedEventError     the forwarder does not support events of this shape
    ├── CorruptRecordError        one trigger record can never be read
    ├── MaskingError              a masking rule could not be applied, so the text must not be sent
    ├── StoreError                the store of failed events could not be read or written
    ├── ReadError                 an object could not be read now, but may be later
    ├── GoneError                 an object is not there (any more)
    ├── ChangedError              an object is no longer the one whose reading was begun
    ├── GivenUpError              the intake is left alone, so reading on would only fill the store
    ├── OutOfTimeError            the invocation's deadline passed while lines were still being read
    └── DeliveryError             something could be neither delivered nor stored; AWS has to send it again

No message contains an API key or any part of a user's line.
"""

import msgspec

# What msgspec raises when it decodes JSON from outside: malformed, mistyped, not valid Unicode, or nested absurdly
# deep.
UNREADABLE_JSON = (msgspec.MsgspecError, UnicodeError, RecursionError)


class ForwarderError(Exception):
    """Base of all errors of the forwarder."""


class ConfigurationError(ForwarderError):
    """A setting is wrong. One sentence: the variable, its value (never a secret), what was expected."""


class ApiKeyError(ConfigurationError):
    """The API key could not be obtained. Names where it was looked for, never the key."""


class UnsupportedEventError(ForwarderError):
    """The event has no known shape. Names its top-level keys."""


class CorruptRecordError(ForwarderError):
    """A trigger record can never be read: it is set aside, since sending it again would not help."""


class MaskingError(ForwarderError):
    """A masking rule could not be applied to a string within its time limit."""


class StoreError(ForwarderError):
    """The store of failed events did not do what it was asked to."""


class ReadError(ForwarderError):
    """An object could not be read now, but may be later. Says why, by AWS's code where there is one."""


class GoneError(ForwarderError):
    """An object does not exist, and trying again would not help. Contains AWS's code."""


class ChangedError(ForwarderError):
    """An object has been replaced since its reading was begun."""


class OutOfTimeError(ForwarderError):
    """The deadline passed before everything was read."""


class GivenUpError(ForwarderError):
    """The intake is left alone for the rest of the invocation."""


class DeliveryError(ForwarderError):
    """Items were neither delivered nor stored. Raised at the end, so that Lambda sends the event again."""
