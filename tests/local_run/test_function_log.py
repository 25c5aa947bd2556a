import json
from pathlib import Path

from local_run.function_log import MAX_COMPLAINTS, complaints


def write(path: Path, *lines: tuple[str, str]) -> Path:
    path.write_text("".join(json.dumps({"level": level, "message": message}) + "\n" for level, message in lines))
    return path


def test_warnings_and_errors_are_shown_once_in_order(tmp_path: Path) -> None:
    log = write(tmp_path / "log", ("ERROR", "b"), ("INFO", "x"), ("WARNING", "a"), ("ERROR", "b"))

    assert complaints(log) == ["ERROR: b", "WARNING: a"]


def test_no_more_than_a_few_are_shown(tmp_path: Path) -> None:
    log = write(tmp_path / "log", *(("ERROR", str(number)) for number in range(MAX_COMPLAINTS + 1)))

    assert len(complaints(log)) == MAX_COMPLAINTS


def test_other_lines_than_the_forwarders_log_are_ignored(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b'START\n{"level": 1}\n{broken\n\xff\n{"level": "ERROR", "message": "a"}')

    assert complaints(log) == ["ERROR: a"]
