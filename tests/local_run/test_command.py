import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from local_run.cli import main
from local_run.files import held
from local_run.process import ROOT


class Said(Protocol):
    """Returns the exit status of a command that cannot run, and what it prints."""

    def __call__(self, *arguments: str) -> tuple[int, str]: ...


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Return what a command that cannot run prints, with its exit status."""

    def run(*arguments: str) -> tuple[int, str]:
        try:
            status = main(arguments)
        except SystemExit as exit_:
            status = int(str(exit_.code))
        return status, capsys.readouterr().err

    return run


def test_an_event_that_is_not_there_is_one_sentence(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    assert said("--event", str(path)) == (2, f"The event {path} cannot be read: No such file or directory.\n")


def test_an_event_that_is_text_points_to_log(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("hello")
    assert said("--event", str(path)) == (2, f"The event {path} is not JSON; to send a text file, give it as LOG.\n")


def test_an_event_must_be_an_object(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("[]")
    assert said("--event", str(path))[1].startswith(f"The event {path} must be a JSON object")


def test_a_log_that_is_not_there_is_one_sentence(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "none.log"
    assert said("--log", str(path)) == (2, f"The log {path} cannot be read: No such file or directory.\n")


def test_an_empty_log_is_one_sentence(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "empty.log"
    path.touch()
    assert said("--log", str(path)) == (2, f"The log {path} is empty: there is nothing to send.\n")


def test_a_log_that_is_a_directory_is_one_sentence(said: Said, tmp_path: Path) -> None:
    assert said("--log", str(tmp_path))[1].startswith(f"The log {tmp_path} is not a regular file: ")


def test_a_pipe_is_refused_and_nothing_of_it_is_read(said: Said) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        os.write(writing, b"hello")
        os.close(writing)
        status, sentence = said("--log", f"/dev/fd/{reading}")
        assert (status, "is not a regular file" in sentence) == (2, True)
        assert pipe.read() == b"hello"


def test_a_log_that_is_gzip_is_one_sentence(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(b"hello"))
    assert said("--log", str(path)) == (2, f"The log {path} is gzip: unpack it first.\n")


@pytest.mark.parametrize("name", ["DD_URL", "DD_API_URL", "DD_TRACE_INTAKE_URL", "DD_NO_SSL"])
def test_where_it_is_sent_cannot_be_set(said: Said, name: str) -> None:
    sentence = f"{name} is set by the run: everything goes to the local intake.\n"
    assert said("--set", f"{name}=example.com") == (2, sentence)


def test_files_that_are_not_a_directory_are_one_sentence(said: Said, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    assert said("--files", str(path)) == (
        2,
        f"{path} cannot be used for the run's files (File exists); give another --files DIR.\n",
    )


def test_a_second_run_in_the_same_directory_is_refused(said: Said, tmp_path: Path) -> None:
    with held(tmp_path):
        status, sentence = said("--files", str(tmp_path))
    assert (status, sentence) == (2, f"Another run uses {tmp_path}; wait for it, or give --files DIR.\n")


def test_a_group_without_a_log_is_refused(said: Said) -> None:
    status, sentence = said("--group", "/aws/lambda/x")
    assert (status, sentence.count("\n")) == (2, 1)
    assert "give LOG (--log) as well" in sentence


def test_an_event_and_a_log_together_are_refused(said: Said) -> None:
    assert "Give an event or a log, not both." in said("--event", "a", "--log", "b")[1]


def test_a_setting_needs_a_name_and_a_value(said: Said) -> None:
    assert "'REDACT_EMAIL' is not a setting: write NAME=VALUE" in said("--set", "REDACT_EMAIL")[1]


@pytest.mark.parametrize("option", ["--event", "--log"])
def test_an_empty_path_is_refused_and_does_not_mean_all_samples(said: Said, option: str) -> None:
    status, sentence = said(option, "")
    assert (status, "the path is empty" in sentence, sentence.count("\n")) == (2, True, 1)


def test_an_empty_group_is_refused(said: Said) -> None:
    status, sentence = said("--log", "any.log", "--group", "")
    assert (status, "the name of the log group is empty" in sentence) == (2, True)


def test_a_path_below_the_home_directory_is_found(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert said("--log", "~/none.log")[1].startswith(f"The log {tmp_path / 'none.log'} cannot be read")


@pytest.mark.parametrize("text", ["DD_TAGS=a:b DD_URL=x", "DD_TAGS='a b'\tDD_URL=x", '"DD_URL=x y"'])
def test_settings_in_one_string_are_split_at_spaces_outside_quotes(said: Said, text: str) -> None:
    assert said("--settings", text)[1].startswith("DD_URL is set by the run")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (r"DD_SCRUBBING_RULE=\d\\ x", "'x' is not a setting: write NAME=VALUE"),
        ("DD_SCRUBBING_RULE='a b", "a quote is not closed"),
        ("'a # b'", "'a # b' is not a setting"),
        ("a#b=1 c", "'c' is not a setting"),
    ],
)
def test_settings_that_cannot_be_read_are_one_sentence(said: Said, text: str, sentence: str) -> None:
    status, told = said("--settings", text)
    assert (status, sentence in told, told.count("\n")) == (2, True, 1)


@pytest.mark.parametrize("event", ['{"check": true}', '{"check": "True"}'])
def test_an_event_that_asks_for_a_check_points_to_the_target(said: Said, tmp_path: Path, event: str) -> None:
    path = tmp_path / "check.json"
    path.write_text(event)
    status, sentence = said("--event", str(path))
    assert (status, sentence.endswith("run `make check-delivery` instead.\n")) == (2, True)


def test_a_closed_pipe_has_its_own_exit_status() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code = "from local_run.command import *; import sys; sys.exit(exit_status(lambda: Output().print('x')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_ctrl_c_while_it_is_being_loaded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()\n")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "local_run"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, b"", b"Interrupted.\n")
