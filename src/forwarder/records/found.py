"""What the sources find."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import regex
from msgspec import Struct

from forwarder.records.signal import Signal

# 123456789012_CloudTrail_eu-west-1_20261122T1625Z_Ab12Cd34Ef56Gh78.json.gz, and digests, which name their trail
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
_CLOUDTRAIL_FILE = regex.compile(
    r"\d{12}_CloudTrail(?:-Digest|-Insight)?_[a-z]{2}[a-z0-9-]*_(?:[^/]*_)?\d{8}T\d{4}(?:\d\d)?Z[^/]*\.json\.gz",
    regex.IGNORECASE,
)

# Of a line or a record of an object; the rest is discarded, and the log is tagged as truncated. The intake's limit for
# a log is lower, so most are cut again where logs are packed.
MAX_LINE_BYTES = 1_000_000
# Of the name of a log group or log stream, and of an id: AWS has none that are longer. A log needs room for them
# besides its message.
MAX_NAME_CHARACTERS = 512


class Line(Struct, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """One log event, which is also the shape of an encoded log. One with more members is not decoded as a `Line`.

    `timestamp` is in milliseconds since the epoch. A source without ids or times leaves them out.
    """

    message: str
    id: str = ""
    timestamp: int | None = None

    @property
    def pointer(self) -> str:
        """Where it is in its stream, for the log: its id and time, nothing of its message."""
        return f"event {self.id[:MAX_NAME_CHARACTERS] or 'without id'} at {self.timestamp}"

    def __repr__(self) -> str:
        return f"Line({len(self.message)} characters, id={self.id!r}, timestamp={self.timestamp})"


@dataclass(frozen=True, slots=True)
class LogStream:
    """Where lines of CloudWatch Logs come from."""

    log_group: str
    log_stream: str
    owner: str

    def __str__(self) -> str:
        return f"{self.log_group} {self.log_stream}".strip() or "a log stream without a name"


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object of lines; `version` is empty if the bucket has no versions, or for the newest."""

    bucket: str
    key: str
    version: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}" + (f" (version {self.version})" if self.version else "")


@dataclass(frozen=True, slots=True)
class Sender:
    """A queue, topic, stream or bus whose messages are lines themselves.

    `source` is the source of the lines (`sqs`, `sns`, `kinesis`, or what an EventBridge event names); `arn` is empty
    if the event has none.
    """

    source: str
    arn: str = ""

    def __str__(self) -> str:
        return self.arn or self.source


Place = LogStream | S3Object | Sender


def is_cloudtrail_file(key: str) -> bool:
    """Return whether an object has the name of a CloudTrail file, in any folder."""
    return _CLOUDTRAIL_FILE.fullmatch(key.rpartition("/")[2]) is not None


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that can never be delivered: why, a pointer to it, how many, and of which signal if known.

    `raw` is what could not be read, unmasked: it may only be stored if no masking rule is configured.
    """

    reason: str
    pointer: str
    count: int = 1
    signal: Signal = Signal.LOGS
    raw: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Continuation:
    """The position from which an object is still to be read.

    `position` is that of the first unread line, or document of CloudWatch Logs: how many bytes come before it once all
    compression is undone, or, in a document of JSON records, how many records. `etag` is that of the object as it was
    read, since one that has changed has to be read anew. `attempts` counts the replays that got no further.
    """

    object: S3Object
    etag: str = ""
    position: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one place that came in one trigger record, and those that could not be read.

    `record` is the trigger record's number in the event, counted from 0. `filtered` counts lines that are not meant to
    be forwarded (control messages, headers of tables, empty lines). `rest` is where to continue if the group is not
    processed; without it, all of the trigger record has to come again. `cut` holds the `id()` of each line of which the
    source has only kept the beginning. `extracted` are the fields that a subscription with field extraction adds to log
    events: a JSON object by the `id()` of its line. Nearly always there are none.
    """

    place: Place
    lines: list[Line]
    record: int = 0
    rejected: tuple[Rejection, ...] = ()
    filtered: int = 0
    rest: Continuation | None = None
    cut: frozenset[int] = frozenset()
    extracted: Mapping[int, str] = field(default_factory=dict, repr=False)

    def as_unread(self, reason: str) -> "Unread":
        """Return the group as unread, if it is not processed."""
        return Unread(self.record, reason, str(self.rest.object if self.rest else self.place), self.rest)


@dataclass(frozen=True, slots=True)
class Unread:
    """A trigger record, or the `rest` of an object, that could not be read now but may be later."""

    record: int
    reason: str
    pointer: str
    rest: Continuation | None = None


Found = Group | Unread | Rejection
