"""`make run`: what it takes from make's command line. The commands in the Makefile only print their arguments."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local_run.process import ROOT

SAYS = """#!/bin/sh
printf '<%s>' "$@"
"""

Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return `make` in a copy whose virtual environment is ready, and has a Python that prints its arguments."""
    if not shutil.which("make"):
        pytest.skip("there is no make")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "src").mkdir()
    for name in ("requirements-dev.txt", "src/requirements.txt"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    executable(tmp_path / ".venv/bin/python", SAYS)
    (tmp_path / ".venv/.ready").write_text("python3\n")

    def make(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", *arguments],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    return make


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.parametrize("name", ["EVENT", "LOG", "GROUP", "SET"])
def test_a_variable_of_the_environment_changes_nothing(make: Make, name: str) -> None:
    assert make("run", **{name: "staff"}).stdout == "<-m><local_run>"


@pytest.mark.parametrize("value", ["", "a b", "$(shell echo c)", "it's", 'a"b', r"\d$x", "`echo d`"])
def test_values_arrive_as_they_were_given_even_empty_ones(make: Make, value: str) -> None:
    said = make("run", f"LOG={value}", f"GROUP={value}", f"SET={value}").stdout
    assert said == f"<-m><local_run><--log={value}><--group={value}><--settings={value}>"


@pytest.mark.parametrize("given", ["log=any.log", "Event=x", "DD_TAGS=a:b"])
def test_an_unknown_variable_is_refused(make: Make, given: str) -> None:
    done = make("run", given)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"`make run` does not know {given.partition('=')[0]}; it knows EVENT LOG GROUP SET PYTHON." in done.stderr


def test_what_looks_like_a_variable_within_a_value_is_not_one(make: Make) -> None:
    assert make("run", "SET=A=1 log=2").stdout == "<-m><local_run><--settings=A=1 log=2>"


def test_a_check_takes_settings_as_variables(make: Make) -> None:
    assert make("check-delivery", "DD_SITE=datadoghq.eu").stdout == "<-m><local_run.check>"


def test_a_python_that_cannot_be_started_is_reported(make: Make) -> None:
    done = make("run", "PYTHON=no-such-python")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("no-such-python cannot be started; use Python 3.11 or later: make PYTHON=")


def test_another_python_rebuilds_the_environment_and_says_how_long_that_takes(make: Make, tmp_path: Path) -> None:
    executable(tmp_path / "other", "#!/bin/sh\nexit 0\n")
    first, second = (make("setup", "PYTHON=./other").stdout for _ in range(2))
    assert first.startswith("Setting up .venv with ./other, which takes about a minute ...\n")
    assert "Setting up" not in second
