"""Builds input for the stages: events, settings, origins. The one place for shared test data."""

import base64
import gzip
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote_plus

from forwarder.deadline import Deadline
from forwarder.origin import NO_TAGS, Identity, settle
from forwarder.records import Line, LogStream, Origin
from forwarder.settings import Settings

OWNER = "123456789012"
REGION = "eu-west-1"
LOG_GROUP = "/aws/lambda/Orders-API"
LOG_STREAM = "2026/11/22/[$LATEST]13e304cba4b9446eb7ef082a00038990"
FIRST_TIMESTAMP = 1_795_343_071_000  # 2026-11-22T10:24:31Z
STREAM_ARN = f"arn:aws:kinesis:{REGION}:{OWNER}:stream/logs"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{OWNER}:logs"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{OWNER}:logs"
OBJECTS_BUCKET = "orders-access-logs"
ENVIRON: Mapping[str, str] = {"DD_API_KEY": "0123456789abcdef0123456789abcdef", "AWS_REGION": REGION}
IDENTITY = Identity(
    arn=f"arn:aws:lambda:{REGION}:{OWNER}:function:Datadog-Forwarder",
    name="Datadog-Forwarder",
    version="$LATEST",
    region=REGION,
    memory_mb=1024,
)


def settings(**variables: str) -> Settings:
    """Return the settings of an environment with a key and these variables."""
    return Settings.from_environ({**ENVIRON, **variables})


def identity(**changes: object) -> Identity:
    """Return who the forwarder is, with some fields changed."""
    return replace(IDENTITY, **changes)  # type: ignore[arg-type]  # the fields' types differ


def log_events(messages: Iterable[str]) -> list[dict[str, object]]:
    """Return log events with ids `0`, `1`, … and timestamps a millisecond apart."""
    return [
        {"id": str(number), "timestamp": FIRST_TIMESTAMP + number, "message": message}
        for number, message in enumerate(messages)
    ]


def document(
    lines: Iterable[str] = (), log_group: str = LOG_GROUP, log_stream: str = LOG_STREAM, **fields: object
) -> dict[str, object]:
    """Return a CloudWatch Logs document; `fields` replace or join its own."""
    return {
        "messageType": "DATA_MESSAGE",
        "owner": OWNER,
        "logGroup": log_group,
        "logStream": log_stream,
        "subscriptionFilters": ["forwarder"],
        "logEvents": log_events(lines),
        **fields,
    }


def wrap(packed: bytes) -> dict[str, object]:
    """Return the event that holds these bytes, which a real one has gzipped."""
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def awslogs_event(
    lines: Iterable[str] = (), log_group: str = LOG_GROUP, log_stream: str = LOG_STREAM, **fields: object
) -> dict[str, object]:
    """Return a CloudWatch Logs event, as Lambda hands it over, with one log event a line."""
    return raw_event(json.dumps(document(lines, log_group, log_stream, **fields)).encode())


def raw_event(body: bytes) -> dict[str, object]:
    """Return the event whose document is these bytes, whatever they are."""
    return wrap(gzip.compress(body, compresslevel=1, mtime=0))


# --- events of the other triggers ----------------------------------------------------------------


def packed(content: Mapping[str, object]) -> bytes:
    """Return a document as CloudWatch Logs puts it into Kinesis: gzipped JSON."""
    return gzip.compress(json.dumps(content).encode(), compresslevel=1, mtime=0)


def kinesis_event(*payloads: bytes) -> dict[str, object]:
    """Return a Kinesis event with one record a payload, numbered `0`, `1`, …."""
    return {"Records": [_kinesis_record(number, payload) for number, payload in enumerate(payloads)]}


def _kinesis_record(number: int, payload: bytes) -> dict[str, object]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "orders",
            "sequenceNumber": str(number),
            "data": base64.b64encode(payload).decode(),
            "approximateArrivalTimestamp": FIRST_TIMESTAMP / 1000,
        },
        "eventSource": "aws:kinesis",
        "eventID": f"shardId-000000000000:{number}",
        "eventSourceARN": STREAM_ARN,
        "awsRegion": REGION,
    }


def sqs_event(*bodies: str) -> dict[str, object]:
    """Return an SQS event with one message a body, whose ids are `message-0`, `message-1`, …."""
    return {"Records": [_sqs_record(number, body) for number, body in enumerate(bodies)]}


