"""Makes boto3 clients when first needed: importing boto3 takes 150 ms, and most invocations do not need it."""

import threading
from typing import Any

CONNECT_TIMEOUT, READ_TIMEOUT, ATTEMPTS = 2, 5, 2  # seconds, seconds, tries


_MAKING = threading.Lock()  # boto3's default session is not thread-safe


def client(service: str, region: str, *, path_style: bool = False, attempts: int = ATTEMPTS) -> Any:
    """Return a client with time limits that fit into the reserve of an invocation."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        max_pool_connections=16,
        s3={"addressing_style": "path" if path_style else "auto"},
    )
    with _MAKING:
        return boto3.client(service, region_name=region, config=config)


def region_of(arn: str, otherwise: str) -> str:
    """Return the region of `arn:partition:service:region:account:resource`."""
    parts = arn.split(":")
    return parts[3] if arn.startswith("arn:") and len(parts) > 3 and parts[3] else otherwise  # noqa: PLR2004


def failure(error: BaseException) -> str:
    """Return the code of an error of AWS, or the name of its class: messages may repeat what was sent."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return str(code or type(error).__name__)


def errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that a call to AWS may raise."""
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError)
