"""Tags of functions, buckets and log groups: fetched when a setting enables it, and never a reason to fail."""

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

import boto3
import pytest

from forwarder.deadline import Deadline
from forwarder.origin import settle
from forwarder.records import LogStream, Origin, Place, S3Object
from forwarder.tags import FetchedTags
from tests.aws.support import BUCKET, Bucket, Cloud
from tests.aws.tagging import Tagging, running
from tests.builders import IDENTITY, LOG_GROUP, LOG_STREAM, OWNER, REGION, far_deadline, settings

ALL = {"DD_FETCH_LAMBDA_TAGS": "true", "DD_FETCH_LOG_GROUP_TAGS": "true", "DD_FETCH_S3_TAGS": "true"}
SHARED = {**ALL, "DD_S3_BUCKET_NAME": BUCKET}
FUNCTION = f"arn:aws:lambda:{REGION}:{OWNER}:function:Orders-API"
GROUP = f"arn:aws:logs:{REGION}:{OWNER}:log-group:{LOG_GROUP}"
OBJECTS = "arn:aws:s3:::shop-logs"
STREAM = LogStream(LOG_GROUP, LOG_STREAM, OWNER)
OBJECT = S3Object("shop-logs", "1.log")
TTL = 300
LATER = 1.11 * TTL  # seconds, after which every cache is out of date, whatever its jitter
CACHE = "tag_cache/forwarder/"


@dataclass
class Sandbox:
    """One sandbox of the forwarder, as far as tags go; its clock is moved by hand."""

    variables: dict[str, str]
    now: float = 1_795_343_071.0
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tags = FetchedTags(settings(**self.variables), lambda: self.now)

    def origin(self, place: Place, deadline: Deadline | None = None) -> Origin:
        """Settle a place in an invocation of its own."""
        self._tags.begin(IDENTITY.arn, deadline or far_deadline(), self.said.append)
        return settle(place, IDENTITY, settings(**self.variables), str, self._tags)

    def tags(self, place: Place = STREAM) -> set[str]:
        """Return the tags of AWS that a place's logs have."""
        known = {"forwardername", "forwarder_version", "env", "aws_account", "functionname", "region", "service"}
        return {tag for tag in self.origin(place).tags if tag.partition(":")[0] not in known}


@pytest.fixture
def tagging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tagging]:
    """Run AWS's tagging APIs, which know a function, a log group and a bucket."""
    monkeypatch.setattr("forwarder.tags.MAX_WAIT_SECONDS", 20)  # a busy machine is not what these are about
    with running(monkeypatch) as tagging:
        tagging.pages = {"lambda:function": [{FUNCTION: {"Team": "Shop"}}], "s3:bucket": [{OBJECTS: {"Kind": "Logs"}}]}
        tagging.log_groups = {GROUP: {"Tier": "1"}}
        yield tagging
        join_refreshes()


def join_refreshes() -> None:
    for thread in threading.enumerate():
        if thread.name == "tags":
            thread.join(20)


# --- what is fetched, and how often --------------------------------------------------------------


def test_tags_come_from_all_three_places(tagging: Tagging) -> None:
    sandbox = Sandbox(ALL)
    assert (sandbox.tags(STREAM), sandbox.tags(OBJECT)) == ({"team:shop", "tier:1"}, {"kind:logs"})
    assert tagging.calls == {"lambda:function": 1, "s3:bucket": 1, GROUP: 1}


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("DD_FETCH_LAMBDA_TAGS", {"lambda:function": 1}),
        ("DD_FETCH_LOG_GROUP_TAGS", {GROUP: 1}),
        ("DD_FETCH_S3_TAGS", {"s3:bucket": 1}),
    ],
)
def test_only_what_a_setting_asks_for_is_fetched(tagging: Tagging, name: str, asked: dict[str, int]) -> None:
    sandbox = Sandbox({name: "true"})
    sandbox.tags(STREAM)
    sandbox.tags(OBJECT)
    assert tagging.calls == asked


def test_functions_come_in_pages_and_all_with_one_refresh(tagging: Tagging) -> None:
    others = [{f"{FUNCTION}-{n}": {"n": str(n)}} for n in range(4)]
    tagging.pages["lambda:function"] = [*others, {FUNCTION: {"Team": "Shop"}}]
    sandbox = Sandbox(ALL)
    assert sandbox.tags() == {"team:shop", "tier:1"}
    assert sandbox.tags(LogStream(f"{LOG_GROUP}-3", LOG_STREAM, OWNER)) == {"n:3"}
    assert tagging.calls["lambda:function"] == 5


