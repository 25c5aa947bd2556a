import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from release import ROOT
from release.template import main

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Architecture": {
            "Type": "String",
            "Default": "arm64",
            "AllowedValues": ["arm64", "x86_64"],
            "ConstraintDescription": "Architecture must be arm64 or x86_64.",
        },
        "DdSite": {"Type": "String", "Default": "datadoghq.com"},
    },
    "Resources": {"Forwarder": {"Metadata": {"SamResourceId": "Forwarder"}, "Properties": {"CodeUri": "Forwarder"}}},
}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(yaml.safe_dump(TEMPLATE))
    return tmp_path


def template(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((directory / "template.yaml").read_text())
    return found


def test_what_is_built_for_a_processor_can_be_deployed_for_that_one_only(built: Path) -> None:
    main(str(built), "x86_64")

    parameter = template(built)["Parameters"]["Architecture"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("x86_64", ["x86_64"])


def test_a_stack_of_the_other_processor_is_refused_in_a_sentence_that_says_why(built: Path) -> None:
    main(str(built), "x86_64")

    explanation = template(built)["Parameters"]["Architecture"]["ConstraintDescription"]
    assert explanation == "Architecture must be x86_64, for which this was built."


def test_nothing_else_changes_so_that_sam_still_knows_its_functions(built: Path) -> None:
    main(str(built), "x86_64")

    made = template(built)
    made["Parameters"]["Architecture"] = TEMPLATE["Parameters"]["Architecture"]
    assert made == TEMPLATE


def test_building_again_for_the_other_one_works(built: Path) -> None:
    main(str(built), "x86_64")
    main(str(built), "arm64")

    assert template(built)["Parameters"]["Architecture"]["AllowedValues"] == ["arm64"]


@pytest.mark.parametrize(
    ("command", "built"),
    [
        ("build ARCHITECTURE=x86_64", [".aws-sam/build x86_64"]),
        ("build ARCHITECTURE=arm64", [".aws-sam/build arm64"]),
        ("package", [".aws-sam/arm64 arm64", ".aws-sam/x86_64 x86_64"]),
    ],
)
def test_make_does_so_for_whatever_it_builds(command: str, built: list[str]) -> None:
    shown = subprocess.run(
        ["make", "-n", *command.split()], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert [
        line.partition("release.template ")[2] for line in shown.splitlines() if "release.template" in line
    ] == built
