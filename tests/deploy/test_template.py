"""What `template.yaml` promises to those who deploy it."""

import re
import tomllib
from typing import Any

import pytest

from forwarder.settings import SITES
from tests.deploy.cloudformation import ROOT, TEMPLATE, Stack, references, texts

PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
INTERFACE = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
FUNCTION = RESOURCES["Forwarder"]["Properties"]
PLACEHOLDER = "arn:aws:secretsmanager:DEFAULT"
PARAMETER_PLACEHOLDER = "/my/parameter/path"
SECRET_ARN = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:datadog-a1B2c3"
KMS_KEY = "arn:aws-cn:kms:cn-north-1:123456789012:key/0b2c7f30-0000-4000-8000-000000000001"
CONSTRAINTS = {"AllowedPattern", "AllowedValues", "MinValue", "MaxValue"}

each_parameter = pytest.mark.parametrize("name", PARAMETERS)


def accepts(name: str, value: str) -> bool:
    return re.fullmatch(PARAMETERS[name]["AllowedPattern"], value) is not None


# Parameters


@each_parameter
def test_every_parameter_is_used(name: str) -> None:
    assert name in references([RESOURCES, TEMPLATE["Outputs"]]) or name in references(TEMPLATE["Conditions"])


@each_parameter
def test_every_parameter_has_a_description(name: str) -> None:
    assert PARAMETERS[name]["Description"].endswith(".")


@each_parameter
def test_every_parameter_has_a_label(name: str) -> None:
    assert INTERFACE["ParameterLabels"][name]["default"]


def test_the_console_shows_every_parameter_in_one_group() -> None:
    shown = [name for group in INTERFACE["ParameterGroups"] for name in group["Parameters"]]

    assert sorted(shown) == sorted(PARAMETERS)


@each_parameter
def test_every_constraint_is_explained_in_one_sentence(name: str) -> None:
    explanation = PARAMETERS[name].get("ConstraintDescription", "")

    assert bool(explanation) == bool(CONSTRAINTS & PARAMETERS[name].keys())
    assert not explanation or re.fullmatch(rf"{name} must [^.]+(\.\w[^.]*)*\.", explanation)


@each_parameter
def test_every_default_is_allowed(name: str) -> None:
    parameter = PARAMETERS[name]
    default = parameter["Default"]

    assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(default))
    assert default in parameter.get("AllowedValues", [default])
    assert parameter.get("MinValue", default) <= default <= parameter.get("MaxValue", default)


@pytest.mark.parametrize("site", sorted(SITES))
def test_every_site_of_datadog_is_allowed(site: str) -> None:
    assert accepts("DdSite", site)


def test_a_site_written_as_a_url_is_refused() -> None:
    assert not accepts("DdSite", "https://datadoghq.com")


def test_a_key_pasted_with_white_space_around_it_is_allowed() -> None:
    assert accepts("DdApiKey", " 0123456789abcdef0123456789abcdef\n")


@pytest.mark.parametrize("value", [" ", "two words", "<YOUR_DATADOG_API_KEY>", "****"])
def test_what_cannot_be_a_key_is_refused(value: str) -> None:
    assert not accepts("DdApiKey", value)


@pytest.mark.parametrize("arn", [SECRET_ARN, PLACEHOLDER])
def test_a_secret_of_any_partition_and_the_incumbents_placeholder_are_allowed(arn: str) -> None:
    assert accepts("DdApiKeySecretArn", arn)


@pytest.mark.parametrize("arn", ["datadog-api-key", f"{SECRET_ARN}*", "arn:aws:ssm:::parameter/key"])
def test_what_does_not_name_one_secret_is_refused(arn: str) -> None:
    assert not accepts("DdApiKeySecretArn", arn)


def test_the_guide_names_every_parameter_with_its_default() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)? *\|", guide, re.MULTILINE))

    assert rows == {name: str(parameter["Default"]) for name, parameter in PARAMETERS.items()}


# The API key


@pytest.mark.parametrize(
    "values",
    [{}, {"DdApiKeySecretArn": PLACEHOLDER, "DdApiKeySsmParameterName": PARAMETER_PLACEHOLDER}],
    ids=["nothing", "the incumbent's placeholders"],
)
def test_a_stack_without_a_key_is_refused(values: dict[str, str]) -> None:
    assert len(Stack(TEMPLATE, **values).refusals) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"DdApiKey": "key"},
        {"DdApiKeySecretArn": SECRET_ARN},
        {"DdApiKeySsmParameterName": "/datadog/key"},
        {"DdKmsApiKey": "Zm9vYmFy", "KmsKeyList": KMS_KEY},
    ],
    ids=str,
)
def test_a_stack_with_a_key_is_accepted(values: dict[str, str]) -> None:
    assert Stack(TEMPLATE, **values).refusals == []