def _sqs_record(number: int, body: str) -> dict[str, object]:
    return {
        "messageId": f"message-{number}",
        "receiptHandle": f"receipt-{number}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(FIRST_TIMESTAMP + number)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
        "awsRegion": REGION,
    }


def sns_message(message: str, number: int = 0) -> dict[str, object]:
    """Return an SNS message, as it is in an SNS event and, without raw delivery, in the body of an SQS message."""
    return {
        "Type": "Notification",
        "MessageId": f"notification-{number}",
        "TopicArn": TOPIC_ARN,
        "Subject": None,
        "Message": message,
        "Timestamp": "2026-11-22T10:24:31.000Z",
    }


def sns_event(*messages: str) -> dict[str, object]:
    """Return an SNS event with one record a message, whose ids are `notification-0`, `notification-1`, …."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{TOPIC_ARN}:5be0ab23",
                "Sns": sns_message(message, number),
            }
            for number, message in enumerate(messages)
        ]
    }


def s3_event(
    *keys: str, bucket: str = OBJECTS_BUCKET, version: str = "", name: str = "ObjectCreated:Put"
) -> dict[str, object]:
    """Return an S3 notification with one record a key, URL-encoded as S3 does."""
    return {"Records": [_s3_record(bucket, key, version, name) for key in keys]}


def _s3_record(bucket: str, key: str, version: str, name: str) -> dict[str, object]:
    named = {"key": quote_plus(key, safe="/"), "size": 1} | ({"versionId": version} if version else {})
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": "2026-11-22T10:24:31.000Z",
        "eventName": name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": named,
        },
    }


def eventbridge_event(
    source: str = "aws.ec2", kind: str = "EC2 Instance State-change Notification", **detail: object
) -> dict[str, object]:
    """Return an EventBridge event; `kind` is its `detail-type`."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": source,
        "account": OWNER,
        "time": "2026-11-22T10:24:31Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def object_created_event(key: str, bucket: str = OBJECTS_BUCKET, version: str = "") -> dict[str, object]:
    """Return the EventBridge event of a new object, with its key as it is."""
    named = {"key": key, "size": 1} | ({"version-id": version} if version else {})
    return eventbridge_event("aws.s3", "Object Created", version="0", bucket={"name": bucket}, object=named)


# --- traces --------------------------------------------------------------------------------------

SPAN_START = 1_795_343_071_000_000_000  # nanoseconds


def trace_span(span_id: object = "b2", trace_id: object = "a1", **members: object) -> dict[str, object]:
    """Return a span as a library prints it; `members` replace or join its own."""
    return {
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_id": "0",
        "service": "shop",
        "name": "work",
        "resource": "work",
        "start": SPAN_START,
        "duration": 1_000,
        "error": 0,
        "meta": {},
        "metrics": {},
        **members,
    }


def trace_line(*spans: object) -> str:
    """Return the line that a library prints of one trace."""
    return json.dumps({"traces": [list(spans)]}) + "\n"


# --- stages --------------------------------------------------------------------------------------


def lines(*messages: str) -> list[Line]:
    """Return lines with ids `0`, `1`, … and timestamps a millisecond apart."""
    return [Line(message, str(number), FIRST_TIMESTAMP + number) for number, message in enumerate(messages)]


def origin(log_group: str = LOG_GROUP, log_stream: str = LOG_STREAM, owner: str = OWNER, **variables: str) -> Origin:
    """Return the settled origin of a log stream, under settings with these variables."""
    return settle(LogStream(log_group, log_stream, owner), IDENTITY, settings(**variables), str, NO_TAGS)


def far_deadline() -> Deadline:
    """Return a deadline that no test reaches."""
    return Deadline.after(3600)


@dataclass
class Context:
    """What Lambda tells the handler of an invocation, which ends at a moment on the monotonic clock."""

    ends: float
    aws_request_id: str = "6ab1f0c9-58a7-4c61-9d0b-2f0c3f1f7d10"
    invoked_function_arn: str = IDENTITY.arn
    function_name: str = IDENTITY.name
    function_version: str = IDENTITY.version
    memory_limit_in_mb: str = str(IDENTITY.memory_mb)

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left, below zero when Lambda is late to stop."""
        return int((self.ends - time.monotonic()) * 1000)


def context(seconds: float = 30) -> Context:
    """Return the context of an invocation with this many seconds left."""
    return Context(time.monotonic() + seconds)
