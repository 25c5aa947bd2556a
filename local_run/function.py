"""The two words that every way of running the function shares: what an invocation gave, and what went wrong."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import msgspec


class RunError(Exception):
    """Something that the person at the terminal can put right: one sentence that says how."""


class FunctionDiedError(RunError):
    """The process that runs the function is gone, so that nothing more can be sent to it."""


@dataclass(frozen=True)
class Result:
    """What one invocation gave: `payload`, the handler's answer, or `error`, one sentence about its failure."""

    payload: Any
    error: str | None
    duration_ms: float

    @classmethod
    def read(cls, body: bytes, duration_ms: float) -> Self:
        """Read the emulator's answer: if it failed `{"errorType", "errorMessage"}`, if its time was over plain text."""
        try:
            payload = msgspec.json.decode(body)
        except msgspec.DecodeError:
            text = body.decode(errors="replace").strip()
            return cls(None, text or "The function gave an empty answer.", duration_ms)
        if isinstance(payload, dict) and "errorType" in payload and "errorMessage" in payload:
            return cls(None, f"{payload['errorType']}: {payload['errorMessage']}", duration_ms)
        return cls(payload, None, duration_ms)


class Function(Protocol):
    """Something that takes one event at a time, as Lambda's synchronous Invoke does."""

    def invoke(self, event: dict[str, Any]) -> Result:
        """Run the handler on `event` and wait for it."""
        ...


def lambda_environ(timeout: int, memory: int) -> dict[str, str]:
    """Give the variables that Lambda sets for a function, as far as anything here reads them."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": "datadog-forwarder",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