def test_within_a_ttl_there_is_one_refresh_of_each_cache_and_one_call_for_each_log_group(tagging: Tagging) -> None:
    sandbox = Sandbox(ALL)
    places: list[Place] = [STREAM, OBJECT, *(LogStream(f"group-{n}", "s", OWNER) for n in range(3))]
    for _ in range(5):
        for place in places:
            sandbox.tags(place)
        sandbox.now += (TTL - 1) / 5
    assert set(tagging.calls.values()) == {1}
    assert len(tagging.calls) == len(["functions", "buckets"]) + len(places) - 1  # the object has no log group


def test_after_the_ttl_tags_are_as_they_are_then(tagging: Tagging) -> None:
    sandbox = Sandbox(ALL)
    sandbox.tags()
    tagging.pages["lambda:function"] = [{FUNCTION: {"Team": "Other"}}]
    tagging.log_groups = {}
    assert sandbox.tags() == {"team:shop", "tier:1"}
    sandbox.now += LATER
    assert sandbox.tags() == {"team:other"}


def test_nothing_is_asked_of_another_account(tagging: Tagging) -> None:
    assert Sandbox(ALL).tags(LogStream(LOG_GROUP, LOG_STREAM, "999999999999")) == set()
    assert not tagging.calls


# --- failures of AWS ----------------------------------------------------------------------


def test_while_tagging_is_throttled_for_ten_minutes_every_log_has_its_last_known_tags(tagging: Tagging) -> None:
    sandbox = Sandbox(ALL)
    known = [sandbox.tags(place) for place in (STREAM, OBJECT)]
    tagging.throttled = True
    for _ in range(3):
        sandbox.now += 200
        assert [sandbox.tags(place) for place in (STREAM, OBJECT)] == known
    tagging.throttled = False
    tagging.log_groups[GROUP] = {"Tier": "2"}
    sandbox.now += 60
    assert sandbox.tags() == {"team:shop", "tier:2"}


def test_a_throttled_refresh_is_not_repeated_at_once_and_warned_of_once(tagging: Tagging) -> None:
    tagging.throttled = True
    sandbox = Sandbox({"DD_FETCH_LAMBDA_TAGS": "true"})
    assert [sandbox.tags() for _ in range(3)] == [set()] * 3
    assert tagging.calls == {"lambda:function": 2}  # boto3 tries twice
    assert sandbox.said == ["The tags of functions could not be fetched: ThrottlingException."]


def test_an_api_that_hangs_costs_an_invocation_only_a_share_of_its_time(tagging: Tagging) -> None:
    tagging.free.clear()
    sandbox, began = Sandbox(ALL), time.monotonic()
    origin = sandbox.origin(STREAM, Deadline.after(8))
    assert time.monotonic() - began < 8
    assert origin.service == "orders-api"
    tagging.free.set()
    join_refreshes()
    assert sandbox.tags() >= {"team:shop"}


# --- the real shapes, by moto --------------------------------------------------------------------


def test_tags_of_a_real_function_log_group_and_bucket(cloud: Cloud) -> None:
    make_function("Orders-API", {"Team": "Shop", "Env": "Prod"})
    boto3.client("logs", region_name=REGION).create_log_group(logGroupName=LOG_GROUP, tags={"Tier": "1"})
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="shop-logs", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_tagging(Bucket="shop-logs", Tagging={"TagSet": [{"Key": "Kind", "Value": "Logs"}]})
    sandbox = Sandbox(ALL)
    assert (sandbox.tags(STREAM), sandbox.tags(OBJECT)) == ({"team:shop", "tier:1"}, {"kind:logs"})
    assert "env:prod" in sandbox.origin(STREAM).report_tags


def make_function(name: str, tags: dict[str, str]) -> None:
    """Make a Lambda function of an empty archive."""
    trust = "{}"
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("app.py", "")
    boto3.client("lambda", region_name=REGION).create_function(
        FunctionName=name, Runtime="python3.13", Role=role, Code={"ZipFile": archive.getvalue()}, Handler="a", Tags=tags
    )


def test_a_log_group_that_is_not_there_has_no_tags(cloud: Cloud) -> None:
    cloud.refuse("ListTagsForResource", "ResourceNotFoundException")
    sandbox = Sandbox({"DD_FETCH_LOG_GROUP_TAGS": "true"})
    assert [sandbox.tags(), sandbox.tags()] == [set(), set()]
    assert (cloud.count("ListTagsForResource"), sandbox.said) == (1, [])


