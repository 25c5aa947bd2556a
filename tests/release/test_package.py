import re
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from release import ROOT, VERSION
from release.package import PackageError, package

NAME = f"datadog-log-forwarder-{VERSION}-arm64"
TEMPLATE = {
    "Parameters": {
        "Architecture": {"Type": "String", "Default": "x86_64", "AllowedValues": ["arm64", "x86_64"]},
        "DdSite": {"Type": "String"},
    },
    "Resources": {
        "Forwarder": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"CodeUri": "Forwarder", "Timeout": 120},
            "Metadata": {"SamResourceId": "Forwarder"},
        },
        "Subscriber": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "Subscriber"}},
        "Log": {"Type": "AWS::Logs::LogGroup"},
    },
}


class Packaged(Protocol):
    """Packages into a directory of this name, and gives it."""

    def __call__(self, into: str = ...) -> Path: ...


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What SAM leaves: the template, and the same code for both functions."""
    directory = tmp_path / "built"
    for function in ("Forwarder", "Subscriber"):
        (directory / function).mkdir(parents=True)
        (directory / function / "handler.py").write_text("pass")
    (directory / "template.yaml").write_text(yaml.safe_dump(TEMPLATE))
    return directory


@pytest.fixture
def packaged(built: Path, tmp_path: Path) -> Packaged:
    """Package, and give the directory."""

    def run(into: str = "dist") -> Path:
        directory = tmp_path / into
        directory.mkdir()
        list(package(built, "arm64", directory))
        return directory

    return run


def template(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def test_the_guide_deploys_a_template_that_is_in_a_release() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text()

    assert re.findall(r"--template-file dist/(\S+)", guide) == [f"{NAME}.yaml"]


def test_a_release_is_a_zip_and_a_layer_and_a_template_for_each(packaged: Packaged) -> None:
    names = [f"{NAME}-layer.yaml", f"{NAME}-layer.zip", f"{NAME}.yaml", f"{NAME}.zip"]
    assert sorted(path.name for path in packaged().iterdir()) == names


def test_both_functions_take_the_zip_beside_the_template(packaged: Packaged) -> None:
    resources = template(packaged() / f"{NAME}.yaml")["Resources"]
    assert {resources[name]["Properties"]["CodeUri"] for name in ("Forwarder", "Subscriber")} == {f"{NAME}.zip"}


def test_the_template_takes_only_the_processor_that_the_zip_is_for(packaged: Packaged) -> None:
    parameter = template(packaged() / f"{NAME}.yaml")["Parameters"]["Architecture"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("arm64", ["arm64"])


def test_all_else_in_the_template_is_as_it_was_built(packaged: Packaged) -> None:
    made = template(packaged() / f"{NAME}.yaml")
    assert made["Parameters"]["DdSite"] == {"Type": "String"}
    assert made["Resources"]["Log"] == {"Type": "AWS::Logs::LogGroup"}
    assert made["Resources"]["Forwarder"]["Properties"]["Timeout"] == 120


def test_the_layers_template_takes_the_layer(packaged: Packaged) -> None:
    layer = template(packaged() / f"{NAME}-layer.yaml")["Resources"]["Layer"]["Properties"]
    assert (layer["ContentUri"], layer["CompatibleArchitectures"]) == (f"{NAME}-layer.zip", ["arm64"])


def test_twice_gives_the_same_bytes(packaged: Packaged) -> None:
    one, other = packaged("one"), packaged("other")
    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in other.iterdir()
    }


def test_the_sizes_are_said(built: Path, tmp_path: Path) -> None:
    assert next(package(built, "arm64", tmp_path)) == f"{NAME}.zip: 0.00 MB, unzipped 0.00 MB"


def test_a_zip_over_the_limit_is_refused_in_one_sentence(
    built: Path, packaged: Packaged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release.package.MAX_ZIPPED", 100)
    with pytest.raises(PackageError, match=rf"^{NAME}\.zip is too large: [\d,]+ bytes zipped, more than 100\.$"):
        packaged()


def test_more_than_the_limit_unzipped_is_refused_in_one_sentence(
    built: Path, packaged: Packaged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release.package.MAX_UNZIPPED", 3)
    with pytest.raises(PackageError, match=rf"^{NAME}\.zip is too large: 4 bytes unzipped, more than 3\.$"):
        packaged()


def test_functions_of_different_sources_are_refused(built: Path, packaged: Packaged) -> None:
    (built / "Subscriber" / "handler.py").write_text("other")
    with pytest.raises(PackageError, match="were built from different sources"):
        packaged()


def test_what_is_not_built_is_one_sentence_that_says_what_to_do(built: Path, packaged: Packaged) -> None:
    (built / "template.yaml").unlink()
    with pytest.raises(PackageError, match="run `make package`"):
        packaged()