@pytest.mark.parametrize(
    "values",
    [{}, {"DdApiKeySecretArn": PLACEHOLDER, "DdApiKeySsmParameterName": PARAMETER_PLACEHOLDER}],
    ids=["nothing else", "the incumbent's placeholders"],
)
def test_a_ciphertext_without_the_key_that_decrypts_it_is_refused(values: dict[str, str]) -> None:
    [refusal] = Stack(TEMPLATE, DdKmsApiKey="Zm9vYmFy", **values).refusals

    assert "KmsKeyList" in refusal


@pytest.mark.parametrize(
    "values", [{"DdApiKeySecretArn": SECRET_ARN}, {"DdApiKeySsmParameterName": "/datadog/key"}], ids=str
)
def test_a_ciphertext_that_does_not_count_needs_no_key(values: dict[str, str]) -> None:
    assert Stack(TEMPLATE, DdKmsApiKey="Zm9vYmFy", **values).refusals == []


def test_the_key_is_not_shown() -> None:
    assert PARAMETERS["DdApiKey"]["NoEcho"] is True


def test_nothing_else_is_hidden_since_a_guided_deployment_insists_on_what_is() -> None:
    assert [name for name, parameter in PARAMETERS.items() if parameter.get("NoEcho")] == ["DdApiKey"]


def test_the_key_goes_into_the_secret_and_nowhere_else() -> None:
    assert references([RESOURCES, TEMPLATE["Outputs"]]).count("DdApiKey") == 1
    assert RESOURCES["ApiKeySecret"]["Properties"]["SecretString"] == {"Ref": "DdApiKey"}


PLACES = ["DD_API_KEY_SECRET_ARN", "DD_API_KEY_SSM_NAME", "DD_KMS_API_KEY", "DD_API_KEY"]


@pytest.mark.parametrize("arn", ["", PLACEHOLDER])
@pytest.mark.parametrize("name", ["", PARAMETER_PLACEHOLDER])
def test_a_key_is_read_from_the_stacks_own_secret(arn: str, name: str) -> None:
    stack = Stack(TEMPLATE, DdApiKey="key", DdApiKeySecretArn=arn, DdApiKeySsmParameterName=name)

    assert [stack.variables[place] for place in PLACES] == [stack.outputs["DdApiKeySecretArn"], "", "", ""]
    assert stack.resources["ApiKeySecret"]["SecretString"] == "key"


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"DdKmsApiKey": "Zm9v"}, ["", "", "Zm9v", ""]),
        ({"DdKmsApiKey": "Zm9v", "DdApiKeySsmParameterName": "/key"}, ["", "/key", "", ""]),
        ({"DdApiKeySsmParameterName": "/key", "DdApiKeySecretArn": SECRET_ARN}, [SECRET_ARN, "", "", ""]),
    ],
    ids=["ciphertext before key", "parameter before ciphertext", "secret before parameter"],
)
def test_one_place_of_the_key_wins_and_no_secret_is_made(values: dict[str, str], places: list[str]) -> None:
    stack = Stack(TEMPLATE, DdApiKey="key", **values)

    assert [stack.variables[place] for place in PLACES] == places
    assert "ApiKeySecret" not in stack.resources
    assert "DdApiKeySecretArn" not in stack.outputs


# The function


def test_the_handler_is_in_the_code_that_is_deployed() -> None:
    module, _, function = FUNCTION["Handler"].rpartition(".")
    source = (ROOT / FUNCTION["CodeUri"] / module.replace(".", "/")).with_suffix(".py")

    assert f"def {function}(" in source.read_text(encoding="utf-8")


@pytest.mark.parametrize("architecture", PARAMETERS["Architecture"]["AllowedValues"])
def test_the_function_runs_on_the_architecture_that_was_asked_for(architecture: str) -> None:
    stack = Stack(TEMPLATE, Architecture=architecture)

    assert stack.resources["Forwarder"]["Architectures"] == [architecture]


def test_an_empty_name_leaves_the_name_to_cloudformation() -> None:
    assert "FunctionName" not in Stack(TEMPLATE, FunctionName="").resources["Forwarder"]


def test_the_incumbents_default_name_is_left_to_the_incumbent() -> None:
    assert "FunctionName" not in Stack(TEMPLATE, FunctionName="DatadogForwarder").resources["Forwarder"]


def test_a_given_name_is_the_functions_name() -> None:
    assert Stack(TEMPLATE, FunctionName="logs").resources["Forwarder"]["FunctionName"] == "logs"


def test_the_function_logs_to_the_group_that_has_the_retention() -> None:
    stack = Stack(TEMPLATE, LogRetentionInDays="30")

    assert stack.resources["Forwarder"]["LoggingConfig"]["LogGroup"] == stack.outputs["ForwarderLogGroupName"]
    assert stack.resources["ForwarderLogGroup"]["RetentionInDays"] == "30"


