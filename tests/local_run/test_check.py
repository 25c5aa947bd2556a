import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_intake.server import LocalIntake

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef0123456789ab7e57"

Check = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def intake() -> Iterator[LocalIntake]:
    with LocalIntake() as intake:
        yield intake


@pytest.fixture
def check(intake: LocalIntake) -> Check:
    """Return what the command prints, with its exit status: its own process, since a sandbox reads settings once."""

    def check(**environ: str) -> tuple[int, str]:
        url = intake.url
        usual = {"DD_API_KEY": KEY, "DD_URL": url, "DD_API_URL": url, "DD_TRACE_INTAKE_URL": url}
        done = subprocess.run(
            [sys.executable, "-m", "local_run.check"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **usual, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return check


def test_a_good_configuration_is_ready(check: Check) -> None:
    status, said = check()

    assert (status, said.splitlines()[-1]) == (0, "Ready to deliver.")


def test_only_the_end_of_the_key_is_shown(check: Check) -> None:
    _, said = check()

    assert "ends with 7e57" in said
    assert KEY[:-4] not in said


def test_nothing_is_sent_to_be_stored(check: Check, intake: LocalIntake) -> None:
    check()

    assert intake.store.logs() == []
    assert intake.store.metrics() == []


def test_an_unreachable_intake_is_one_sentence_that_says_where_to_look(check: Check) -> None:
    status, said = check(DD_URL="http://127.0.0.1:9")

    assert status == 1
    assert "The intake of logs was not reached (connection refused): look at DD_SITE, DD_URL and DD_PORT" in said


def test_a_refused_key_is_one_sentence_with_the_site(check: Check) -> None:
    with LocalIntake(reject_keys=[KEY]) as refusing:
        status, said = check(DD_API_URL=refusing.url)

    assert status == 1
    assert "The intake of metrics refuses the key: is it one of this site (datadoghq.com)?" in said


def test_a_missing_key_is_one_sentence_and_no_traceback(check: Check) -> None:
    status, said = check(DD_API_KEY="")

    assert status == 1
    assert said.startswith("There is no API key: set one of DD_API_KEY_SECRET_ARN")
    assert said.count("\n") == 1


def test_a_misspelled_setting_is_reported(check: Check) -> None:
    assert "Warning: DD_SITES is not a setting; did you mean DD_SITE?" in check(DD_SITES="datadoghq.eu")[1]


def test_only_the_settings_of_the_shell_are_shown_by_the_names_of_their_variables(check: Check) -> None:
    _, said = check(DD_COMPRESSION_LEVEL="3", REDACT_IP="true", DD_SKIP_SSL_VALIDATION="true")

    shown = [line.split()[1:] for line in said.splitlines() if line.strip().startswith("setting")]
    assert sorted(shown) == [["DD_COMPRESSION_LEVEL", "3"], ["DD_SKIP_SSL_VALIDATION", "true"], ["REDACT_IP", "true"]]


def test_a_shell_without_credentials_is_one_sentence(check: Check) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-a1B2c3"
    _, said = check(DD_API_KEY_SECRET_ARN=arn, DD_S3_BUCKET_NAME="bucket", AWS_EC2_METADATA_DISABLED="true")

    assert said.count("This shell has no AWS credentials.\n") == 1
    assert "NoCredentialsError" not in said


def test_a_masking_rule_is_shown_as_it_was_written(check: Check) -> None:
    _, said = check(DD_SCRUBBING_RULE="secret=[a-z]+")

    assert "DD_SCRUBBING_RULE" in said
    assert "secret=[a-z]+\n" in said.replace(" ", "")


def test_a_password_of_a_proxy_is_not_shown(check: Check) -> None:
    _, said = check(HTTPS_PROXY="http://user:hunter2@127.0.0.1:9", NO_PROXY="127.0.0.1")

    assert ["setting", "HTTPS_PROXY", "http://127.0.0.1:9"] in [line.split() for line in said.splitlines()]
    assert "hunter2" not in said


def test_a_proxy_that_is_in_use_is_named_with_the_intake_and_in_the_hint(check: Check) -> None:
    status, said = check(HTTP_PROXY="http://127.0.0.1:9")

    assert status == 1
    assert ["through", "the", "proxy", "http://127.0.0.1:9"] in [line.split() for line in said.splitlines()]
    assert (
        "look at the proxy http://127.0.0.1:9 (HTTP_PROXY and NO_PROXY), then at DD_SITE, DD_URL and DD_PORT." in said
    )


def test_a_failing_intake_of_traces_does_not_affect_the_others(check: Check) -> None:
    status, said = check(DD_TRACE_INTAKE_URL="http://127.0.0.1:9")

    assert (status, said.splitlines()[-1]) == (0, "Ready to deliver logs and metrics.")


def test_a_short_key_is_not_shown(check: Check) -> None:
    _, said = check(DD_API_KEY="q7w")

    assert "too short to show any of it" in said
    assert "q7w" not in said
