import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from release.startup import loaded, main, prepare

UTILITIES = "aws_lambda_powertools/utilities"
WANTED = [
    "lib/__init__.py",
    "aws_lambda_powertools/logging/__init__.py",
    f"{UTILITIES}/jmespath_utils.py",
    "not_there.py",
]
FILES = {
    "forwarder/__init__.py": "",
    "forwarder/handler.py": "ANSWER = 42\n",
    "forwarder/seldom.py": "",
    "lib/__init__.py": "",
    "lib/other.py": "",
    "aws_lambda_powertools/__init__.py": "",
    "aws_lambda_powertools/logging/__init__.py": "",
    "aws_lambda_powertools/event_handler/__init__.py": "",
    f"{UTILITIES}/jmespath_utils.py": "",
    f"{UTILITIES}/kafka/__init__.py": "",
    "aws_lambda_powertools-1.dist-info/METADATA": "",
    "forwarder/__pycache__/gone.cpython-312.pyc": "",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A function as SAM has built it."""
    for name, text in FILES.items():
        path = tmp_path / "Forwarder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "Forwarder"


@pytest.fixture
def prepared(tree: Path) -> Path:
    prepare(tree, WANTED, sys.executable)
    return tree


def compiled(tree: Path) -> list[str]:
    """Name the modules that are compiled."""
    sources = (Path(importlib.util.source_from_cache(str(path))) for path in tree.rglob("*.pyc"))
    return sorted(path.relative_to(tree).as_posix() for path in sources)


def test_our_own_modules_are_compiled_and_of_others_those_that_are_wanted(prepared: Path) -> None:
    own = ["forwarder/__init__.py", "forwarder/handler.py", "forwarder/seldom.py"]
    assert compiled(prepared) == sorted([*own, *WANTED[:-1]])


def test_parts_that_nothing_imports_are_left_out(prepared: Path) -> None:
    left = {path.relative_to(prepared).as_posix() for path in prepared.rglob("*")}
    assert FILES.keys() - left == {
        "aws_lambda_powertools/event_handler/__init__.py",
        f"{UTILITIES}/kafka/__init__.py",
        "forwarder/__pycache__/gone.cpython-312.pyc",
    }


def test_what_is_compiled_is_loaded_whenever_the_source_was_unpacked(prepared: Path) -> None:
    (prepared / "forwarder" / "handler.py").write_text("ANSWER = 0  # an unpacked file has another time\n")
    command = [sys.executable, "-c", "import forwarder.handler as h; print(h.ANSWER)"]
    assert subprocess.run(command, cwd=prepared, check=True, capture_output=True, text=True).stdout == "42\n"


def test_the_same_tree_is_the_same_byte_for_byte(prepared: Path) -> None:
    before = {path: path.read_bytes() for path in prepared.rglob("*.pyc")}
    prepare(prepared, WANTED, sys.executable)
    assert {path: path.read_bytes() for path in prepared.rglob("*.pyc")} == before


def test_the_handlers_load_what_they_import(tree: Path) -> None:
    assert {"forwarder/handler.py", "subscriber/handler.py", "urllib3/connection.py"} <= set(loaded())


def test_each_function_of_a_build_is_prepared(tree: Path) -> None:
    main(str(tree.parent), sys.executable)
    assert "forwarder/handler.py" in compiled(tree)
