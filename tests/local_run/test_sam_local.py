import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from local_run.function import RunError
from local_run.sam_local import SamLocal

# Returns what it was given, as the function would return its own response.
SAM = f"""#!{sys.executable}
import json, os, sys
print(json.dumps({{"environ": dict(os.environ), "arguments": sys.argv[1:], "event": json.load(sys.stdin)}}))
"""
TEMPLATE = {
    "Resources": {
        "Forwarder": {
            "Properties": {
                "CodeUri": "Forwarder",
                "FunctionName": {"Fn::If": ["HasFunctionName", {"Ref": "FunctionName"}, {"Ref": "AWS::NoValue"}]},
                "Environment": {"Variables": {"DD_SITE": {"Ref": "DdSite"}, "DD_API_KEY_SECRET_ARN": "arn"}},
            }
        }
    }
}


class Put(Protocol):
    """Replaces `sam` and `docker` by programs."""

    def __call__(self, sam: str = ..., images: str = ...) -> None: ...


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Replace `sam` and `docker` by programs; by default SAM responds, and the engine has no image."""

    def put(sam: str = SAM, images: str = "") -> None:
        for name, text in {"sam": sam, "docker": f"#!/bin/sh\necho '{images}'\n"}.items():
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("local_run.sam_local.SAM", tmp_path / "sam")
    put()
    return put


@pytest.fixture
def make(tmp_path: Path, programs: Put) -> Callable[[], SamLocal]:
    (tmp_path / "template.yaml").write_text(yaml.safe_dump(TEMPLATE))
    return lambda: SamLocal(
        tmp_path / "template.yaml",
        environ={"DD_API_KEY_SECRET_ARN": "", "DD_API_KEY": "key"},
        template=tmp_path / "local.yaml",
        log_path=tmp_path / "function.log",
    )


@pytest.fixture
def function(make: Callable[[], SamLocal]) -> SamLocal:
    return make()


def forwarder(tmp_path: Path) -> dict[str, Any]:
    template = yaml.safe_load((tmp_path / "local.yaml").read_text())
    found: dict[str, Any] = template["Resources"]["Forwarder"]["Properties"]
    return found


def test_the_event_reaches_the_function_and_its_response_comes_back(function: SamLocal) -> None:
    with function:
        assert function.invoke({"a": "é"}).payload["event"] == {"a": "é"}


def test_settings_are_declared_on_top_of_those_in_the_template(function: SamLocal, tmp_path: Path) -> None:
    with function:
        variables = {"DD_SITE": {"Ref": "DdSite"}, "DD_API_KEY_SECRET_ARN": "", "DD_API_KEY": "key"}
        assert forwarder(tmp_path)["Environment"]["Variables"] == variables


def test_the_code_is_what_sam_built(function: SamLocal, tmp_path: Path) -> None:
    with function:
        assert forwarder(tmp_path)["CodeUri"] == str(tmp_path / "Forwarder")


def test_the_functions_name_is_plain(function: SamLocal, tmp_path: Path) -> None:
    with function:
        assert forwarder(tmp_path)["FunctionName"] == "datadog-forwarder"


def test_the_users_aws_settings_stay_outside(make: Callable[[], SamLocal], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "the-users-own")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the-users-own")
    with make() as function:
        environ = function.invoke({}).payload["environ"]
    assert "the-users-own" not in environ.values()
    assert environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


@pytest.mark.parametrize(("images", "skipped"), [("0a1b2c3d4e5f", True), ("", False)])
def test_an_image_that_is_there_is_not_pulled(function: SamLocal, programs: Put, images: str, skipped: bool) -> None:
    programs(images=images)
    with function:
        assert ("--skip-pull-image" in function.invoke({}).payload["arguments"]) == skipped


def test_sams_error_message_is_the_error(function: SamLocal, programs: Put) -> None:
    programs(sam="#!/bin/sh\necho 'Error: No disk space.' >&2\nexit 1\n")
    with function, pytest.raises(RunError, match=r"^`sam local invoke` failed: No disk space\.$"):
        function.invoke({})


def test_a_function_that_returns_no_response_has_failed(function: SamLocal, programs: Put) -> None:
    programs(sam="#!/bin/sh\nexit 0\n")
    with function:
        assert function.invoke({}).error == "The function returned an empty response."


def test_a_failure_of_the_function_is_the_results_error(function: SamLocal, programs: Put) -> None:
    answer = json.dumps({"errorType": "ValueError", "errorMessage": "boom"})
    programs(sam=f"#!/bin/sh\necho '{answer}'\n")
    with function:
        assert function.invoke({}).error == "ValueError: boom"
