"""Determines the origin of lines: source, service, host and tags, once per log stream, object or sender."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from forwarder import VERSION
from forwarder.origin.names import function_of, source_of_log_group, source_of_object
from forwarder.records import LogStream, Origin, Place, S3Object, Sender
from forwarder.records.tags import tag_value, without_key
from forwarder.settings import Function, Settings

__all__ = ["NO_TAGS", "Identity", "Tags", "function_of", "is_own", "settle", "source_of_log_group", "source_of_object"]

CATEGORY = "aws"
_STEP_FUNCTIONS_TRACES = "dd_step_functions_trace_enabled:true"  # asks the intake to make traces of such logs


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of the forwarder in this invocation: its ARN as invoked, and its name at Lambda."""

    arn: str
    name: str
    version: str
    region: str
    memory_mb: int

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`."""
        parts = self.arn.split(":")
        return parts[1] if len(parts) > 1 and parts[1] else "aws"

    @property
    def account(self) -> str:
        """The account that the forwarder is in, or empty."""
        return (*self.arn.split(":"), "", "", "", "")[4]

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that say which forwarder sent something."""
        return (f"forwardername:{self.name.lower()}", f"forwarder_version:{VERSION}")


class Tags(Protocol):
    """The tags that AWS has for resources, by ARN: normalised `key:value`s, empty if none are known."""

    def of_function(self, arn: str) -> tuple[str, ...]:
        """Return the tags of a Lambda function; the case of its ARN does not matter."""

    def of_log_group(self, arn: str) -> tuple[str, ...]:
        """Return the tags of a log group."""

    def of_bucket(self, arn: str) -> tuple[str, ...]:
        """Return the tags of a bucket."""


class _NoTags:
    def of_function(self, arn: str) -> tuple[str, ...]:  # noqa: ARG002 - as in Tags
        return ()

    of_log_group = of_bucket = of_function


NO_TAGS: Tags = _NoTags()


@dataclass(frozen=True, slots=True)
class _About:
    """What a place says about its lines: the natural source, the host, what goes under `aws`, the place's own tags.

    `function` names the Lambda function that wrote the lines, in `account`; its ARN and tags come with it.
    """

    source: str
    host: str
    aws: dict[str, object]
    tags: tuple[str, ...] = ()
    function: str = ""
    function_arn: str = ""
    function_tags: tuple[str, ...] = ()
    platform_tags: tuple[str, ...] = ()


def is_own(place: Place, function: Function, account: str) -> bool:
    """Return whether this forwarder, in its account, wrote a log stream; other functions may share its log group."""
    if not isinstance(place, LogStream) or place.owner not in {"", account}:
        return False
    writer = function_of(place.log_group, place.log_stream)
    return place.log_group == function.log_group and writer in {"", function.name}


def settle(place: Place, identity: Identity, settings: Settings, mask: Callable[[str], str], tags: Tags) -> Origin:
    """Determine the origin of a place's lines; `mask` is applied to every string that is sent.

    Raises:
        MaskingError: a rule could not be applied to one of the strings.

    """
    about = _about(place, identity, tags)
    if about.source == "stepfunction" and settings.step_functions_trace_enabled:
        about = replace(about, tags=(*about.tags, _STEP_FUNCTIONS_TRACES))
    source = settings.source or about.source
    service = tag_value("service", (*settings.tags, *about.tags, *about.function_tags)) or about.function or source
    all_tags = tuple(mask(tag) for tag in _all_tags(about, settings, identity, service))
    report_tags = (*about.platform_tags, *_without_overridden_service(settings, about.function_tags), *settings.tags)
    return Origin(
        source=about.source,
        service=mask(service),
        tags=all_tags,
        attributes=_masked(_attributes(about, identity, source), mask),
        function=about.function,
        metric_tags=(mask(f"function_arn:{about.function_arn}"), *all_tags) if about.function else all_tags,
        report_tags=tuple(mask(tag) for tag in dict.fromkeys(report_tags)),
        pointer=mask(str(place)),
    )


def _about(place: Place, identity: Identity, tags: Tags) -> _About:
    match place:
        case LogStream():
            return _about_log_stream(place, identity, tags)
        case S3Object(bucket, key):
            arn = f"arn:{identity.partition}:s3:::{bucket}"
            return _About(
                source_of_object(bucket, key), arn, {"s3": {"bucket": bucket, "key": key}}, tags.of_bucket(arn)
            )
        case Sender(source, arn):
            return _About(source, arn, {})


def _about_log_stream(stream: LogStream, identity: Identity, tags: Tags) -> _About:
    region, owner, group = identity.region, stream.owner or identity.account, stream.log_group
    function = function_of(group, stream.log_stream).lower()
    arn = f"arn:{identity.partition}:lambda:{region}:{owner}:function:{function}" if function else ""
    source = source_of_log_group(group, stream.log_stream)
    return _About(
        source=source,
        host=arn or (group.rpartition("/")[2] if source == "appsync" else group),  # AppSync's: /aws/appsync/apis/<id>
        aws={"awslogs": {"logGroup": group, "logStream": stream.log_stream, "owner": owner}},
        tags=tags.of_log_group(f"arn:{identity.partition}:logs:{region}:{owner}:log-group:{group}"),
        function=function,
        function_arn=arn,
        function_tags=tags.of_function(arn) if function else (),
        platform_tags=(f"region:{region}", f"aws_account:{owner}", f"functionname:{function}") if function else (),
    )


def _all_tags(about: _About, settings: Settings, identity: Identity, service: str) -> tuple[str, ...]:
    """Return the tags of a place's logs in order; of the services, only the one that takes precedence."""
    overridden = ("source_overridden:true",) if settings.source else ()
    shared = (*settings.tags, *identity.tags, *overridden, *_without_overridden_service(settings, about.tags))
    if not about.function:
        return tuple(dict.fromkeys(shared))
    services = () if tag_value("service", shared) else (f"service:{service}",)
    own = (*about.platform_tags, *services, *without_key("service", about.function_tags))
    env = () if tag_value("env", (*shared, *own)) else ("env:none",)
    return tuple(dict.fromkeys((*shared, *env, *sorted(own))))


def _without_overridden_service(settings: Settings, fetched: tuple[str, ...]) -> tuple[str, ...]:
    """Return tags fetched from AWS, without their service if the user names one."""
    return without_key("service", fetched) if tag_value("service", settings.tags) else fetched


def _attributes(about: _About, identity: Identity, source: str) -> dict[str, object]:
    aws = {**about.aws, "invoked_function_arn": identity.arn}
    if identity.version != "$LATEST":
        aws["function_version"] = identity.version
    attributes: dict[str, object] = {"ddsource": source, "ddsourcecategory": CATEGORY, "aws": aws}
    if about.host:
        attributes["host"] = about.host
    if about.function_arn:
        attributes["lambda"] = {"arn": about.function_arn}
    return attributes


def _masked(attributes: dict[str, object], mask: Callable[[str], str]) -> dict[str, object]:
    """Mask every string in nested attributes; their names stay."""
    return {
        name: _masked(value, mask) if isinstance(value, dict) else mask(value) if isinstance(value, str) else value
        for name, value in attributes.items()
    }
