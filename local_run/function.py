"""What every way of running the function shares: the result of an invocation, and what can go wrong."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import msgspec


class RunError(Exception):
    """Something that the user can fix: one sentence that says how."""


class FunctionDiedError(RunError):
    """The process that runs the function is gone, so that nothing more can be sent to it."""


@dataclass(frozen=True)
class Result:
    """The result of one invocation: `payload`, the handler's response, or `error`, one sentence about its failure."""

    payload: Any
    error: str | None
    duration_ms: float

    @classmethod
    def read(cls, body: bytes, duration_ms: float) -> Self:
        """Read the emulator's response: `{"errorType", "errorMessage"}` after a failure, plain text after a timeout."""
        try:
            payload = msgspec.json.decode(body)
        except msgspec.DecodeError:
            text = body.decode(errors="replace").strip()
            return cls(None, text or "The function returned an empty response.", duration_ms)
        if isinstance(payload, dict) and "errorType" in payload and "errorMessage" in payload:
            return cls(None, f"{payload['errorType']}: {payload['errorMessage']}", duration_ms)
        return cls(payload, None, duration_ms)


class Function(Protocol):
    """Something that takes one event at a time, as Lambda's synchronous Invoke does."""

    def invoke(self, event: dict[str, Any]) -> Result:
        """Run the handler on `event` and wait for it."""
        ...


def lambda_environ(timeout: int, memory: int) -> dict[str, str]:
    """Return the variables that Lambda sets for a function and that something here reads."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": "datadog-forwarder",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
