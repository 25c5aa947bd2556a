"""Every call to AWS that our functions make, or AWS makes on their behalf, and the rights that it takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.deploy.cloudformation import STACK_ID, TEMPLATE, Stack
from tests.deploy.policies import Request, is_like
from tests.deploy.recording import Call

# In the resource of a right, the word `any` stands for anything, and every other word for itself.
ANY = "any"
PLACE = "us-east-1:123456789012"
SECRET = f"arn:aws:secretsmanager:{PLACE}:secret:datadog-a1B2c3"
KEY = f"arn:aws:kms:{PLACE}:key/0b2c7f30-0000-4000-8000-000000000001"
PARAMETER = f"arn:aws:ssm:{PLACE}:parameter/datadog/key"
QUEUES = [f"arn:aws:sqs:{PLACE}:orders-{number}" for number in range(1, 6)]
STREAMS = [f"arn:aws:kinesis:{PLACE}:stream/orders-{number}" for number in range(1, 6)]
FAILED_QUEUE = f"arn:aws:sqs:{PLACE}:failed"
SUBSCRIBER = f"arn:aws:lambda:{PLACE}:function:logs-Subscriber"
TARGET = f"arn:aws:lambda:{PLACE}:function:copy"
LOG_GROUP = f"arn:aws:logs:{PLACE}:log-group:any"
STORE, ORDERS, RETURNS = "arn:aws:s3:::failed", "arn:aws:s3:::orders", "arn:aws:s3:::returns"
OF_NETWORK = f"arn:aws:ec2:{PLACE}:any/any"
SHARED = [f"arn:aws:ec2:us-east-1:any:{kind}/any" for kind in ("subnet", "security-group")]
OWN_BUCKET = {"s3:ResourceAccount": "123456789012"}

# Stacks that together use every right, and lack every optional right, each with only what is named.
_NOTHING = {"FunctionName": "forwarder", "DdStoreFailedEvents": "false", "DdFetchLambdaTags": "false"}
_BUCKET, _EXISTING = {"DdForwarderBucketName": "failed"}, {"DdForwarderExistingBucketName": "failed"}
_QUEUE = {"DdSqsQueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/failed"}
_WITHOUT_KEY: Mapping[str, Mapping[str, str]] = {
    "given secret": {"DdApiKeySecretArn": SECRET},
    "parameter": {"DdApiKeySsmParameterName": "/datadog/key"},
    "parameter by name": {"DdApiKeySsmParameterName": "datadog/key"},
    "parameter by ARN": {"DdApiKeySsmParameterName": PARAMETER},
    "ciphertext": {"DdKmsApiKey": "Zm9v", "KmsKeyList": KEY},
}
_WITH_KEY: Mapping[str, Mapping[str, str]] = {
    "nothing": {},
    "default": {"DdStoreFailedEvents": "true", "DdFetchLambdaTags": "true", **_BUCKET},
    "store": {"DdStoreFailedEvents": "true", **_BUCKET},
    "existing store": {"DdStoreFailedEvents": "true", "KmsKeyList": KEY, **_EXISTING},
    "queue for store": {"DdStoreFailedEvents": "true", "KmsKeyList": KEY, **_QUEUE, **_BUCKET},
    "queue and existing bucket": {"DdStoreFailedEvents": "true", "KmsKeyList": KEY, **_QUEUE, **_EXISTING},
    "unused queue": {"KmsKeyList": KEY, **_QUEUE, **_BUCKET},
    "unused existing bucket": {"KmsKeyList": KEY, **_EXISTING},
    "tags in existing bucket": {"DdFetchLambdaTags": "true", "KmsKeyList": KEY, **_EXISTING},
    "tags of functions": {"DdFetchLambdaTags": "true", **_BUCKET},
    "tags of buckets": {"DdFetchS3Tags": "true", **_BUCKET},
    "tags of log groups": {"DdFetchLogGroupTags": "true", **_BUCKET},
    "buckets": {"S3BucketArnList": f"{ORDERS},{RETURNS}/2026/*"},
    "encrypted buckets": {"S3BucketArnList": f"{ORDERS},{RETURNS}/2026/*", "KmsKeyList": KEY},
    "queues": {"SqsQueueArnList": ",".join(QUEUES)},
    "first queue": {"SqsQueueArnList": QUEUES[0]},
    "fifth queue": {"SqsQueueArnList": f",,,,{QUEUES[4]}"},
    "streams": {"KinesisStreamArnList": ",".join(STREAMS)},
    "first stream": {"KinesisStreamArnList": STREAMS[0]},
    "fifth stream": {"KinesisStreamArnList": f",,,,{STREAMS[4]}"},
    "targets": {"AdditionalTargetLambdaArns": TARGET},
    "vpc": {"DdUseVPC": "true", "VPCSubnetIds": "subnet-1", "VPCSecurityGroupIds": "sg-1"},
    "subscriber": {"SubscribeLogGroups": "true", "SubscribeInclude": "/aws/lambda/"},
    "subscriber by tags": {"SubscribeLogGroups": "true", "SubscribeTags": "team=shop"},
    "subscriber and targets": {
        "SubscribeLogGroups": "true",
        "SubscribeInclude": "/aws/lambda/",
        "AdditionalTargetLambdaArns": TARGET,
    },
}
STACKS = {
    **{name: Stack(TEMPLATE, **{**_NOTHING, **given}) for name, given in _WITHOUT_KEY.items()},
    **{name: Stack(TEMPLATE, **{**_NOTHING, "DdApiKey": "key", **given}) for name, given in _WITH_KEY.items()},
}

OWN_SECRET = frozenset(_WITH_KEY)
PARAMETERS = frozenset({"parameter", "parameter by name", "parameter by ARN"})
IN_BUCKET = frozenset({"default", "store", "existing store"})
IN_QUEUE = frozenset({"queue for store", "queue and existing bucket"})
STORING = IN_BUCKET | IN_QUEUE
WHOLE_BUCKET = STORING - {"existing store", "queue and existing bucket"}
TAGS_OF_RESOURCES = frozenset({"default", "tags of functions", "tags of buckets", "tags in existing bucket"})
SHARING_TAGS = TAGS_OF_RESOURCES | {"tags of log groups"}
READING = frozenset({"buckets", "encrypted buckets"})
FOREIGN_STORE = IN_QUEUE | {"existing store", "tags in existing bucket"}
WITH_KEYS = FOREIGN_STORE | {"ciphertext", "encrypted buckets", "unused queue", "unused existing bucket"}
SUBSCRIBING = frozenset({"subscriber", "subscriber by tags", "subscriber and targets"})
BY_TAGS = frozenset({"subscriber by tags"})
PROTECTING = "subscriber and targets"


@dataclass(frozen=True)
class Right:
    """What a role may do in these stacks and in no others."""

    action: str
    resource: str
    stacks: frozenset[str]
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def request(self) -> Request:
        return Request(self.action, self.resource, self.context)

    def covers(self, request: Request) -> bool:
        """Return whether it covers a request."""
        return (
            self.action == request.action
            and is_like(self.resource.replace(ANY, "*"), request.resource)
            and self.context.keys() == request.context.keys()
            and all(is_like(self.context[key].replace(ANY, "*"), value) for key, value in request.context.items())
        )


def _folder(name: str) -> str:
    return f"{STORE}/{name}forwarder/any"


def _listing(name: str) -> dict[str, str]:
    return {"s3:prefix": f"{name}forwarder/any"}


def _place(number: int, kind: str) -> frozenset[str]:
    """Return the stacks that have something at this position of a list of queues or streams."""
    alone = {0: {f"first {kind}"}, 4: {f"fifth {kind}"}}
    return frozenset({f"{kind}s"} | alone.get(number, set()))


def _putting(folder: str, stacks: frozenset[str]) -> Right:
    """Return a right to write, which is there too where Lambda wants one for the whole bucket."""
    return Right("s3:PutObject", _folder(folder), stacks | WHOLE_BUCKET, OWN_BUCKET)


def _in_bucket(action: str, folder: str) -> Right:
    return _putting(folder, IN_BUCKET) if action == "PutObject" else Right(f"s3:{action}", _folder(folder), IN_BUCKET)


_FAILED, _GIVEN_UP, _TAGS = "failed_events/", "aws/lambda/async/", "tag_cache/"

# By the calls that `recording.py` sees while the tests run.
CALLS: Mapping[Call, tuple[Right, ...]] = {
    ("forwarder", "secretsmanager:GetSecretValue", ""): (
        Right("secretsmanager:GetSecretValue", SECRET.replace("datadog", "logs-ApiKeySecret"), OWN_SECRET),
        Right("secretsmanager:GetSecretValue", SECRET, frozenset({"given secret"})),
        Right("secretsmanager:GetSecretValue", f"{SECRET}-d4E5f6", frozenset({"given secret"})),
    ),
    ("forwarder", "ssm:GetParameter", ""): (Right("ssm:GetParameter", PARAMETER, PARAMETERS),),
    ("forwarder", "kms:Decrypt", ""): (Right("kms:Decrypt", KEY, WITH_KEYS),),
    **{
        ("forwarder", f"s3:{call}", folder): tuple(_in_bucket(action, folder) for action in actions)
        for folder, call, actions in (
            (_FAILED, "GetObject", ["GetObject"]),
            (_FAILED, "PutObject", ["PutObject"]),
            (_FAILED, "DeleteObject", ["DeleteObject"]),
            (_FAILED, "DeleteObjects", ["DeleteObject"]),
            (_FAILED, "CopyObject", ["GetObject", "PutObject"]),
            (_GIVEN_UP, "GetObject", ["GetObject"]),
            (_GIVEN_UP, "DeleteObject", ["DeleteObject"]),
            (_GIVEN_UP, "DeleteObjects", ["DeleteObject"]),
            (_GIVEN_UP, "CopyObject", ["GetObject"]),  # from there
        )
    },
    ("forwarder", "s3:ListObjectsV2", _FAILED): (
        Right("s3:ListBucket", STORE, STORING | SHARING_TAGS, _listing(_FAILED)),
    ),
    ("forwarder", "s3:ListObjectsV2", _GIVEN_UP): (
        Right("s3:ListBucket", STORE, STORING | SHARING_TAGS, _listing(_GIVEN_UP)),
    ),
    ("forwarder", "s3:GetObject", _TAGS): (Right("s3:GetObject", _folder(_TAGS), SHARING_TAGS),),
    ("forwarder", "s3:PutObject", _TAGS): (_putting(_TAGS, SHARING_TAGS),),
    ("forwarder", "s3:GetObject", "object"): (
        Right("s3:GetObject", f"{ORDERS}/any", READING),
        Right("s3:GetObject", f"{RETURNS}/2026/any", READING),
    ),
    ("forwarder", "s3:GetObject", "object version"): (
        Right("s3:GetObjectVersion", f"{ORDERS}/any", READING),
        Right("s3:GetObjectVersion", f"{RETURNS}/2026/any", READING),
    ),
    **{
        ("forwarder", f"sqs:{call}", ""): (Right(f"sqs:{call.removesuffix('Batch')}", FAILED_QUEUE, IN_QUEUE),)
        for call in (
            "SendMessage",
            "ReceiveMessage",
            "DeleteMessageBatch",
            "ChangeMessageVisibilityBatch",
            "GetQueueAttributes",
        )
    },
    ("forwarder", "tagging:GetResources", ""): (Right("tag:GetResources", "*", TAGS_OF_RESOURCES),),
    ("forwarder", "logs:ListTagsForResource", ""): (
        Right("logs:ListTagsForResource", LOG_GROUP, frozenset({"tags of log groups"})),
    ),
    ("forwarder", "lambda:Invoke", ""): (Right("lambda:InvokeFunction", TARGET, frozenset({"targets", PROTECTING})),),
    **{
        ("subscriber", f"logs:{call}", ""): (Right(f"logs:{call}", LOG_GROUP, SUBSCRIBING),)
        for call in (
            "DescribeLogGroups",
            "DescribeSubscriptionFilters",
            "PutSubscriptionFilter",
            "DeleteSubscriptionFilter",
        )
    },
    ("subscriber", "logs:ListTagsForResource", ""): (Right("logs:ListTagsForResource", LOG_GROUP, BY_TAGS),),
    ("subscriber", "tagging:GetResources", ""): (Right("tag:GetResources", "*", BY_TAGS),),
    ("subscriber", "lambda:GetFunctionConfiguration", ""): (
        Right("lambda:GetFunctionConfiguration", TARGET, frozenset({PROTECTING})),
    ),
    ("subscriber", "lambda:Invoke", ""): (Right("lambda:InvokeFunction", SUBSCRIBER, SUBSCRIBING),),
    ("subscriber", "cloudformation:DescribeStacks", ""): (
        Right("cloudformation:DescribeStacks", STACK_ID, SUBSCRIBING),
    ),
}

_EVERYWHERE = frozenset(STACKS)

# What AWS does with the role, and why it has to.
BY_AWS: Mapping[tuple[str, str], tuple[Right, ...]] = {
    ("forwarder", "Lambda writes what the function prints"): tuple(
        Right(action, f"arn:aws:logs:{PLACE}:log-group:logs-ForwarderLogGroup:any", _EVERYWHERE)
        for action in ("logs:CreateLogStream", "logs:PutLogEvents")
    ),
    ("subscriber", "Lambda writes what the function prints"): tuple(
        Right(action, f"arn:aws:logs:{PLACE}:log-group:logs-SubscriberLogGroup:any", SUBSCRIBING)
        for action in ("logs:CreateLogStream", "logs:PutLogEvents")
    ),
    ("forwarder", "Lambda puts events on which it gives up into the bucket"): (_putting(_GIVEN_UP, STORING),),
    # Its guide lets the role write anywhere in a bucket, and Lambda may check for just that. In a bucket that is not
    # the stack's own that would be too much.
    ("forwarder", "Lambda looks at the role of a destination: lambda/latest/dg/invocation-async-retain-records.html"): (
        Right("s3:PutObject", f"{STORE}/any", WHOLE_BUCKET, OWN_BUCKET),
        Right("s3:ListBucket", STORE, STORING | SHARING_TAGS),
    ),
    # It asks without a prefix, so that one who lists may leave it out, too. Otherwise each object that is not there
    # would be forbidden, such as the tags of a new stack.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    ("forwarder", "S3 says that an object is gone only to those who may list the bucket"): (
        Right("s3:ListBucket", STORE, STORING | SHARING_TAGS),
        Right("s3:ListBucket", ORDERS, READING),
    ),
    ("forwarder", "S3 and SQS encrypt with a key of its owner what is written"): (
        Right("kms:GenerateDataKey", KEY, FOREIGN_STORE),
    ),
    ("forwarder", "Lambda polls queues: lambda/latest/dg/services-sqs-configure.html"): tuple(
        Right(f"sqs:{action}", queue, _place(number, "queue"))
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        for number, queue in enumerate(QUEUES)
    ),
    ("forwarder", "Lambda polls streams: lambda/latest/dg/services-kinesis-create.html"): tuple(
        Right(f"kinesis:{action}", stream, _place(number, "stream"))
        for action in ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")
        for number, stream in enumerate(STREAMS)
    ),
    ("forwarder", "Lambda connects the function: lambda/latest/dg/configuration-vpc.html"): tuple(
        Right(f"ec2:{action}", resource, frozenset({"vpc"}))
        for action, resource in (
            ("AssignPrivateIpAddresses", OF_NETWORK),
            ("CreateNetworkInterface", OF_NETWORK),
            ("DeleteNetworkInterface", OF_NETWORK),
            ("DescribeNetworkInterfaces", "*"),
            ("DescribeSubnets", "*"),
            ("UnassignPrivateIpAddresses", OF_NETWORK),
        )
    ),
    ("forwarder", "Lambda connects it to what another account shares: vpc/latest/userguide/vpc-sharing.html"): tuple(
        Right("ec2:CreateNetworkInterface", shared, frozenset({"vpc"})) for shared in SHARED
    ),
}

ROLES = {"forwarder": "ForwarderRole", "subscriber": "SubscriberRole"}


def rights() -> Iterator[tuple[str, Right]]:
    """Yield all rights with the function whose role needs them."""
    for (function, *_), needed in [*CALLS.items(), *BY_AWS.items()]:
        yield from ((function, right) for right in needed)


def needed(function: str, stack: str) -> list[Right]:
    """Return the rights that a function's role must have in a stack."""
    return [right for each, right in rights() if each == function and stack in right.stacks]
