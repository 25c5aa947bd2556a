from pathlib import Path

import pytest

from local_run.function import RunError
from local_run.process import serving


def test_a_server_that_does_not_start_is_one_sentence_with_what_it_said(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match=r"^The local thing did not start: .*No module named no_such_module$"),
        serving("local thing", ["no_such_module"], tmp_path / "thing.log"),
    ):
        pass


def test_a_server_that_says_something_else_than_where_it_listens_has_not_started(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match=r"^The local thing did not start: it said nothing$"),
        serving("local thing", ["platform"], tmp_path / "thing.log"),
    ):
        pass
