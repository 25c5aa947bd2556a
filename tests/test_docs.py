"""README and `docs/` only name what exists."""

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from forwarder.records import Backlog
from forwarder.rules import Rules
from forwarder.settings import Settings
from forwarder.settle import Summary
from forwarder.telemetry import Telemetry
from tests.builders import far_deadline, identity
from tests.deploy.cloudformation import load

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "events" / "README.md"]
TEXT = "\n".join(path.read_text() for path in DOCS)
MAKEFILE = (ROOT / "Makefile").read_text()
OTHER_TEXTS = ["Makefile", "pyproject.toml", "requirements-dev.txt", "src/requirements.txt", "template.yaml"]
PLAIN_TEXTS = [*DOCS, *(ROOT / name for name in OTHER_TEXTS)]

# | `NAME` | `default` | meaning |
REFERENCE = (ROOT / "docs" / "configuration.md").read_text()
ROWS = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \|", REFERENCE, re.MULTILINE)
DEFAULTS = [(name, cell.strip("`").replace("<site>", "datadoghq.com")) for name, cell in ROWS if cell.startswith("`")]

TEMPLATE = load(ROOT / "template.yaml")
MIGRATING = (ROOT / "docs" / "migrating.md").read_text()
INTEGRATIONS = (ROOT / "docs" / "integrations.md").read_text()

TARGETS = set(re.findall(r"^([a-z][a-z-]*):(?!=)", MAKEFILE, re.MULTILINE))
# At the start of a line, or between backticks: prose may say "make" as well.
MENTIONED_TARGETS = set(re.findall(r"(?:^ *|`)make ([a-z][a-z-]*)", TEXT, re.MULTILINE))

LINKS = [
    (path, target)
    for path in DOCS
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text())
    if "://" not in target
]

MACHINE_PATH = re.compile(r"(?<![\w.}>])/(?:home|Users|root|tmp|mnt|srv|work)/")
REGISTRY = re.compile(r"index-url|/simple\b|\bpypi\.|\bregistry\.|\bproxy\.golang\b", re.IGNORECASE)


def variables_read() -> set[str]:
    """The names of environment variables in `settings.py`: texts of capitals with an underscore."""
    source = ast.parse((ROOT / "src" / "forwarder" / "settings.py").read_text())
    texts = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if re.fullmatch(r"[A-Z0-9]+(?:_[A-Z0-9]+)+", text)}


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def parameters_under(heading: str) -> set[str]:
    """The parameters that a section of the guide to migration is about: in a table, those in the first column."""
    section = MIGRATING.partition(f"### {heading}\n")[2].partition("\n#")[0]
    text = "\n".join(line.split(" | ")[0] for line in section.splitlines())
    return set(re.findall(r"`([A-Z][A-Za-z0-9]+)`", text)) - {"Subscribe"}


def settings(**variables: str) -> Settings:
    return Settings.from_environ({"DD_API_KEY": "0" * 32, **variables})


@pytest.mark.parametrize("name", sorted(variables_read()))
def test_every_variable_that_is_read_is_documented(name: str) -> None:
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("name", [name for name, _ in ROWS])
def test_every_variable_in_a_table_of_settings_is_read(name: str) -> None:
    assert name in variables_read()


def test_no_setting_is_documented_twice() -> None:
    names = [name for name, _ in ROWS]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(("name", "default"), DEFAULTS)
def test_a_documented_default_changes_nothing_when_it_is_set(name: str, default: str) -> None:
    plain = settings(DD_SCRUBBING_RULE="x")  # a replacement without a rule has nothing to replace

    assert replace(settings(DD_SCRUBBING_RULE="x", **{name: default}), api_key=plain.api_key) == plain


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_every_parameter_of_the_template_is_documented(name: str) -> None:
    assert f"`{name}`" in TEXT


@pytest.mark.parametrize("name", TEMPLATE["Outputs"])
def test_every_output_of_the_template_is_documented(name: str) -> None:
    assert name in TEXT


