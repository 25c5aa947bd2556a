"""Calls the handler in this process, where the emulator cannot run: the same responses, without Lambda's runtime.

What is lost: the function shares this process's memory and cannot be stopped when it times out.
"""

import importlib
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local_run.emulator import ROOT
from local_run.function import FunctionDiedError, Result, lambda_environ

KEPT_VARIABLES = {"PATH", "HOME", "SYSTEMROOT"}


@dataclass
class Context:
    """The part of Lambda's context object that a forwarder reads."""

    timeout: int
    memory_limit_in_mb: int
    function_name: str = "datadog-forwarder"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:012345678912:function:datadog-forwarder"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda would end the invocation."""
        return max(0, int((self.timeout - (time.monotonic() - self.started)) * 1000))


class InProcess:
    """A handler in this process, from entering the `with` block to leaving it; arguments as of `Emulator`."""

    def __init__(
        self,
        handler: str,
        *,
        environ: dict[str, str],
        log_path: Path,
        timeout: int = 120,
        memory: int = 1024,
        python_path: Path = ROOT / "src",
    ) -> None:
        self._module, _, self._function = handler.rpartition(".")
        self._environ = {**lambda_environ(timeout, memory), **environ}
        self._log_path = log_path
        self._timeout = timeout
        self._memory = memory
        self._python_path = str(python_path)
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with self._exit:  # undone if the import fails
            self._log_path.parent.mkdir(parents=True, exist_ok=True)
            self._log = self._exit.enter_context(self._log_path.open("w", encoding="utf-8"))
            self._exit.enter_context(_environment(self._environ))
            sys.path.insert(0, self._python_path)
            self._exit.callback(sys.path.remove, self._python_path)
            with redirect_stdout(self._log), redirect_stderr(self._log):
                try:
                    self._handler = getattr(importlib.import_module(self._module), self._function)
                except Exception as error:
                    raise FunctionDiedError(f"The handler cannot be imported: {error}") from error
            self._exit = self._exit.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit.close()

    def invoke(self, event: dict[str, Any]) -> Result:
        """Run the handler on one event; an exception becomes the result's error, as in Lambda."""
        context = Context(self._timeout, self._memory)
        with redirect_stdout(self._log), redirect_stderr(self._log):
            try:
                payload, error = self._handler(event, context), None
            except Exception as failure:
                payload, error = None, f"{type(failure).__name__}: {failure}"
        self._log.flush()
        return Result(payload, error, (time.monotonic() - context.started) * 1000)


@contextmanager
def _environment(environ: dict[str, str]) -> Iterator[None]:
    """Replace this process's environment with the function's, which has none of the user's AWS credentials."""
    before = dict(os.environ)
    kept = {name: value for name, value in before.items() if name in KEPT_VARIABLES}
    os.environ.clear()
    os.environ.update({**kept, **environ})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
