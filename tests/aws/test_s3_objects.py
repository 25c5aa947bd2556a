"""Objects in S3, as moto stores them: read by any key, in any version, from any byte; and the errors otherwise."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from forwarder.deadline import OUT_OF_TIME, Deadline
from forwarder.errors import ChangedError, ForwarderError, GoneError, ReadError
from forwarder.records import Group, Rejection, S3Object, Unread
from forwarder.sources.objects import read
from forwarder.sources.reading import Reading
from forwarder.sources.s3_client import CHUNK, S3Objects
from tests.aws.support import BUCKET as NAME
from tests.aws.support import Bucket, Cloud
from tests.builders import REGION, far_deadline

KEY = "app/2026-11-22.log"
WANTED = S3Object(NAME, KEY)


LINES = [f"line {number}" for number in range(50_000)]
TEXT = "\n".join(LINES).encode()


class _Cutting(BaseHTTPRequestHandler):
    """Responds as S3 does, except that the first response never ends. `asked` are the ranges."""

    asked: list[str | None]

    def do_GET(self) -> None:
        self.asked.append(self.headers["Range"])
        data = TEXT[int((self.headers["Range"] or "bytes=0-")[6:-1]) :]
        self.send_response(200 if len(data) == len(TEXT) else 206)
        self.send_header("ETag", '"as it is"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:300_000] if len(self.asked) == 1 else data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cutting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str | None]]:
    """Start a server that cuts its first answer; return the ranges that it is asked for."""
    asked: list[str | None] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Cutting", (_Cutting,), {"asked": asked}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _go_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
    yield asked
    server.shutdown()
    server.server_close()


def _go_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


class _Slow(BaseHTTPRequestHandler):
    """Begins to respond as S3 does, and continues on request."""

    freed: threading.Event

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("ETag", '"as it is"')
        self.send_header("Content-Length", "300000")
        self.end_headers()
        self.wfile.write(b"a line\n")
        self.freed.wait(20)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Start a server that answers some bytes; return what makes it hang up."""
    freed = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Slow", (_Slow,), {"freed": freed}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _go_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
    yield freed
    freed.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def objects() -> S3Objects:
    return S3Objects(REGION)


def content(objects: S3Objects, wanted: S3Object, **options: object) -> bytes:
    with objects.open(wanted, **options) as opened:  # type: ignore[arg-type]  # the options' types differ
        return b"".join(opened.chunks)


def etag_of(objects: S3Objects, wanted: S3Object) -> str:
    with objects.open(wanted) as opened:
        return opened.etag


@pytest.mark.parametrize(
    "key", ["a b.log", "a+b%41.log", "größe/日本.log", "a%2Bb.log", "a//b/../c.log", "?versionId=1&x#y", "ü +%.gz"]
)
def test_a_key_is_used_unchanged(bucket: Bucket, objects: S3Objects, key: str) -> None:
    bucket.put(key, key.encode())
    assert content(objects, S3Object(NAME, key)) == key.encode()


def test_an_object_comes_in_chunks(bucket: Bucket, objects: S3Objects) -> None:
    bucket.put(KEY, bytes(CHUNK + 1))
    with objects.open(WANTED) as opened:
        assert [len(chunk) for chunk in opened.chunks] == [CHUNK, 1]


def test_an_object_is_opened_at_a_byte(bucket: Bucket, objects: S3Objects) -> None:
    bucket.put(KEY, b"0123456789")
    assert content(objects, WANTED, start=7) == b"789"


def test_beyond_its_end_an_object_is_empty(bucket: Bucket, objects: S3Objects) -> None:
    bucket.put(KEY, b"0123456789")
    assert content(objects, WANTED, start=10) == b""


def test_a_version_is_read_even_if_there_is_a_newer_one(bucket: Bucket, objects: S3Objects) -> None:
    bucket.client.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
    old = bucket.client.put_object(Bucket=NAME, Key=KEY, Body=b"old")["VersionId"]
    bucket.put(KEY, b"new")
    assert content(objects, S3Object(NAME, KEY, old)) == b"old"
    assert content(objects, WANTED) == b"new"


def test_a_version_can_be_read_after_the_object_was_deleted(bucket: Bucket, objects: S3Objects) -> None:
    bucket.client.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
    old = bucket.client.put_object(Bucket=NAME, Key=KEY, Body=b"old")["VersionId"]
    bucket.client.delete_object(Bucket=NAME, Key=KEY)
    assert content(objects, S3Object(NAME, KEY, old)) == b"old"
    with pytest.raises(GoneError):
        content(objects, WANTED)


@pytest.mark.parametrize(
    "wanted",
    [S3Object(NAME, "missing.log"), S3Object("no-such-bucket-of-ours", KEY), S3Object(NAME, KEY, "b" * 32)],
)
def test_what_is_not_there_is_gone(bucket: Bucket, objects: S3Objects, wanted: S3Object) -> None:
    bucket.put(KEY, b"text")
    with pytest.raises(GoneError, match=r"^NoSuch"):
        content(objects, wanted)