def test_the_migration_guide_says_for_every_parameter_whether_it_carries_over() -> None:
    told = parameters_under("Parameters that carry over") | parameters_under("Parameters that need a look")
    told |= parameters_under("Parameters that are new")

    assert told == {name for name in TEMPLATE["Parameters"] if not name.startswith("Subscribe")}


def test_what_is_said_to_have_no_effect_is_no_parameter() -> None:
    without_effect = parameters_under("Parameters that have no effect here")

    assert without_effect
    assert not without_effect & set(TEMPLATE["Parameters"])


@pytest.mark.parametrize("name", sorted(set(re.findall(r"!ImportValue datadog-log-forwarder-(\w+)", INTEGRATIONS))))
def test_what_an_example_imports_is_exported(name: str) -> None:
    exports = [output["Export"]["Name"] for output in TEMPLATE["Outputs"].values() if "Export" in output]

    assert {"Fn::Sub": f"${{AWS::StackName}}-{name}"} in exports


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r'(?:outputs|local\.datadog_forwarder)\["(\w+)"\]', INTEGRATIONS)))
)
def test_an_output_that_an_example_reads_exists(name: str) -> None:
    assert name in TEMPLATE["Outputs"]


PATTERNS = sorted(set(re.findall(r"(?:`|DD_SCRUBBING_RULE=|DdScrubbingRule=)([^`'\n]*\\x22[^`'\n]*)", TEXT)))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_that_is_recommended_has_nothing_at_which_sam_would_cut_it_short(pattern: str) -> None:
    assert not re.search(r"[\s\"']", pattern)


@pytest.mark.parametrize("pattern", [pattern for pattern in PATTERNS if "password" in pattern])
@pytest.mark.parametrize("secret", ["open sesame", 'hun"ter2', "hunter2\\", "", "\n"])
def test_a_pattern_that_is_recommended_masks_the_whole_secret(pattern: str, secret: str) -> None:
    rules = Rules(settings(DD_SCRUBBING_RULE=pattern), far_deadline(), pytest.fail)

    assert rules.mask(json.dumps({"user": "ada", "password": secret, "b": 1})) == '{"user": "ada", xxxxx, "b": 1}'


def test_the_operations_guide_names_every_metric_in_cloudwatch(capsys: pytest.CaptureFixture[str]) -> None:
    Telemetry(settings()).summarise(Summary("retry", backlog=Backlog(1, 1.0)), identity())

    embedded = [json.loads(line)["_aws"] for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    names = {metric["Name"] for record in embedded for metric in record["CloudWatchMetrics"][0]["Metrics"]}
    guide = (ROOT / "docs" / "operations.md").read_text()
    assert names
    assert not [name for name in names if f"`{name}`" not in guide]


@pytest.mark.parametrize("target", sorted(MENTIONED_TARGETS))
def test_a_target_that_is_mentioned_is_in_the_makefile(target: str) -> None:
    assert target in TARGETS


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_target_of_the_makefile_has_a_help_text(target: str) -> None:
    assert re.search(rf"^{target}:.*## \w", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python3? -m ([a-z_.]+)", TEXT))))
def test_a_module_that_is_to_be_run_exists(module: str) -> None:
    paths = [folder.joinpath(*module.split(".")) for folder in (ROOT, ROOT / "src")]

    assert any(path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() for path in paths)


@pytest.mark.parametrize(
    ("path", "target"), [pytest.param(path, target, id=f"{path.name}: {target}") for path, target in LINKS]
)
def test_a_link_leads_to_a_file_and_a_heading_in_it(path: Path, target: str) -> None:
    file, _, anchor = target.partition("#")
    destination = path.parent / file if file else path

    assert destination.exists()
    assert not anchor or anchor in anchors(destination)


@pytest.mark.parametrize("path", PLAIN_TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_names_a_place_on_a_persons_machine_or_a_package_registry(path: Path) -> None:
    text = path.read_text()

    assert not MACHINE_PATH.search(text)
    assert not REGISTRY.search(text)
