"""Fetches the tags of functions, buckets and log groups from AWS, where a setting enables it.

No failure here fails an invocation: it continues with the last known tags, and says so once. Functions and buckets of
the forwarder's own account and region are fetched all together, log groups one by one: the API that lists tagged
resources does not support them.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from forwarder import aws
from forwarder.deadline import Deadline
from forwarder.settings import Settings
from forwarder.tags.cache import Cache, TagsByArn, WaitBudget
from forwarder.tags.normal import normalised
from forwarder.tags.shared import SharedEntry

# This share of the remaining time, at most this many seconds, may be spent on waiting for tags.
WAITING_SHARE, MAX_WAIT_SECONDS = 0.1, 2.0
MAX_LOG_GROUPS = 10_000  # in memory
RESOURCES_PER_PAGE = 100  # https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html


class FetchedTags:
    """The tags of this account and region that the settings enable; lives as long as the sandbox.

    `begin` starts an invocation. `clock` returns Unix time.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()
        self._functions = self._cache("functions", lambda: self._resources("lambda:function"))
        self._buckets = self._cache("buckets", lambda: self._resources("s3:bucket"))
        self._log_groups: dict[str, Cache] = {}
        self._account = ""
        self._budget = WaitBudget(0)
        self._warn: Callable[[str], None] = lambda _: None

    def begin(self, arn: str, deadline: Deadline, warn: Callable[[str], None]) -> None:
        """Start an invocation of the function with this ARN; `warn` is called with a sentence when something fails."""
        self._account = _place_of(arn)[1]
        self._budget = WaitBudget(min(MAX_WAIT_SECONDS, deadline.remaining * WAITING_SHARE))
        self._warn = warn

    def of_function(self, arn: str) -> tuple[str, ...]:
        """Return the tags of a Lambda function; the case of its ARN does not matter."""
        wanted = self._settings.fetch_lambda_tags and self._is_own(arn)
        return self._get(self._functions, "functions", arn.lower()) if wanted else ()

    def of_bucket(self, arn: str) -> tuple[str, ...]:
        """Return the tags of a bucket."""
        return self._get(self._buckets, "buckets", arn.lower()) if self._settings.fetch_s3_tags else ()

    def of_log_group(self, arn: str) -> tuple[str, ...]:
        """Return the tags of a log group."""
        wanted = self._settings.fetch_log_group_tags and self._is_own(arn)
        return self._get(self._log_group(arn), "log groups", arn) if wanted else ()

    def _is_own(self, arn: str) -> bool:
        return _place_of(arn) == (self._settings.function.region, self._account)

    def _get(self, cache: Cache, what: str, arn: str) -> tuple[str, ...]:
        tags = cache.get(arn, self._budget)
        if problem := cache.problem():
            self._warn(f"The tags of {what} {problem}.")
        return tags

    def _log_group(self, arn: str) -> Cache:
        if arn not in self._log_groups:
            if len(self._log_groups) >= MAX_LOG_GROUPS:
                del self._log_groups[next(iter(self._log_groups))]
            name = quote(arn.split(":", 6)[6], safe="")
            self._log_groups[arn] = self._cache(f"log_groups/{name}", lambda: self._tags_of_log_group(arn))
        return self._log_groups[arn]

    def _cache(self, name: str, fetch: Callable[[], TagsByArn]) -> Cache:
        settings = self._settings
        name = f"tag_cache/{settings.function.name}/{name}.json"
        shared = SharedEntry(lambda: self._client("s3"), settings.bucket_name, name) if settings.bucket_name else None
        return Cache(fetch, shared, settings.tags_cache_ttl_seconds, self._clock)

    def _resources(self, kind: str) -> TagsByArn:
        pages = self._client("resourcegroupstaggingapi").get_paginator("get_resources")
        found = pages.paginate(ResourceTypeFilters=[kind], ResourcesPerPage=RESOURCES_PER_PAGE)
        return dict(_tagged(found))

    def _tags_of_log_group(self, arn: str) -> TagsByArn:
        try:
            found = self._client("logs").list_tags_for_resource(resourceArn=arn)
        except aws.errors() as error:
            if aws.failure(error) != "ResourceNotFoundException":
                raise
            return {}
        return {arn: normalised(found["tags"].items())}

    def _client(self, service: str) -> Any:
        with self._making:
            if service not in self._clients:
                region, path_style = self._settings.function.region, self._settings.use_vpc
                self._clients[service] = aws.client(service, region, path_style=path_style)
            return self._clients[service]


def _place_of(arn: str) -> tuple[str, str]:
    """Return the region and the account of an ARN."""
    parts = (*arn.split(":"), "", "", "", "", "")
    return parts[3], parts[4]


def _tagged(pages: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    for page in pages:
        for resource in page["ResourceTagMappingList"]:
            if tags := normalised((tag["Key"], tag.get("Value", "")) for tag in resource["Tags"]):
                yield resource["ResourceARN"].lower(), tags
