"""`docs/subscriber.md` names every setting, option, metric and permission."""

import ast
import re
from pathlib import Path

import pytest

from subscriber import COMMAND
from subscriber.records import Counts

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "subscriber.md").read_text()
SOURCES = {path.name: path.read_text() for path in (ROOT / "src" / "subscriber").glob("*.py")}

READ = re.findall(r'env\.(?:text|words|number|choice)\("([A-Z_]+)"', SOURCES["settings.py"])
ROWS = re.findall(r"^\| `SUBSCRIBER_([A-Z_]+)` \|", GUIDE, re.MULTILINE)

PREFIXES = {"logs": "logs", "tagging": "tag", "functions": "lambda", "stacks": "cloudformation"}
ACTIONS = {"lambda:Invoke": "lambda:InvokeFunction"}  # where the action is not named like the call


def actions() -> set[str]:
    """Return the permissions for all calls in the code: `….<client>.<call>`."""
    found = set()
    for source in SOURCES.values():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                client, call = node.value.attr, node.attr
                if client in PREFIXES and ast.unparse(node.value).endswith(f"_clients.{client}"):
                    name = f"{PREFIXES[client]}:{''.join(word.capitalize() for word in call.split('_'))}"
                    found.add(ACTIONS.get(name, name))
    return found


def options() -> list[str]:
    """Return the options of all commands."""
    return sorted(set(re.findall(r'add(?:_argument)?\(\s*"(--[a-z-]+)"', SOURCES["options.py"])))


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_there_is_one_way_to_start_the_command(path: Path) -> None:
    text = path.read_text()
    assert text.count("-m subscriber") == text.count(COMMAND)


def test_settings_are_documented_and_no_others_are() -> None:
    assert sorted(ROWS) == sorted(READ)


@pytest.mark.parametrize("option", options())
def test_an_option_is_documented(option: str) -> None:
    assert f"`{option}`" in GUIDE


def test_permissions_are_documented_and_no_others_are() -> None:
    assert set(re.findall(r"^\| `([a-z]+:[A-Za-z]+)` \|", GUIDE, re.MULTILINE)) == actions()


@pytest.mark.parametrize("name", Counts.__dataclass_fields__)
def test_a_metric_is_documented(name: str) -> None:
    assert f"`log_groups_{name}`" in GUIDE
