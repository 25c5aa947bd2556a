"""AWS without AWS: moto responds inside this process, and every call is recorded."""

import threading
from collections.abc import Iterator

import boto3
import botocore.session
import pytest
from botocore.loaders import Loader
from moto import mock_aws

from forwarder.handler import Forwarder
from tests.aws.support import BUCKET, Bucket, Cloud, Objects, Starts
from tests.builders import OBJECTS_BUCKET, REGION
from tests.flow.conftest import _by_itself, intake, proxy, running_intake, said, start
from tests.flow.support import Start

__all__ = ["_by_itself", "intake", "proxy", "running_intake", "said", "start"]  # the same intake as the flow tests'


MODELS = Loader()  # of AWS's services: reading them takes longer than most tests


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Start a mocked AWS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    cloud = Cloud()
    with mock_aws():
        session = botocore.session.get_session()
        session.register_component("data_loader", MODELS)
        session.register("before-call", cloud.meet)
        session.get_component("event_emitter").register_first("before-send", cloud.lose)
        session.register("before-parameter-build.s3.ListObjectsV2", cloud.cut_page)
        boto3.setup_default_session(botocore_session=session)
        yield cloud
        cloud.freed.set()
        _wait_for_calls()  # a call that was held up must not end in the next test's bucket
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def calls(cloud: Cloud) -> list[str]:
    """Start a mocked AWS; return the calls made to it as `region operation`, in order, as they come in."""
    return cloud.calls


@pytest.fixture
def bucket(cloud: Cloud) -> Bucket:
    """Make the bucket of failed events; what that took is not among the calls."""
    bucket = Bucket()
    cloud.calls.clear()
    return bucket


@pytest.fixture
def storing(start: Start, bucket: Bucket) -> Starts:
    """Start forwarders that keep in the bucket what fails."""

    def storing(**environ: str) -> Forwarder:
        return start(**{"DD_S3_BUCKET_NAME": BUCKET, **environ})

    return storing


@pytest.fixture
def objects(cloud: Cloud) -> Objects:
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=OBJECTS_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    cloud.calls.clear()
    return Objects(client)


def _wait_for_calls() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith(("store", "within")):
            thread.join(timeout=10)
