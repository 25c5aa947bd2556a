"""The origin of lines: source, function, service, host and tags, as FORMATS has them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from forwarder import VERSION
from forwarder.origin import NO_TAGS, function_of, is_own, settle, source_of_log_group, source_of_object
from forwarder.records import LogStream, Origin, Place, S3Object, Sender
from tests.builders import IDENTITY, LOG_GROUP, LOG_STREAM, OWNER, REGION, identity, origin, settings

DATA = Path(__file__).parents[1] / "data"
HEX = "13e304cba4b9446eb7ef082a00038990"
ARN = f"arn:aws:lambda:{REGION}:{OWNER}:function:orders-api"
STREAM = LogStream(LOG_GROUP, LOG_STREAM, OWNER)

# (log stream of a shared log group, function)
SHARED_STREAMS = [
    (f"2023/11/06/my-function[$LATEST]{HEX}", "my-function"),
    (f"2023/11/06/my_Function2[42]{HEX}", "my_Function2"),
    (f"2023/11/06/my-function[prod-alias]{HEX}", "my-function"),
    (f"2023/11/06/my-function[$LATEST.PUBLISHED]{HEX}", "my-function"),
    (f"2023/11/06/[$LATEST]{HEX}", ""),
    (f"2023/11/06/my-function[$LATEST]{HEX[:-1]}", ""),
    (f"2023/11/06/my-function[$LATEST]{HEX.upper()}", ""),
    (f"2023/11/06/my-function[]{HEX}", ""),
    (f"2023/11/06/my function[1]{HEX}", ""),
    ("ecs/my-function/0123", ""),
    ("states/MyMachine/2026-11-22-10-24/0a1b2c3d", ""),
]


def rows(name: str) -> list[Any]:
    """Return the rows of a table of test data."""
    return json.loads((DATA / f"{name}.json").read_text())  # type: ignore[no-any-return]  # it is JSON


@pytest.mark.parametrize("row", rows("sources_of_log_groups"), ids=str)
def test_a_log_group_has_the_source_of_the_table(row: dict[str, str]) -> None:
    assert source_of_log_group(row["log_group"], row["log_stream"]) == row["source"]


@pytest.mark.parametrize("row", rows("sources_of_s3_keys"), ids=str)
def test_an_object_has_the_source_of_the_table(row: dict[str, str]) -> None:
    assert source_of_object("orders", row["key"]) == row["source"]


def test_a_bucket_of_a_transit_gateway_determines_the_source_of_its_objects() -> None:
    key = "AWSLogs/123456789012/vpcflowlogs/eu-west-1/2026/11/22/x.log.gz"
    assert source_of_object("shop-Transit-Gateway-logs", key) == "transitgateway"


def test_a_file_of_cloudtrail_is_one_in_any_bucket() -> None:
    key = "123456789012_CloudTrail_eu-west-1_20261122T1625Z_Ab12.json.gz"
    assert source_of_object("transit-gateway-logs", key) == "cloudtrail"


@pytest.mark.parametrize(("log_stream", "function"), SHARED_STREAMS)
def test_in_a_shared_log_group_the_stream_names_the_function(log_stream: str, function: str) -> None:
    assert function_of("my-apps", log_stream) == function


def test_a_log_group_of_its_own_names_the_function() -> None:
    assert function_of("/aws/lambda/Orders-API", LOG_STREAM) == "Orders-API"


def test_a_shared_group_named_like_a_functions_goes_by_the_stream() -> None:
    assert function_of("/aws/lambda/shared", f"2023/11/06/my-function[1]{HEX}") == "my-function"


def test_a_state_machine_in_a_functions_log_group_is_no_function() -> None:
    found = origin(LOG_GROUP, "states/MyMachine/2026-11-22-10-24/0a1b2c3d")
    assert (found.source, found.function, found.attributes["host"]) == ("stepfunction", "", LOG_GROUP)


# --- tags and service ----------------------------------------------------------------------------

FORWARDER = ["forwardername:datadog-forwarder", f"forwarder_version:{VERSION}"]
PLATFORM = [f"aws_account:{OWNER}", "functionname:orders-api", f"region:{REGION}"]


@pytest.mark.parametrize(
    ("variables", "tags"),
    [
        ({}, [*FORWARDER, "env:none", *PLATFORM, "service:orders-api"]),
        ({"DD_TAGS": "env:prod,a:1"}, ["env:prod", "a:1", *FORWARDER, *PLATFORM, "service:orders-api"]),
        ({"DD_TAGS": "service:mine"}, ["service:mine", *FORWARDER, "env:none", *PLATFORM]),
        (
            {"DD_SOURCE": "mine", "DD_TAGS": "a:1"},
            ["a:1", *FORWARDER, "source_overridden:true", "env:none", *PLATFORM, "service:orders-api"],
        ),
    ],
)
def test_tags_of_a_function_come_in_their_order(variables: dict[str, str], tags: list[str]) -> None:
    assert list(origin(**variables).tags) == tags


@pytest.mark.parametrize(
    ("variables", "tags"),
    [
        ({}, FORWARDER),
        ({"DD_TAGS": "a:1"}, ["a:1", *FORWARDER]),
        ({"DD_SOURCE": "mine"}, [*FORWARDER, "source_overridden:true"]),
    ],
)
def test_tags_of_anything_else_have_nothing_of_a_function(variables: dict[str, str], tags: list[str]) -> None:
    assert list(origin("/var/log/syslog", "i-0", **variables).tags) == tags


@pytest.mark.parametrize(
    ("log_group", "variables", "asked"),
    [
        ("/aws/vendedlogs/states/MyMachine-Logs", {"DD_STEP_FUNCTIONS_TRACE_ENABLED": "true"}, True),
        ("/aws/vendedlogs/states/MyMachine-Logs", {}, False),
        ("/var/log/syslog", {"DD_STEP_FUNCTIONS_TRACE_ENABLED": "true"}, False),
    ],
)
def test_logs_of_step_functions_say_that_traces_are_wanted_of_them(
    log_group: str, variables: dict[str, str], asked: bool
) -> None:
    assert ("dd_step_functions_trace_enabled:true" in origin(log_group, **variables).tags) is asked


@pytest.mark.parametrize(
    ("log_group", "variables", "service"),
    [
        (LOG_GROUP, {}, "orders-api"),
        (LOG_GROUP, {"DD_SOURCE": "mine"}, "orders-api"),
        (LOG_GROUP, {"DD_TAGS": "service:theirs"}, "theirs"),
        ("/aws/rds/instance/a/mysql", {}, "mysql"),
        ("/var/log/syslog", {}, "cloudwatch"),
        ("/var/log/syslog", {"DD_SOURCE": "mine"}, "mine"),
        ("/var/log/syslog", {"DD_TAGS": "a:1,service:theirs,service:other"}, "theirs"),
    ],
)
def test_the_service_is_the_first_that_is_there(log_group: str, variables: dict[str, str], service: str) -> None:
    assert origin(log_group, **variables).service == service


def test_metrics_of_a_function_have_its_arn_and_the_groups_tags() -> None:
    found = origin(DD_TAGS="a:1")
    assert found.metric_tags == (f"function_arn:{ARN}", *found.tags)


def test_metrics_of_anything_else_have_the_groups_tags() -> None:
    found = origin("/var/log/syslog")
    assert found.metric_tags == found.tags


def test_enhanced_metrics_say_which_function_where_and_whose() -> None:
    assert origin(DD_TAGS="a:1").report_tags == (
        f"region:{REGION}",
        f"aws_account:{OWNER}",
        "functionname:orders-api",
        "a:1",
    )


# --- attributes ----------------------------------------------------------------------------------


def test_the_attributes_of_a_functions_logs() -> None:
    assert origin().attributes == {
        "ddsource": "lambda",
        "ddsourcecategory": "aws",
        "host": ARN,
        "aws": {
            "awslogs": {"logGroup": LOG_GROUP, "logStream": LOG_STREAM, "owner": OWNER},
            "invoked_function_arn": IDENTITY.arn,
        },
        "lambda": {"arn": ARN},
    }


def test_the_host_of_anything_else_is_its_log_group() -> None:
    found = origin("/var/log/syslog", "i-0").attributes
    assert (found["host"], "lambda" in found) == ("/var/log/syslog", False)


def test_the_host_of_an_appsync_api_is_its_id() -> None:
    assert origin("/aws/appsync/apis/0a1b2c3d").attributes["host"] == "0a1b2c3d"


def test_the_source_can_be_overridden() -> None:
    assert origin(DD_SOURCE="mine").attributes["ddsource"] == "mine"


def test_the_account_is_the_log_groups_not_the_forwarders() -> None:
    found = origin(owner="999999999999")
    assert found.attributes["host"] == f"arn:aws:lambda:{REGION}:999999999999:function:orders-api"
    assert "aws_account:999999999999" in found.tags


def test_an_account_that_is_not_named_is_the_forwarders() -> None:
    found = origin(owner="")
    assert (found.attributes["host"], found.tags) == (ARN, origin().tags)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_arns_are_of_the_forwarders_partition(partition: str) -> None:
    me = identity(arn=f"arn:{partition}:lambda:{REGION}:{OWNER}:function:fwd")
    found = settle(STREAM, me, settings(), str, NO_TAGS)
    assert found.attributes["host"] == f"arn:{partition}:lambda:{REGION}:{OWNER}:function:orders-api"


@pytest.mark.parametrize("arn", ["", "local", "arn::x"])
def test_an_arn_without_a_partition_means_the_commercial_one(arn: str) -> None:
    assert identity(arn=arn).partition == "aws"


def test_a_published_version_of_the_forwarder_is_named() -> None:
    aws = settle(STREAM, identity(version="7"), settings(), str, NO_TAGS).attributes["aws"]
    assert isinstance(aws, dict)
    assert aws["function_version"] == "7"


def test_every_string_of_an_origin_is_masked() -> None:
    def mask(text: str) -> str:
        return text.replace("sesame", "xxxxx")

    stream = LogStream("/aws/lambda/sesame", "sesame", "sesame")
    me = identity(arn="arn:aws:lambda:r:1:function:sesame", name="sesame", version="sesame")
    found = settle(stream, me, settings(DD_TAGS="sesame:sesame", DD_SOURCE="sesame"), mask, NO_TAGS)
    masked = [found.service, *found.tags, *found.metric_tags, *found.report_tags, found.pointer]
    assert "sesame" not in json.dumps([masked, found.attributes])


# --- tags that AWS keeps -------------------------------------------------------------------------

GROUP_ARN = f"arn:aws:logs:{REGION}:{OWNER}:log-group:{LOG_GROUP}"
BUCKET_ARN = "arn:aws:s3:::shop-logs"
OBJECT = S3Object("shop-logs", "app/1.log")


@dataclass(frozen=True)
class KnownTags:
    """Tags in memory, by ARN."""

    by_arn: dict[str, tuple[str, ...]]

    def of_function(self, arn: str) -> tuple[str, ...]:
        return self.by_arn.get(arn, ())

    of_log_group = of_bucket = of_function


def tagged(function: str = "", group: str = "", bucket: str = "", place: Place = STREAM, **variables: str) -> Origin:
    """Return the origin of a place, where AWS keeps these comma-separated tags."""
    found = {ARN: function, GROUP_ARN: group, BUCKET_ARN: bucket}
    kept = KnownTags({arn: tuple(tags.split(",")) for arn, tags in found.items() if tags})
    return settle(place, IDENTITY, settings(**variables), str, kept)


def test_a_functions_logs_have_the_tags_of_the_log_group_and_then_in_order_those_of_the_function() -> None:
    found = tagged("team:shop,cost:1", "z:1,a:1", DD_TAGS="x:1", DD_SOURCE="mine")
    own = sorted([*PLATFORM, "service:orders-api", "team:shop", "cost:1"])
    assert list(found.tags) == ["x:1", *FORWARDER, "source_overridden:true", "z:1", "a:1", "env:none", *own]


@pytest.mark.parametrize("where", [{"function": "env:prod"}, {"group": "env:prod"}, {"DD_TAGS": "env:prod"}])
def test_an_env_from_anywhere_makes_none_go(where: dict[str, str]) -> None:
    tags = tagged(**where).tags  # type: ignore[arg-type]  # none of them is a place
    assert [tag for tag in tags if tag.startswith("env:")] == ["env:prod"]


@pytest.mark.parametrize(
    ("user", "group", "function", "service"),
    [
        ("service:user", "service:group", "service:function", "user"),
        ("", "service:group", "service:function", "group"),
        ("", "", "service:function", "function"),
        ("", "", "", "orders-api"),
    ],
)
def test_the_service_is_the_users_the_groups_or_the_functions(
    user: str, group: str, function: str, service: str
) -> None:
    found = tagged(function, group, DD_TAGS=user)
    assert found.service == service
    assert [tag for tag in found.tags if tag.startswith("service:")] == [f"service:{service}"]


def test_a_tag_that_is_found_twice_is_there_once() -> None:
    assert tagged("team:shop", "team:shop", DD_TAGS="team:shop").tags.count("team:shop") == 1


def test_enhanced_metrics_have_the_functions_own_tags() -> None:
    found = tagged("team:shop,service:orders", "z:1", DD_TAGS="a:1")
    platform = (f"region:{REGION}", f"aws_account:{OWNER}", "functionname:orders-api")
    assert found.report_tags == (*platform, "team:shop", "service:orders", "a:1")


def test_enhanced_metrics_have_no_service_besides_the_users() -> None:
    found = tagged("team:shop,service:orders", DD_TAGS="service:mine")
    assert found.report_tags[3:] == ("team:shop", "service:mine")


def test_an_objects_logs_have_the_tags_of_its_bucket() -> None:
    found = tagged(bucket="team:shop,service:access", place=OBJECT)
    assert (list(found.tags), found.service) == ([*FORWARDER, "team:shop", "service:access"], "access")


# --- objects and senders -------------------------------------------------------------------------


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_attributes_of_an_objects_logs(partition: str) -> None:
    me = identity(arn=f"arn:{partition}:lambda:{REGION}:{OWNER}:function:fwd")
    found = settle(S3Object("shop-logs", "aws-waf-logs-shop/ü+1", "v1"), me, settings(), str, NO_TAGS)
    assert (found.service, found.function) == ("waf", "")
    assert found.attributes == {
        "ddsource": "waf",
        "ddsourcecategory": "aws",
        "host": f"arn:{partition}:s3:::shop-logs",
        "aws": {"s3": {"bucket": "shop-logs", "key": "aws-waf-logs-shop/ü+1"}, "invoked_function_arn": me.arn},
    }


def test_the_attributes_of_a_senders_logs() -> None:
    arn = f"arn:aws:sqs:{REGION}:{OWNER}:orders"
    found = settle(Sender("sqs", arn), IDENTITY, settings(), str, NO_TAGS)
    assert found.attributes == {
        "ddsource": "sqs",
        "ddsourcecategory": "aws",
        "host": arn,
        "aws": {"invoked_function_arn": IDENTITY.arn},
    }


def test_a_sender_that_is_not_named_is_no_host() -> None:
    assert "host" not in settle(Sender("ec2"), IDENTITY, settings(), str, NO_TAGS).attributes


@pytest.mark.parametrize("place", [STREAM, OBJECT, Sender("sns", "arn:aws:sns:r:1:t")], ids=str)
def test_the_source_of_any_place_can_be_overridden_and_its_natural_one_is_still_known(place: Place) -> None:
    found, natural = (settle(place, IDENTITY, settings(DD_SOURCE=source), str, NO_TAGS) for source in ("mine", ""))
    assert (found.attributes["ddsource"], found.source) == ("mine", natural.attributes["ddsource"])
    assert "source_overridden:true" in found.tags


# --- our own log group ---------------------------------------------------------------------------

OURS = {"AWS_LAMBDA_FUNCTION_NAME": "Forwarder"}


@pytest.mark.parametrize(
    ("log_group", "log_stream", "variables", "own"),
    [
        ("/aws/lambda/Forwarder", LOG_STREAM, OURS, True),
        ("/aws/lambda/Other", LOG_STREAM, OURS, False),
        ("shared", f"2023/11/06/Forwarder[$LATEST]{HEX}", OURS | {"AWS_LAMBDA_LOG_GROUP_NAME": "shared"}, True),
        ("shared", f"2023/11/06/Other[$LATEST]{HEX}", OURS | {"AWS_LAMBDA_LOG_GROUP_NAME": "shared"}, False),
        ("shared", "unusual", OURS | {"AWS_LAMBDA_LOG_GROUP_NAME": "shared"}, True),
        ("/aws/lambda/Forwarder", LOG_STREAM, OURS | {"AWS_LAMBDA_LOG_GROUP_NAME": "shared"}, False),
    ],
)
def test_only_what_the_forwarder_wrote_itself_is_its_own(
    log_group: str, log_stream: str, variables: dict[str, str], own: bool
) -> None:
    assert is_own(LogStream(log_group, log_stream, OWNER), settings(**variables).function, OWNER) is own


@pytest.mark.parametrize("place", [S3Object("b", "k"), Sender("sqs")], ids=str)
def test_nothing_but_a_log_stream_is_written_by_the_forwarder(place: Place) -> None:
    assert not is_own(place, settings(**OURS).function, OWNER)


@pytest.mark.parametrize(("owner", "own"), [(OWNER, True), ("", True), ("999999999999", False)])
def test_a_log_group_of_the_forwarders_name_in_another_account_is_not_its_own(owner: str, own: bool) -> None:
    place = LogStream("/aws/lambda/Forwarder", LOG_STREAM, owner)
    assert is_own(place, settings(**OURS).function, OWNER) is own
