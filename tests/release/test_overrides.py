"""What the guides write behind `--parameter-overrides` gets through SAM, which cuts some values short."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from subprocess import PIPE

import pytest

from release import ROOT
from tests.deploy.cloudformation import TEMPLATE

pytestmark = pytest.mark.package

PYTHON = ROOT / ".venv-sam" / "bin" / "python"
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PARAMETER = rf"(?:{'|'.join(TEMPLATE['Parameters'])})="

# For each list of arguments: what SAM reads, and what it reads once `sam deploy --guided` has saved that.
READ = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
from samcli.commands.deploy.guided_config import GuidedConfig

def read(*arguments):
    return CfnParameterOverridesType().convert(arguments, None, None)

def saved(values):
    return " ".join(f"{name}={GuidedConfig.quote_parameter_values(value)}" for name, value in values.items())

given = [read(*arguments) for arguments in json.load(sys.stdin)]
json.dump([[values, read(saved(values))] for values in given], sys.stdout)
"""


def arguments_in(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each `--parameter-overrides`, and each parameter and pattern that is between backticks."""
    for written in re.findall(r"--parameter-overrides ([^`\n]+)", text.replace("\\\n", " ")):
        yield shlex.split(written.partition(" --")[0])
    for written in re.findall(rf"`('?{PARAMETER}[^`]+)`", text):
        yield shlex.split(written) if written.startswith("'") else [written]
    for pattern in re.findall(r"(?:`|DD_SCRUBBING_RULE=)([^`'\n]*\\x22[^`'\n]*)", text):
        yield [f"DdScrubbingRule={pattern}"]


def meant(argument: str) -> tuple[str, str]:
    """Return the name and the whole value of an argument; in double quotes, those inside are escaped."""
    name, _, value = argument.partition("=")
    return name, value[1:-1].replace('\\"', '"') if value.startswith('"') else value


def read(examples: list[list[str]]) -> list[list[dict[str, str]]]:
    """Return for each list of arguments what SAM reads at once, and from what it has saved."""
    if not PYTHON.exists():
        pytest.skip("needs SAM, which `make build` installs")
    output = subprocess.run([PYTHON, "-c", READ], input=json.dumps(examples), stdout=PIPE, text=True, check=True)
    values: list[list[dict[str, str]]] = json.loads(output.stdout)
    return values


def test_every_example_arrives_whole_and_so_does_what_is_saved_of_it() -> None:
    examples = [each for guide in GUIDES for each in arguments_in(guide.read_text(encoding="utf-8"))]

    assert len(examples) > 10
    assert read(examples) == [[dict(map(meant, arguments))] * 2 for arguments in examples]


def test_a_pattern_with_quotes_would_be_cut_short() -> None:
    [[given, _]] = read([[r'DdScrubbingRule="password":\s*"[^"\\]+"']])

    assert given == {"DdScrubbingRule": "password"}


def test_an_empty_value_without_quotes_would_be_dropped() -> None:
    [[given, _]] = read([["SubscribeExclude= SubscribeTags=env"]])

    assert given == {"SubscribeTags": "env"}
