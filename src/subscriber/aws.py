"""Creates boto3 clients when they are first needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from subscriber.errors import ConfigurationError

CONNECT_TIMEOUT, READ_TIMEOUT = 2, 5  # seconds


class Clients:
    """Clients for one region, with credentials from the environment, a profile or a given session."""

    def __init__(self, region: str, profile: str = "", session: Any = None) -> None:
        self._region, self._profile, self._given = region, profile, session

    @cached_property
    def _session(self) -> Any:
        if self._given is not None:
            return self._given
        import boto3

        return boto3.session.Session(region_name=self._region, profile_name=self._profile or None)

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        # One attempt: `calls.py` repeats them, within the pace and the deadline.
        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"total_max_attempts": 1, "mode": "standard"},
        )
        with _explained():
            return self._session.client(service, region_name=self._region, config=config)

    @cached_property
    def logs(self) -> Any:
        """Return a client of CloudWatch Logs."""
        return self._client("logs")

    @cached_property
    def tagging(self) -> Any:
        """Return a client of the Resource Groups Tagging API."""
        return self._client("resourcegroupstaggingapi")

    @cached_property
    def functions(self) -> Any:
        """Return a client of Lambda."""
        return self._client("lambda")

    @cached_property
    def stacks(self) -> Any:
        """Return a client of CloudFormation."""
        return self._client("cloudformation")


@contextmanager
def _explained() -> Iterator[None]:
    """Turn any problem with boto3's profiles, credentials or settings into one sentence."""
    from botocore.exceptions import BotoCoreError, ProfileNotFound

    try:
        yield
    except ProfileNotFound as error:
        raise ConfigurationError(
            f"There is no AWS profile {error.kwargs['profile']!r}: name one of those in your AWS configuration."
        ) from None
    except (BotoCoreError, ValueError, OSError) as error:  # such as a ValueError for an invalid AWS_ENDPOINT_URL
        problem = " ".join(str(error).split()).rstrip(".: ")
        raise ConfigurationError(
            f"Your AWS configuration or credentials cannot be used ({type(error).__name__}): {problem}."
        ) from None
