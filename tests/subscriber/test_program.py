"""`python -m subscriber` as a user starts it, against moto's server in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from local_run import aws
from subscriber import COMMAND
from tests.subscriber.support import ACCOUNT, FOREIGN, FORWARDER, OWN, REGION, STREAM

ROOT = Path(__file__).parents[2]
LATE = ["boto3", "botocore", "rich", "aws_lambda_powertools"]
WISH = ("--forwarder-arn", FORWARDER, "--include", "/aws/lambda/*", "--calls-per-second", "100")
REMOVAL = ("remove", "--forwarder-arn", FORWARDER, "--calls-per-second", "100", "--yes")
GROUPS = [f"/aws/lambda/f{number:03}" for number in range(500)]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    folder = tmp_path_factory.mktemp("aws")
    (folder / "objects").mkdir()
    with aws.running(folder / "aws.log", folder / "objects") as variables:
        yield variables


@pytest.fixture
def account(server: Mapping[str, str]) -> boto3.session.Session:
    """Empty the account, except for a forwarder that CloudWatch Logs may invoke."""
    url = server["AWS_ENDPOINT_URL"]
    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")).close()
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    session = boto3.session.Session(region_name=REGION, **keys)
    role = client(session, server, "iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions = client(session, server, "lambda")
    functions.create_function(
        FunctionName="forwarder", Runtime="python3.13", Handler="a.b", Role=role, Code={"ZipFile": b"never run"}
    )
    functions.add_permission(  # as the stack does: the command would wait for a new one
        FunctionName="forwarder",
        StatementId="from-the-stack",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceAccount=ACCOUNT,
        SourceArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*:*",
    )
    return session


def client(session: boto3.session.Session, server: Mapping[str, str], name: str) -> Any:
    return session.client(name, endpoint_url=server["AWS_ENDPOINT_URL"])


def start(server: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
    environ = {**server, "PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"]}
    line = [sys.executable, "-m", "subscriber", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, env=environ, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def run(server: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run the command; return its exit status and what it wrote."""
    process = start(server, *arguments)
    out, err = process.communicate()
    return process.returncode, out, err


def filters(logs: Any) -> dict[str, dict[str, str]]:
    """Return the destination of each filter of each group."""
    pages = logs.get_paginator("describe_log_groups").paginate()
    names = [found["logGroupName"] for page in pages for found in page["logGroups"]]
    return {name: _filters(logs, name) for name in names}


def _filters(logs: Any, name: str) -> dict[str, str]:
    found = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
    return {each["filterName"]: each["destinationArn"] for each in found}


def test_five_hundred_groups_are_subscribed_once_whatever_is_killed_and_then_left_as_they_were(
    server: Mapping[str, str], account: boto3.session.Session
) -> None:
    client(account, server, "kinesis").create_stream(StreamName="lake", ShardCount=1)
    logs = client(account, server, "logs")
    before: dict[str, dict[str, str]] = {name: {} for name in [*GROUPS, "/ecs/a"]}
    for name in before:
        logs.create_log_group(logGroupName=name)
    for name in [*GROUPS[::10], "/ecs/a"]:
        before[name] = {FOREIGN.name: STREAM}
        logs.put_subscription_filter(
            logGroupName=name, filterName=FOREIGN.name, filterPattern="", destinationArn=STREAM, roleArn=ROLE
        )

    killed = start(server, "apply", *WISH, "--yes")
    while not _filters(logs, GROUPS[1]):
        assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not _filters(logs, GROUPS[-1])

    assert run(server, "apply", *WISH, "--yes")[0] == 0
    assert run(server, "apply", *WISH, "--yes")[2] == "Done: 501 skipped.\n"
    assert filters(logs) == {name: before[name] | {OWN.name: FORWARDER} for name in GROUPS} | {
        "/ecs/a": before["/ecs/a"]
    }

    assert run(server, *REMOVAL)[2] == "Done: 500 unsubscribed, 1 skipped.\n"
    assert filters(logs) == before


def test_a_plan_is_for_programs_as_well(server: Mapping[str, str], account: boto3.session.Session) -> None:
    client(account, server, "logs").create_log_group(logGroupName=GROUPS[0])
    status, out, _ = run(server, "plan", *WISH, "--json")
    assert (status, json.loads(out)["counts"]["subscribed"]) == (0, 1)


def test_a_reader_that_stops_early_sees_no_traceback(server: Mapping[str, str], account: boto3.session.Session) -> None:
    client(account, server, "logs").create_log_group(logGroupName=GROUPS[0])
    process = start(server, "plan", *WISH, "--all")
    assert process.stdout is not None
    process.stdout.close()  # as `| head` does once it has seen enough
    process.stdout = None
    assert process.communicate()[1] == ""
    assert process.returncode == 141


def redirected(server: Mapping[str, str], redirection: str, *arguments: str) -> tuple[int, str]:
    """Run the command with a shell's redirection; return its exit status and what is on standard error."""
    environ = {**server, "PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"]}
    line = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "subscriber", *arguments]
    done = subprocess.run(line, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_without_standard_input_the_answer_is_no(server: Mapping[str, str], account: boto3.session.Session) -> None:
    logs = client(account, server, "logs")
    logs.create_log_group(logGroupName=GROUPS[0])
    said = "Change 1 log groups? [y/N] Nothing was changed.\n"
    assert redirected(server, "<&-", "apply", *WISH) == (2, said)
    assert not _filters(logs, GROUPS[0])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">&-", "Standard output is closed, so the result cannot be written.\n"),
        ("> /dev/full", "The result cannot be written: No space left on device.\n"),
    ],
)
@pytest.mark.parametrize("arguments", [("plan",), ("apply", "--yes")])
def test_nothing_is_changed_where_the_plan_cannot_be_written(
    server: Mapping[str, str],
    account: boto3.session.Session,
    redirection: str,
    said: str,
    arguments: tuple[str, ...],
) -> None:
    logs = client(account, server, "logs")
    logs.create_log_group(logGroupName=GROUPS[0])
    assert redirected(server, redirection, *arguments, *WISH) == (2, said)
    assert not _filters(logs, GROUPS[0])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("redirection", ["2>&-", "2> /dev/full"])
def test_it_goes_on_where_only_remarks_cannot_be_written(
    server: Mapping[str, str], account: boto3.session.Session, redirection: str
) -> None:
    logs = client(account, server, "logs")
    logs.create_log_group(logGroupName=GROUPS[0])
    assert redirected(server, redirection, "apply", "--yes", *WISH) == (0, "")
    assert _filters(logs, GROUPS[0])


def test_the_command_in_the_help_works_in_a_clone() -> None:
    line = COMMAND.replace(".venv/bin/python", sys.executable)
    done = subprocess.run(f"{line} --help", shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"usage: {COMMAND} ")


@pytest.mark.parametrize("module", ["cli", "settings", "handler"])
def test_importing_it_loads_nothing_that_is_slow_or_missing(module: str) -> None:
    needed = {"aws_lambda_powertools", "botocore"} if module == "handler" else set()
    code = f"import sys, subscriber.{module}; print([name for name in {LATE} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "src", capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout.replace("'", '"'))) <= needed
