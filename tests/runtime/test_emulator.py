import os
from pathlib import Path
from typing import Protocol

import pytest

from local_run.emulator import MAX_EVENT_BYTES, Emulator, EmulatorUnavailableError, find_emulator, install
from local_run.function import FunctionDiedError, RunError

pytestmark = pytest.mark.runtime

HANDLER = """
import os, time

def handler(event, context):
    print("printed by the function", flush=True)
    match event.get("do"):
        case "fail": raise ValueError("boom")
        case "exit": os._exit(3)
        case "wait": time.sleep(60)
    return {"pid": os.getpid(), "environ": dict(os.environ), "size": len(str(event)),
            "memory": context.memory_limit_in_mb, "remaining": context.get_remaining_time_in_millis()}
"""


class Start(Protocol):
    """Returns an emulator that is not running yet, with a timeout in seconds."""

    def __call__(self, timeout: int = 10) -> Emulator: ...


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    try:
        find_emulator()
    except EmulatorUnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    monkeypatch.setenv("AWS_PROFILE", "the-users-own")
    (tmp_path / "tiny.py").write_text(HANDLER)

    def emulator(timeout: int = 10) -> Emulator:
        return Emulator(
            "tiny.handler",
            environ={"DD_SOURCE": "mine"},
            log_path=tmp_path / "function.log",
            timeout=timeout,
            memory=512,
            python_path=tmp_path,
        )

    return emulator


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text()


def test_the_handler_responds_under_the_emulator(start: Start) -> None:
    with start() as emulator:
        result = emulator.invoke({"a": 1})
    assert result.error is None
    assert result.payload["memory"] == "512"
    assert 0 < result.payload["remaining"] <= 10_000


def test_the_function_has_its_settings_but_not_the_users_aws_profile(start: Start) -> None:
    with start() as emulator:
        environ = emulator.invoke({}).payload["environ"]
    assert environ["DD_SOURCE"] == "mine"
    assert "AWS_PROFILE" not in environ


def test_one_process_serves_one_event_after_another(start: Start) -> None:
    with start() as emulator:
        assert emulator.invoke({}).payload["pid"] == emulator.invoke({}).payload["pid"]


def test_an_exception_is_the_results_error(start: Start) -> None:
    with start() as emulator:
        assert emulator.invoke({"do": "fail"}).error == "ValueError: boom"


def test_a_function_that_exits_is_the_results_error(start: Start) -> None:
    with start() as emulator:
        assert "Runtime.ExitError" in str(emulator.invoke({"do": "exit"}).error)


def test_a_function_that_takes_too_long_is_the_results_error(start: Start) -> None:
    with start(timeout=1) as emulator:
        assert "timed out after 1.00 seconds" in str(emulator.invoke({"do": "wait"}).error)


def test_after_a_failure_the_next_event_is_served(start: Start) -> None:
    with start() as emulator:
        emulator.invoke({"do": "exit"})
        assert emulator.invoke({}).error is None


def test_an_event_just_within_the_limit_arrives_whole(start: Start) -> None:
    event = {"a": ""}
    event["a"] = "x" * (MAX_EVENT_BYTES - len('{"a":""}'))
    with start() as emulator:
        assert emulator.invoke(event).payload["size"] == len(str(event))


def test_an_event_over_the_limit_is_refused_in_one_sentence(start: Start) -> None:
    with start() as emulator, pytest.raises(RunError, match=r"bytes, but Lambda takes at most 6,291,456\."):
        emulator.invoke({"a": "x" * MAX_EVENT_BYTES})


def test_what_the_function_prints_goes_to_its_log(start: Start, tmp_path: Path) -> None:
    with start() as emulator:
        emulator.invoke({})
    assert "printed by the function" in (tmp_path / "function.log").read_text()


def test_nothing_is_left_running(start: Start) -> None:
    with start() as emulator:
        pid = emulator.invoke({}).payload["pid"]
        assert is_running(pid)
    assert not is_running(pid)


def test_an_emulator_that_died_is_reported_with_the_last_lines_of_the_log(start: Start) -> None:
    with start() as emulator:
        runtime = emulator.invoke({}).payload["pid"]
        parent = int(Path(f"/proc/{runtime}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(parent, 9)
        with pytest.raises(FunctionDiedError, match="did not respond; the last lines of"):
            emulator.invoke({})


def test_installing_twice_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = find_emulator().stat().st_mtime_ns
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    assert install().stat().st_mtime_ns == before
