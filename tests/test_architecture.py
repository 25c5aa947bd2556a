"""Imports point one way: handler → pipeline → stages → records, errors, settings."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
PACKAGES = ["forwarder", "subscriber", "local_intake"]

STAGES = {"sources", "origin", "tags", "signals", "rules", "traces", "batches", "intake", "settle", "failed_events"}

# What stands below the stages, lowest first: each may import only what comes before it.
GROUND = ["errors", "memory", "aws", "environment", "deadline", "searches", "records", "settings", "api_key"]
# What stands above them, lowest first, and which stages each may import.
ABOVE: dict[str, set[str]] = {
    "targets": set(),
    "check": {"failed_events", "intake"},
    "telemetry": {"origin", "settle"},
    "replay": {"batches", "failed_events", "intake", "pipeline", "settle", "traces"},
    "pipeline": STAGES,
    "handler": STAGES,
}

ENVIRONMENT_READERS = {"environment", "settings", "handler"}
# Slow to load: only when first needed. (Powertools loads the empty package `botocore`, and nothing in it.)
LATE = ["boto3", "botocore.session", "botocore.client", "google.protobuf", "sqlparse"]


def imported(source: str) -> Iterator[str]:
    """Yield the dotted names that some source code imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def units_imported(source: str) -> set[str]:
    """Return the modules and packages right under `forwarder` that some source code imports."""
    parts = [name.split(".") for name in imported(source)]
    return {name[1] for name in parts if name[0] == "forwarder" and len(name) > 1 and (name[1] in known_units())}


def known_units() -> set[str]:
    return {path.stem for path in (SRC / "forwarder").iterdir() if path.suffix == ".py" or path.is_dir()}


def allowed(unit: str) -> set[str]:
    """Return the units that a unit may import, itself among them."""
    if unit in GROUND:
        return {*GROUND[: GROUND.index(unit)], unit}
    if unit in STAGES:
        return {*GROUND, unit}
    assert unit in ABOVE, f"forwarder.{unit} is new: give it a place in the tables above"
    above = list(ABOVE)
    return {*GROUND, *ABOVE[unit], *above[: above.index(unit)], unit}


def misplaced(unit: str, source: str) -> set[str]:
    """Return the units that some source code of a unit imports and may not."""
    return units_imported(source) - allowed(unit)


def touches_environment(source: str) -> bool:
    """Return whether some source code reads or writes environment variables."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv"}
    found = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    return bool(names & found) or any(name.rpartition(".")[2] in names for name in imported(source))


def modules() -> list[tuple[str, Path]]:
    """Return the modules of the forwarder, each with the unit that it belongs to."""
    top = SRC / "forwarder"
    paths = sorted(path for path in top.rglob("*.py") if path != top / "__init__.py")
    return [(path.relative_to(top).parts[0].removesuffix(".py"), path) for path in paths]


MODULES = [pytest.param(unit, path, id=str(path.relative_to(SRC))) for unit, path in modules()]


@pytest.mark.parametrize(("unit", "path"), MODULES)
def test_a_module_imports_only_what_stands_below_it(unit: str, path: Path) -> None:
    assert misplaced(unit, path.read_text()) == set()


@pytest.mark.parametrize(("unit", "path"), MODULES)
def test_only_the_settings_and_the_entry_point_touch_the_environment(unit: str, path: Path) -> None:
    assert unit in ENVIRONMENT_READERS or not touches_environment(path.read_text())


@pytest.mark.parametrize("package", PACKAGES)
def test_the_programs_never_import_each_other(package: str) -> None:
    others = {*PACKAGES} - {package}
    for folder in (SRC / package, ROOT / package):
        for path in folder.rglob("*.py"):
            assert not others & {name.split(".")[0] for name in imported(path.read_text())}, path.name


def test_importing_the_handler_loads_nothing_that_is_slow() -> None:
    code = f"import sys, forwarder.handler; print([name for name in {LATE} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=SRC, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- the checks themselves can fail --------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "source", "found"),
    [
        ("rules", "from forwarder.batches import LogBatches", {"batches"}),
        ("rules", "from forwarder import batches", {"batches"}),
        ("sources", "import forwarder.origin", {"origin"}),
        ("intake", "def late():\n    from forwarder.settle import settle", {"settle"}),
        ("records", "from forwarder.settings import Settings", {"settings"}),
        ("signals", "from forwarder.pipeline import run", {"pipeline"}),
        ("pipeline", "from forwarder import handler", {"handler"}),
        ("telemetry", "from forwarder.rules import Rules", {"rules"}),
        ("rules", "from forwarder.records import Line\nimport time", set()),
        ("rules", "from forwarder import VERSION", set()),
        ("intake", "from forwarder.intake.answers import Answer", set()),
    ],
)
def test_the_check_finds_an_import_that_points_the_wrong_way(unit: str, source: str, found: set[str]) -> None:
    assert misplaced(unit, source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os\nos.environ['A']", True),
        ("from os import getenv", True),
        ("import os as o\no.getenv('A')", True),
        ("import os\nos.getpid()", False),
    ],
)
def test_the_check_finds_what_touches_the_environment(source: str, found: bool) -> None:
    assert touches_environment(source) is found
