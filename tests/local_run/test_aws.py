"""S3 on this machine, called with the forwarder's client."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
import requests

from local_run import aws
from local_run.function import RunError
from local_run.run import EVENTS

Read = Callable[[str], bytes]

SAMPLES = sorted(EVENTS.glob("*.json"))
NAMING_OBJECTS = {path for path in SAMPLES if path.name.startswith("s3.") and path.stem != "s3.test-event"} | {
    EVENTS / f"{name}.json"
    for name in (
        "eventbridge.object-created",
        "sns.s3-notification",
        "sqs.eventbridge",
        "sqs.raw-delivery",
        "sqs.s3-notification",
        "sqs.sns-envelope",
    )
}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    objects = tmp_path_factory.mktemp("objects")
    for key, text in {"a b+c%41/é.log": "odd", "app.log.gz": "zipped"}.items():
        (objects / "bucket" / key).parent.mkdir(parents=True, exist_ok=True)
        (objects / "bucket" / key).write_text(text)
    return objects


@pytest.fixture(scope="module")
def variables(objects: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with aws.running(tmp_path_factory.mktemp("log") / "s3.log", objects) as variables:
        yield variables


@pytest.fixture
def read(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """Read an object using only the variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("s3", region_name="us-east-1")
    yield lambda key: client.get_object(Bucket="bucket", Key=key)["Body"].read()
    client.close()


def test_it_is_on_loopback_only(variables: dict[str, str]) -> None:
    assert variables["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")


def test_an_object_has_the_name_of_its_file_whatever_is_in_it(read: Read) -> None:
    assert read("a b+c%41/é.log") == b"odd"


def test_a_file_named_gz_is_gzipped(read: Read) -> None:
    assert gzip.decompress(read("app.log.gz")) == b"zipped"


def test_it_ends_with_the_run(objects: Path, tmp_path: Path) -> None:
    with aws.running(tmp_path / "s3.log", objects) as variables:
        pass
    with pytest.raises(requests.ConnectionError):
        requests.get(variables["AWS_ENDPOINT_URL"], timeout=5)


def test_objects_that_are_not_taken_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "objects" / "no").mkdir(parents=True)  # too short for the name of a bucket
    with (
        pytest.raises(RunError, match="The local S3 does not take the sample objects; see "),
        aws.running(tmp_path / "s3.log", tmp_path / "objects"),
    ):
        pass


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_it_is_needed_for_the_samples_that_name_objects_and_no_others(path: Path) -> None:
    assert aws.is_needed([json.loads(path.read_text())]) is (path in NAMING_OBJECTS)
