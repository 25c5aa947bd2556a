"""A key is revoked and the secret rotated: nothing is lost, nothing is restarted, and neither key is shown."""

from collections.abc import Callable, Iterator

import boto3
import pytest

from forwarder.errors import DeliveryError
from forwarder.handler import Forwarder
from local_intake.server import LocalIntake
from tests.aws.support import BUCKET, PENDING, RETRY, Bucket, Cloud, Starts, coffee, handle
from tests.builders import ENVIRON, REGION, awslogs_event
from tests.flow.support import Said, Start, attempts, is_balanced

OLD, NEW = "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "9f8e7d6c5b4a39281706f5e4d3c2b1a0"


@pytest.fixture
def strict() -> Iterator[LocalIntake]:
    """Run an intake that takes the new key only."""
    with LocalIntake(api_keys=[NEW]) as intake:
        yield intake


@pytest.fixture
def secret(cloud: Cloud) -> str:
    """Keep the old key; return the secret's ARN."""
    client = boto3.client("secretsmanager", region_name=REGION)
    return str(client.create_secret(Name="datadog", SecretString=OLD)["ARN"])


@pytest.fixture
def rotate(secret: str) -> Callable[[str], None]:
    def rotate(value: str) -> None:
        boto3.client("secretsmanager", region_name=REGION).put_secret_value(SecretId=secret, SecretString=value)

    return rotate


@pytest.fixture
def keyed(start: Start, strict: LocalIntake, secret: str, bucket: Bucket) -> Starts:
    """Start forwarders whose key is in the secret, and that keep in the bucket what fails."""

    def keyed(**environ: str) -> Forwarder:
        return start(
            strict.url, DD_API_KEY_SECRET_ARN=secret, DD_S3_BUCKET_NAME=BUCKET, DD_LOG_LEVEL="DEBUG", **environ
        )

    return keyed


def test_a_key_that_was_rotated_is_fetched_when_the_old_one_is_refused(
    keyed: Starts, strict: LocalIntake, rotate: Callable[[str], None], bucket: Bucket
) -> None:
    forwarder = keyed()
    handle(forwarder, awslogs_event(["before"]))
    rotate(NEW)
    answer = handle(forwarder, awslogs_event(["after", coffee()]))
    assert (answer["items"]["delivered"], len(bucket.names(PENDING))) == (2, 1)
    handle(forwarder, RETRY)
    assert sorted(str(log.message) for log in strict.store.logs()) == ["after", "before"]
    assert bucket.names() == []


@pytest.mark.parametrize("status", [401, 403])
def test_what_a_refused_key_was_to_send_is_stored_and_the_reason_names_the_secret(
    status: int, keyed: Starts, strict: LocalIntake, bucket: Bucket, secret: str
) -> None:
    strict.script.replace([{"status": status, "signal": "logs"}])
    answer = handle(keyed(), awslogs_event(["a"]))
    metadata = bucket.metadata(bucket.only(PENDING))
    assert (answer["items"]["stored"], is_balanced(answer)) == (1, True)
    assert metadata["reason"] == f"status {status}: the key from DD_API_KEY_SECRET_ARN ({secret}) is refused"


def test_a_key_is_fetched_once_in_an_invocation_however_many_batches_were_refused(
    keyed: Starts, strict: LocalIntake, rotate: Callable[[str], None], cloud: Cloud
) -> None:
    forwarder = keyed()
    handle(forwarder, awslogs_event(["before"]))
    rotate(NEW)
    cloud.calls.clear()
    strict.script.replace([{"delay": 0.1, "signal": "logs", "times": 20}])  # so that all are refused at once
    answer = handle(forwarder, awslogs_event(map(str, range(20_000))))
    assert (answer["items"]["delivered"], cloud.count("GetSecretValue")) == (20_000, 1)
    assert sorted(attempts(strict, "logs"))[:20] == [202] * 20


def test_a_key_that_stays_refused_costs_a_fetch_and_a_request_a_batch(
    keyed: Starts, strict: LocalIntake, cloud: Cloud, bucket: Bucket, rotate: Callable[[str], None]
) -> None:
    forwarder = keyed()
    handle(forwarder, awslogs_event(["before"]))
    cloud.calls.clear()
    strict.store.clear()
    answer = handle(forwarder, awslogs_event(map(str, range(5_000))))
    assert (answer["items"]["stored"], attempts(strict, "logs")) == (5_000, [403] * 5)
    assert cloud.count("GetSecretValue") == 1


def test_nothing_of_a_key_is_said_or_stored(
    keyed: Starts, strict: LocalIntake, rotate: Callable[[str], None], bucket: Bucket, said: Said
) -> None:
    forwarder = keyed()
    handle(forwarder, awslogs_event(["before"]))
    kept = bucket.everything()
    rotate(NEW)
    handle(forwarder, awslogs_event(["after"]))
    handle(forwarder, RETRY)
    everything = said.text + kept
    assert [part for key in (OLD, NEW) for part in (key[:12], key[-12:]) if part in everything] == []


def test_the_refused_secret_is_named_in_our_log(keyed: Starts, secret: str, said: Said) -> None:
    handle(keyed(), awslogs_event(["a"]))
    assert any(secret in record.get("reason", "") for record in said.at("WARNING"))


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ThrottlingException"])
def test_without_a_key_everything_is_stored_and_the_reason_names_the_variable(
    code: str, keyed: Starts, bucket: Bucket, cloud: Cloud, rotate: Callable[[str], None]
) -> None:
    cloud.refuse("GetSecretValue", code)
    forwarder = keyed()
    answer = handle(forwarder, awslogs_event(["a", coffee()]))
    reasons = {bucket.metadata(name)["reason"] for name in bucket.names(PENDING)}
    assert (answer["items"]["stored"], cloud.count("GetSecretValue")) == (2, 1)
    assert reasons == {f"The API key that DD_API_KEY_SECRET_ARN names could not be fetched: {code}"}
    cloud.heal()
    rotate(NEW)
    assert handle(forwarder, RETRY)["items"]["delivered"] == 2


def test_a_plain_key_that_is_refused_is_not_retried(start: Start, strict: LocalIntake, bucket: Bucket) -> None:
    answer = handle(start(strict.url, DD_S3_BUCKET_NAME=BUCKET), awslogs_event(["a"]))
    assert (answer["items"]["stored"], attempts(strict, "logs")) == (1, [403])
    assert bucket.metadata(bucket.only(PENDING))["reason"] == "status 403: the key from DD_API_KEY is refused"
    assert ENVIRON["DD_API_KEY"] not in bucket.everything()


@pytest.mark.usefixtures("cloud")
def test_what_is_wrong_with_a_key_is_one_sentence(start: Start) -> None:
    with pytest.raises(DeliveryError, match=r"^1 logs could not be delivered: DD_KMS_API_KEY is not base64\.$"):
        handle(start(DD_API_KEY="", DD_KMS_API_KEY="sesame!"), awslogs_event(["a"]))
