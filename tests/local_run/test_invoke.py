from pathlib import Path

import pytest

from local_run.function import RunError
from local_run.invoke import main
from local_run.sam_local import SamLocal


def test_an_event_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([f"--event={tmp_path / 'none.json'}"]) == 2
    assert capsys.readouterr().err == f"The event {tmp_path / 'none.json'} cannot be read: No such file or directory.\n"


def test_without_an_engine_one_sentence_says_how_to_get_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([f"--event={event}", f"--files={tmp_path / 'run'}"]) == 2
    assert capsys.readouterr().err.startswith("There is no container engine: install Docker")


def test_a_stack_that_is_not_built_is_one_sentence(tmp_path: Path) -> None:
    function = SamLocal(
        tmp_path / "template.yaml",
        environ={},
        template=tmp_path / "local.yaml",
        log_path=tmp_path / "function.log",
    )
    with pytest.raises(RunError, match="run `make invoke`, which builds it"), function:
        pass
