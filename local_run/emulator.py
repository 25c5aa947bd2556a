"""Runs a handler under AWS's Runtime Interface Emulator and the real runtime client, without a container.

The emulator is a single file inside the package aws-sam-cli. `python -m local_run.emulator install` extracts it. It
runs on Linux only; `in_process` is used elsewhere.
"""

import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import requests

from local_run.function import FunctionDiedError, Result, RunError, lambda_environ

SAM_CLI_VERSION = "1.170.0"
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
# Lambda takes 6 MB in a synchronous invocation; the emulator silently truncates more.
MAX_EVENT_BYTES = 6 * 1024 * 1024

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "rie"
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.02
_GRACE_SECONDS = 15.0
_INVOKE_PATH = "/2015-03-31/functions/function/invocations"


class EmulatorUnavailableError(RunError):
    """The emulator cannot run here, or could not be fetched."""


def emulator_path() -> Path:
    """Return where the emulator for this machine belongs. Raises EmulatorUnavailableError if there is none for it."""
    architecture = ARCHITECTURES.get(platform.machine().lower())
    if sys.platform != "linux" or architecture is None:
        raise EmulatorUnavailableError(
            "The Runtime Interface Emulator runs on Linux x86_64 and arm64, "
            f"not on {sys.platform} {platform.machine()}."
        )
    return CACHE / f"aws-lambda-rie-{architecture}-{SAM_CLI_VERSION}"


def find_emulator() -> Path:
    """Return the installed emulator. Raises EmulatorUnavailableError if it is not there."""
    path = emulator_path()
    if not path.exists():
        raise EmulatorUnavailableError(
            "The Runtime Interface Emulator is not installed: run `.venv/bin/python -m local_run.emulator install`."
        )
    return path


def install() -> Path:
    """Fetch the emulator from the package index, unless this version is there already."""
    path = emulator_path()
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    member = f"samcli/local/rapid/{path.name.removesuffix(f'-{SAM_CLI_VERSION}')}"
    with tempfile.TemporaryDirectory(dir=path.parent) as directory:
        wheel = _download_wheel(Path(directory))
        fresh = Path(directory) / path.name
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, fresh.open("wb") as target:
            shutil.copyfileobj(source, target)
        fresh.chmod(0o755)
        fresh.replace(path)  # atomically, so that a broken download is never found
    return path


def _download_wheel(directory: Path) -> Path:
    package = f"aws-sam-cli=={SAM_CLI_VERSION}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "--dest", directory, package], capture_output=True, text=True, check=False, cwd=directory
    )
    wheels = list(directory.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise EmulatorUnavailableError(f"pip could not download {package}, which holds the emulator: {reason}")
    return wheels[0]


class Emulator:
    """A handler under the emulator, from entering the `with` block to leaving it.

    `environ` is the function's environment except PATH, HOME and Lambda's own variables; `timeout` is in seconds,
    `memory` in MB (reported to the function, not enforced). What the function prints goes to `log_path`. `python` has
    the runtime client, `python_path` what is deployed.
    It takes one event at a time. Raises FunctionDiedError if the emulator does not start.
    """

    def __init__(
        self,
        handler: str,
        *,
        environ: dict[str, str],
        log_path: Path,
        timeout: int = 120,
        memory: int = 1024,
        python_path: Path = ROOT / "src",
        python: Path = Path(sys.executable),
    ) -> None:
        self._handler = handler
        self._python = python
        self._timeout = timeout
        self._log_path = log_path
        self._environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(Path.home()),
            "PYTHONPATH": str(python_path),
            **lambda_environ(timeout, memory),
            **environ,
        }
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with self._exit:  # undone if the start fails
            self._start()
            self._session = self._exit.enter_context(requests.Session())
            self._session.trust_env = False  # a proxy has no business on loopback
            self._exit = self._exit.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit.close()

    def invoke(self, event: dict[str, Any]) -> Result:
        """Run the handler on one event. Raises RunError if it is too large, FunctionDiedError without a response."""
        body = msgspec.json.encode(event)
        if len(body) > MAX_EVENT_BYTES:
            raise RunError(f"The event has {len(body):,} bytes, but Lambda takes at most {MAX_EVENT_BYTES:,}.")
        started = time.perf_counter()
        try:
            response = self._session.post(self._url, data=body, timeout=self._timeout + _GRACE_SECONDS)
        except requests.RequestException as error:
            raise self._died("The emulator did not respond") from error
        return Result.read(response.content, (time.perf_counter() - started) * 1000)

    def _start(self) -> None:
        executable = find_emulator()
        port, api_port = _free_ports(2)
        self._url = f"http://127.0.0.1:{port}{_INVOKE_PATH}"
        command = [str(executable), "--log-level", "error"]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{api_port}"]
        command += [str(self._python), "-m", "awslambdaric", self._handler]
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        log = self._exit.enter_context(self._log_path.open("wb"))
        try:
            self._process = subprocess.Popen(
                command, env=self._environ, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        except OSError as error:
            raise EmulatorUnavailableError(f"{executable} cannot be executed: {error.strerror}.") from error
        self._exit.callback(_end_session, self._process)
        self._wait_for(port)

    def _wait_for(self, port: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(_POLL_SECONDS)
        raise self._died("The emulator did not start")

    def _died(self, what: str) -> FunctionDiedError:
        last = self._log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        return FunctionDiedError("\n".join([f"{what}; the last lines of {self._log_path}:", *last]))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """End the emulator and the runtime that it started, which leads a process group of its own in the same session."""
    members = _session_members(process.pid)
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in members & _session_members(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _session_members(session: int) -> set[int]:
    members = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # pid (name) state parent group session …: the name may hold spaces and parentheses.
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                members.add(int(status.parent.name))
    return members


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: .venv/bin/python -m local_run.emulator install")
    try:
        print(f"The Runtime Interface Emulator is in {install()}.")
    except EmulatorUnavailableError as unavailable:
        sys.exit(str(unavailable))