def test_a_function_in_a_vpc_has_its_subnets_and_security_groups() -> None:
    stack = Stack(TEMPLATE, DdUseVPC="true", VPCSubnetIds="subnet-1, subnet-2", VPCSecurityGroupIds="sg-1")

    config = stack.resources["Forwarder"]["VpcConfig"]
    assert config == {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}


@pytest.mark.parametrize("missing", ["VPCSubnetIds", "VPCSecurityGroupIds"])
def test_a_vpc_without_all_that_it_needs_is_refused(missing: str) -> None:
    values = {"DdUseVPC": "true", "VPCSubnetIds": "subnet-1", "VPCSecurityGroupIds": "sg-1", missing: ""}

    [refusal] = Stack(TEMPLATE, DdApiKey="key", **values).refusals
    assert missing in refusal


LISTS = [name for name, each in PARAMETERS.items() if each["Type"] == "CommaDelimitedList" and "VPC" not in name]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", ["arn:a,", ",arn:a", "arn:a,,arn:b"])
def test_a_list_with_an_empty_entry_is_refused(name: str, value: str) -> None:
    [refusal] = Stack(TEMPLATE, DdApiKey="key", **{name: value}).refusals
    assert refusal == f"{name} has an empty entry (a stray comma?)."


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", ["", "arn:a", "arn:a, arn:b"])
def test_a_list_without_empty_entries_and_an_empty_list_are_accepted(name: str, value: str) -> None:
    assert Stack(TEMPLATE, DdApiKey="key", **{name: value}).refusals == []


@pytest.mark.parametrize("name", ["DatadogForwarderArn", "DdApiKeySecretArn", "ForwarderBucketName"])
def test_an_output_of_the_incumbent_is_there_and_exported(name: str) -> None:
    assert Stack(TEMPLATE, DdApiKey="key").outputs[name]
    assert TEMPLATE["Outputs"][name]["Export"]["Name"]["Fn::Sub"].startswith("${AWS::StackName}-")


def test_a_filter_made_by_hand_does_not_look_like_one_of_the_subscribers() -> None:
    name = re.findall(r"--filter-name (\S+)", Stack(TEMPLATE, DdApiKey="key").outputs["SubscribeCommand"])

    assert name == ["datadog-forwarder-manual"]
    for guide in ("README.md", "docs/deploy.md", "docs/migrating.md"):
        named = re.findall(r"--filter-name ([a-z-]+)", (ROOT / guide).read_text(encoding="utf-8"))
        assert set(named) == set(name), guide
    assert PARAMETERS["SubscribeFilterName"]["Default"] not in name


def test_no_partition_is_hard_coded() -> None:
    arns = [text for text in texts([RESOURCES, TEMPLATE["Outputs"]]) if "arn:" in text]

    assert arns
    assert not [arn for arn in arns if "arn:" in arn.replace("arn:${AWS::Partition}:", "")]


def test_the_template_keeps_to_the_limits_of_cloudformation() -> None:
    assert len(PARAMETERS) <= 200
    assert len(RESOURCES) <= 500
    assert len(TEMPLATE["Outputs"]) <= 200
    assert (ROOT / "template.yaml").stat().st_size < 1_000_000


def deployment() -> dict[str, Any]:
    """Return what `sam deploy` takes from `samconfig.toml`."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    return dict(config["default"]["deploy"]["parameters"])


def test_deploying_changes_no_stack_that_has_the_name_of_the_incumbents_guide() -> None:
    assert deployment()["stack_name"] == "datadog-log-forwarder"


@pytest.mark.parametrize("guide", ["docs/deploy.md", "docs/operations.md", "docs/integrations.md"])
def test_a_guide_calls_the_stack_as_it_is_deployed(guide: str) -> None:
    text = (ROOT / guide).read_text(encoding="utf-8")

    name = (
        r"(?:--stack-name|stack is called|!ImportValue|aws_cloudformation_stack.*\n.*name =) [`\"]?([a-z][a-z-]+[a-z])"
    )
    assert set(re.findall(name, text)) == {deployment()["stack_name"]}


def test_what_a_guide_asks_a_stack_for_is_in_every_one() -> None:
    guides = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    resources = re.findall(r"--logical-resource-id (\w+)", guides)
    outputs = re.findall(r"OutputKey=='(\w+)'", guides)

    assert resources
    assert outputs
    assert not [name for name in resources if "Condition" in RESOURCES[name]]
    assert not [name for name in outputs if "Condition" in TEMPLATE["Outputs"][name]]


def test_deploying_asks_for_no_more_than_the_right_to_make_unnamed_roles() -> None:
    assert deployment()["capabilities"] == "CAPABILITY_IAM"
    roles = [each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::IAM::Role"]
    assert roles
    assert not [role for role in roles if "RoleName" in role]
