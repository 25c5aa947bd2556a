"""Any problem with the AWS configuration of the command's user is one sentence."""

import io
from pathlib import Path

import pytest

from subscriber import cli
from tests.subscriber.support import FORWARDER

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
SSO = "sso_account_id=123456789012\nsso_role_name=reader\n"
SSO_SESSION = f"[default]\nsso_session=s\n{SSO}[sso-session s]\nsso_start_url=https://sso.test\nsso_region=eu-west-1\n"


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Hide this machine's AWS configuration."""
    for name in (*KEYS, "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def plan(arn: str = FORWARDER) -> tuple[int, str]:
    """Plan with boto3's own clients; return the exit status and what was printed."""
    err = io.StringIO()
    line = ["plan", "--forwarder-arn", arn, "--include", "/aws/lambda/"]
    return cli.main(line, streams=(io.StringIO(), io.StringIO(), err)), err.getvalue()


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("[default]\ncredential_process = false\n", "CredentialRetrievalError"),
        ("[default]\nnonsense\n", "ConfigParseError"),
        ("[default]\naws_access_key_id=x\n", "PartialCredentialsError"),
        ("[default]\nrole_arn=x\nsource_profile=gone\n", "InvalidConfigError"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_one_sentence(
    configure: pytest.MonkeyPatch, tmp_path: Path, config: str, problem: str
) -> None:
    (tmp_path / "config").write_text(config)
    status, said = plan()
    assert status == 2
    assert said.startswith(f"Your AWS configuration or credentials cannot be used ({problem}): ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["AWS_DEFAULTS_MODE", "AWS_ENDPOINT_URL"])
def test_a_variable_of_boto3_that_is_wrong_is_one_sentence(configure: pytest.MonkeyPatch, name: str) -> None:
    for variable, given in {**KEYS, name: "nonsense"}.items():
        configure.setenv(variable, given)
    status, said = plan()
    assert status == 2
    assert said.startswith("Your AWS configuration or credentials cannot be used (")
    assert said.count("\n") == 1


def test_an_arn_with_an_impossible_region_is_one_sentence(configure: pytest.MonkeyPatch) -> None:
    for variable, given in KEYS.items():
        configure.setenv(variable, given)
    status, said = plan(FORWARDER.replace("eu-west-1", "-"))
    assert status == 2
    assert "InvalidRegionError" in said


def test_a_profile_that_does_not_exist_is_named_wherever_it_comes_from(configure: pytest.MonkeyPatch) -> None:
    configure.setenv("AWS_PROFILE", "nobody")
    assert plan() == (2, "There is no AWS profile 'nobody': name one of those in your AWS configuration.\n")


def test_a_user_who_has_not_logged_in_is_told_to(configure: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(SSO_SESSION)
    status, said = plan()
    assert status == 2
    assert "SSOTokenLoadError" in said
    assert "log in, for example with aws sso login" in said


def test_credentials_in_a_file_that_is_not_there_are_one_sentence(configure: pytest.MonkeyPatch) -> None:
    configure.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere")
    configure.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/any")
    assert plan() == (2, "GetFunctionConfiguration failed: FileNotFoundError.\n")
