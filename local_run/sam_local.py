"""Runs the built function in a container, by `sam local invoke`: the template, the package and Lambda's own image."""

import os
import platform
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import yaml

from local_run import engine
from local_run.emulator import ARCHITECTURES
from local_run.function import Result, RunError
from local_run.process import ROOT

SAM = ROOT / ".venv-sam" / "bin" / "sam"
FUNCTION = "Forwarder"  # in the template
NAME = "datadog-forwarder"
IMAGE = "*/lambda/python:3.13"  # of any registry
REGION = "us-east-1"
_STOP_SECONDS = 15
_USERS_AWS = ("AWS_", "SAM_")  # variables of the user that the function must not see
# With credentials SAM would ask AWS whose they are; without, it gives the function dummy ones.
_NO_AWS = {
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "SAM_CLI_TELEMETRY": "0",
}


def architecture() -> str:
    """Return this machine's processor architecture as Lambda calls it. Raises RunError if Lambda has none like it."""
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES:
        raise RunError(f"Lambda has no processor like this machine's: {machine}.")
    return ARCHITECTURES[machine]


class SamLocal:
    """The function `Forwarder` of a template that SAM has built, in a container of its own for each event.

    `environ` is set on top of the environment in the template: `sam local` itself sets only variables that are
    declared there, so the function runs from a copy in which they are, written to `template`. What the function and SAM
    print goes to `log_path`. Raises RunError if it is not built.
    """

    def __init__(self, built: Path, *, environ: dict[str, str], template: Path, log_path: Path) -> None:
        self._built = built
        self._variables = environ
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_USERS_AWS)}
        self._environ = {**kept, **_NO_AWS}
        self._template = template
        self._log_path = log_path

    def __enter__(self) -> Self:
        self._template.write_text(yaml.safe_dump(self._local_template(), sort_keys=False), encoding="utf-8")
        self._command = self._sam_command()
        self._log = self._log_path.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._log.close()

    def invoke(self, event: dict[str, Any]) -> Result:
        """Run the function on one event. Raises RunError if SAM cannot."""
        started = time.perf_counter()
        status, response = self._run(msgspec.json.encode(event))
        if status != 0:
            raise RunError(self._reason())
        return Result.read(response, (time.perf_counter() - started) * 1000)

    def _local_template(self) -> dict[str, Any]:
        try:
            template: dict[str, Any] = yaml.safe_load(self._built.read_bytes())
        except OSError:
            raise RunError("The stack is not built for this machine: run `make invoke`, which builds it.") from None
        function = template["Resources"][FUNCTION]["Properties"]
        function["CodeUri"] = str(self._built.parent / function["CodeUri"])
        function["FunctionName"] = NAME  # SAM takes only a plain name, not the condition in the template
        function["Environment"]["Variables"].update(self._variables)
        return template

    def _sam_command(self) -> list[str | Path]:
        processor = architecture()
        command: list[str | Path] = [SAM, "local", "invoke", FUNCTION, "--template", self._template, "--event", "-"]
        command += ["--region", REGION, "--parameter-overrides", f"Architecture={processor}"]
        if engine.has_image(f"{IMAGE}-{processor}"):
            command += ["--skip-pull-image"]
        return command

    def _run(self, event: bytes) -> tuple[int, bytes]:
        process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # so that Ctrl-C reaches only this process, which passes it on once
        )
        try:
            response, _ = process.communicate(event)
        finally:
            if process.poll() is None:
                _interrupt(process)
        return process.returncode, response

    def _reason(self) -> str:
        lines = self._log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
        return f"`sam local invoke` failed: {errors[-1] if errors else f'see {self._log_path}.'}"


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Let SAM remove its container before it ends."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
