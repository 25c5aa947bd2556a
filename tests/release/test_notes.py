import tomllib

import pytest

from release import ROOT, VERSION
from release.notes import main, notes

CHANGELOG = """\
# Changelog

## [1.1.0] - 2027-01-15

### Fixed

- A bug.

## [1.0.0] - 2026-11-30

- The beginning.
"""


def test_the_notes_are_the_section_of_the_version() -> None:
    assert notes(CHANGELOG, "1.1.0") == "### Fixed\n\n- A bug."


def test_the_last_section_ends_with_the_file() -> None:
    assert notes(CHANGELOG, "1.0.0") == "- The beginning."


def test_a_version_without_a_section_has_no_notes() -> None:
    assert notes(CHANGELOG, "1.1") is None


def test_this_version_has_notes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert capsys.readouterr().out.startswith("### ")


def test_the_project_has_the_version_of_the_code() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