def test_what_has_not_changed_can_be_opened_again(bucket: Bucket, objects: S3Objects) -> None:
    bucket.put(KEY, b"0123456789")
    assert content(objects, WANTED, etag=etag_of(objects, WANTED), start=5) == b"56789"


def test_a_changed_object_is_reported(bucket: Bucket, objects: S3Objects) -> None:
    bucket.put(KEY, b"old")
    etag = etag_of(objects, WANTED)
    bucket.put(KEY, b"new")
    with pytest.raises(ChangedError):
        content(objects, WANTED, etag=etag)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDenied", ReadError),
        ("SlowDown", ReadError),
        ("InternalError", ReadError),
        ("KMS.DisabledException", ReadError),
        ("NoSuchKey", GoneError),
        ("MethodNotAllowed", GoneError),
        ("PreconditionFailed", ChangedError),
    ],
)
def test_an_error_is_reported_by_its_code(
    cloud: Cloud, bucket: Bucket, objects: S3Objects, code: str, error: type[ForwarderError]
) -> None:
    bucket.put(KEY, b"text")
    cloud.refuse("GetObject", code)
    with pytest.raises(error, match=f"^{code}$"):
        content(objects, WANTED)


@pytest.mark.parametrize(
    "code", ["InvalidArgument", "InvalidBucketName", "InvalidObjectState", "InvalidRequest", "KeyTooLongError"]
)
def test_what_a_retry_would_not_change_is_rejected(cloud: Cloud, bucket: Bucket, objects: S3Objects, code: str) -> None:
    bucket.put(KEY, b"text")
    cloud.refuse("GetObject", code)
    (found,) = read(WANTED, 5, Reading(objects, far_deadline()))
    assert found == Rejection(f"the object cannot be read: {code}", str(WANTED))


@pytest.mark.parametrize("name", ["..", ".", "-", "a..b", "a--usw2-az1--x-s3", "a.mrap"])
def test_any_invalid_bucket_name_is_only_rejected(cloud: Cloud, objects: S3Objects, name: str) -> None:
    (found,) = read(S3Object(name, KEY), 0, Reading(objects, far_deadline()))
    assert isinstance(found, Rejection | Unread)


def test_what_has_arrived_of_a_slow_object_is_not_held_back(slow: threading.Event) -> None:
    opened = S3Objects(REGION, path_style=True).open(WANTED)
    with opened as found:
        assert next(iter(found.chunks)) == b"a line\n"
        slow.set()


def test_an_object_that_never_ends_is_left_at_the_deadline(slow: threading.Event) -> None:
    found = list(read(WANTED, 0, Reading(S3Objects(REGION, path_style=True), Deadline.after(2.0))))
    was_left = not slow.is_set()
    slow.set()
    assert was_left
    assert found[-1].reason == OUT_OF_TIME  # type: ignore[union-attr]  # it is an Unread


def test_no_response_is_a_temporary_failure(objects: S3Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    _go_to("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(ReadError, match=r"^EndpointConnectionError$"):
        content(objects, WANTED)


def test_a_broken_connection_is_a_temporary_failure(cutting: list[str | None]) -> None:
    with pytest.raises(ReadError):
        content(S3Objects(REGION, path_style=True), WANTED)


def test_a_broken_read_continues_where_it_broke(cutting: list[str | None]) -> None:
    found = read(WANTED, 0, Reading(S3Objects(REGION, path_style=True), far_deadline()))
    assert [line.message for group in found if isinstance(group, Group) for line in group.lines] == LINES
    assert cutting == [None, "bytes=300000-"]


def test_nothing_is_asked_before_an_object_is_opened(cloud: Cloud) -> None:
    S3Objects(REGION)
    assert cloud.calls == []


def test_objects_of_s3_are_read_to_the_end(bucket: Bucket, objects: S3Objects) -> None:
    bucket.put(KEY, gzip.compress(TEXT))
    found = list(read(WANTED, 0, Reading(objects, far_deadline())))
    assert [line.message for group in found if isinstance(group, Group) for line in group.lines] == LINES


def test_an_object_that_was_deleted_is_rejected(bucket: Bucket, objects: S3Objects) -> None:
    bucket.put("another", b"")
    (found,) = read(WANTED, 0, Reading(objects, far_deadline()))
    assert found == Rejection("the object is gone: NoSuchKey", str(WANTED))


def test_a_denied_object_is_left_to_its_sender(cloud: Cloud, bucket: Bucket, objects: S3Objects) -> None:
    bucket.put(KEY, b"text")
    cloud.refuse("GetObject")
    (found,) = read(WANTED, 5, Reading(objects, far_deadline()))
    assert found == Unread(5, "AccessDenied", str(WANTED))
