from pathlib import Path

import pytest

from local_run.function import RunError
from local_run.process import serving


def test_a_server_that_does_not_start_is_one_sentence_with_what_it_printed(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match=r"^The local thing did not start: .*No module named no_such_module$"),
        serving("local thing", ["no_such_module"], tmp_path / "thing.log"),
    ):
        pass


def test_a_server_whose_first_line_is_not_its_url_has_not_started(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match=r"^The local thing did not start: it printed nothing$"),
        serving("local thing", ["platform"], tmp_path / "thing.log"),
    ):
        pass