# --- sharing through the bucket ------------------------------------------------------------------


@pytest.fixture
def shop(bucket: Bucket, cloud: Cloud) -> Bucket:
    """Make a tagged function and a tagged log group, besides the bucket."""
    make_function("Orders-API", {"Team": "Shop"})
    boto3.client("logs", region_name=REGION).create_log_group(logGroupName=LOG_GROUP, tags={"Tier": "1"})
    cloud.calls.clear()
    return bucket


def fetches(cloud: Cloud) -> tuple[int, int]:
    """Return how often functions and log groups were asked for."""
    return cloud.count("GetResources"), cloud.count("ListTagsForResource")


def test_what_one_sandbox_has_fetched_all_others_read(shop: Bucket, cloud: Cloud) -> None:
    assert [Sandbox(SHARED).tags() for _ in range(3)] == [{"team:shop", "tier:1"}] * 3
    assert fetches(cloud) == (1, 1)
    assert shop.names(CACHE) == [
        f"{CACHE}functions.json",
        f"{CACHE}log_groups/%2Faws%2Flambda%2FOrders-API.json",
    ]


def test_when_it_is_out_of_date_one_of_all_sandboxes_refreshes_it(shop: Bucket, cloud: Cloud) -> None:
    sandboxes = [Sandbox(SHARED) for _ in range(3)]
    for sandbox in (*sandboxes, *sandboxes):
        sandbox.tags()
        sandbox.now += LATER
    assert fetches(cloud) == (2, 2)


def test_a_sandbox_that_finds_that_another_is_fetching_continues_with_what_is_known(shop: Bucket, cloud: Cloud) -> None:
    first, second = Sandbox(SHARED), Sandbox(SHARED)
    first.tags()
    cloud.refuse("GetResources")
    cloud.refuse("ListTagsForResource")
    first.now += LATER
    second.now = first.now
    assert first.tags() == {"team:shop", "tier:1"}  # its claim stands, as if it were still at it
    cloud.calls.clear()
    assert second.tags() == {"team:shop", "tier:1"}
    assert fetches(cloud) == (0, 0)


def test_a_sandbox_that_loses_the_write_does_not_fetch(shop: Bucket, cloud: Cloud) -> None:
    cloud.refuse("PutObject", "PreconditionFailed")
    assert Sandbox(SHARED).tags() == set()
    assert fetches(cloud) == (0, 0)


def test_a_bucket_that_has_recovered_is_not_complained_about(shop: Bucket, cloud: Cloud) -> None:
    cloud.refuse("GetObject")
    sandbox = Sandbox(SHARED)
    sandbox.tags()
    cloud.heal()
    sandbox.said.clear()
    sandbox.now += LATER
    assert (sandbox.tags(), sandbox.said) == ({"team:shop", "tier:1"}, [])


def test_an_abandoned_claim_expires(shop: Bucket, cloud: Cloud) -> None:
    cloud.refuse("GetResources", times=1)
    Sandbox(SHARED).tags()
    late = Sandbox(SHARED)
    assert late.tags() == {"tier:1"}
    late.now += TTL / 10 + 1
    assert late.tags() == {"team:shop", "tier:1"}


@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_tags_are_fetched_without_a_bucket_that_fails(shop: Bucket, cloud: Cloud, operation: str) -> None:
    cloud.refuse(operation)
    sandbox = Sandbox(SHARED)
    assert [sandbox.tags() for _ in range(3)] == [{"team:shop", "tier:1"}] * 3
    assert fetches(cloud) == (1, 1)
    assert sandbox.said == [
        f"The tags of {what} could not be shared through the bucket: AccessDenied."
        for what in ("log groups", "functions")
    ]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"tags": 7}', b'{"fetched": 1e300}', b'{"claimed_until": 1e300}', b"\xff"]
)
def test_an_invalid_entry_in_the_bucket_is_overwritten(shop: Bucket, cloud: Cloud, content: bytes) -> None:
    shop.put(f"{CACHE}functions.json", content)
    sandbox = Sandbox({"DD_FETCH_LAMBDA_TAGS": "true", "DD_S3_BUCKET_NAME": BUCKET})
    sandbox.tags()
    sandbox.now += LATER
    assert sandbox.tags() == {"team:shop"}
