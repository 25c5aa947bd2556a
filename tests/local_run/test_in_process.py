import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_run.function import FunctionDiedError
from local_run.in_process import InProcess

HANDLER = """
import os

def handler(event, context):
    print("seen by nobody but the log")
    if event.get("fail"):
        raise ValueError("boom")
    return {"secret": os.environ.get("AWS_SECRET_ACCESS_KEY"), "setting": os.environ["DD_SOURCE"],
            "remaining": context.get_remaining_time_in_millis(), "name": context.function_name}
"""


@pytest.fixture
def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcess]:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the user's own")
    (tmp_path / "in_process_handler.py").write_text(HANDLER)
    with InProcess(
        "in_process_handler.handler",
        environ={"DD_SOURCE": "mine"},
        log_path=tmp_path / "function.log",
        timeout=30,
        python_path=tmp_path,
    ) as running:
        yield running


def test_the_handler_responds(function: InProcess) -> None:
    result = function.invoke({})
    assert result.error is None
    assert result.payload["name"] == "datadog-forwarder"


def test_the_handler_has_the_settings_but_not_the_users_credentials(function: InProcess) -> None:
    payload = function.invoke({}).payload
    assert (payload["setting"], payload["secret"]) == ("mine", None)


def test_the_handler_knows_how_much_time_is_left(function: InProcess) -> None:
    assert 0 < function.invoke({}).payload["remaining"] <= 30_000


def test_an_exception_is_the_results_error(function: InProcess) -> None:
    assert function.invoke({"fail": True}).error == "ValueError: boom"


def test_what_the_handler_prints_goes_to_its_log(
    function: InProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    function.invoke({})
    assert "seen by nobody" in (tmp_path / "function.log").read_text()
    assert capsys.readouterr().out == ""


def test_the_environment_is_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE_BEFORE", "yes")
    (tmp_path / "empty_handler.py").write_text("handler = print")
    before = dict(os.environ)
    with InProcess("empty_handler.handler", environ={}, log_path=tmp_path / "log", python_path=tmp_path):
        pass
    assert dict(os.environ) == before


def test_a_handler_that_cannot_be_imported_is_reported(tmp_path: Path) -> None:
    running = InProcess("no_such_module.handler", environ={}, log_path=tmp_path / "log", python_path=tmp_path)
    with pytest.raises(FunctionDiedError, match="The handler cannot be imported: No module named 'no_such_module'"):
        running.__enter__()
