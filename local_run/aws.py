"""AWS on this machine, by moto's server in a process of its own: S3, with the objects that the sample events name.

`python -m local_run.aws ADDRESS` serves there on a free port, prints its URL on the first line, and ends on SIGTERM.
"""

import gzip
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import requests

from local_run.function import RunError
from local_run.process import LOOPBACK, READY, ROOT, serving

OBJECTS = ROOT / "events" / "objects"  # <bucket>/<key>
# Dummy keys: without any, boto3 would look for the user's own.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local-run", "AWS_SECRET_ACCESS_KEY": "local-run"}
# Every event that names objects has a member `s3`, or the source `aws:s3` or `aws.s3`, perhaps in JSON within JSON,
# where the quote has backslashes before it.
_NAMES_S3 = re.compile(rb'\bs3\\*"')
_TIMEOUT_SECONDS = 10


def is_needed(events: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether an event may name objects in S3. If in doubt, yes: a local S3 is cheaper than a call to AWS."""
    return any("awslogs" not in event and _NAMES_S3.search(msgspec.json.encode(event)) for event in events)


@contextmanager
def running(log_path: Path, objects: Path = OBJECTS, host: str = LOOPBACK) -> Iterator[dict[str, str]]:
    """Serve AWS until the `with` block is left; yield the variables by which boto3 finds it. Raises RunError.

    `objects` has a directory for each bucket, and in it a file for each object, named as its key. The content of a file
    whose name ends in `.gz` is gzipped first: the file itself is readable text.
    """
    with serving("local AWS", ["local_run.aws", host], log_path) as url:
        try:
            _fill(url, objects)
        except requests.RequestException as error:
            raise RunError(f"The local S3 does not take the sample objects; see {log_path}.") from error
        yield {**CREDENTIALS, "AWS_ENDPOINT_URL": url}


def _fill(url: str, objects: Path) -> None:
    with requests.Session() as session:
        session.trust_env = False  # a proxy has no business on this machine
        for bucket in sorted(each for each in objects.iterdir() if each.is_dir()):
            session.put(f"{url}/{bucket.name}", timeout=_TIMEOUT_SECONDS).raise_for_status()
            for path in sorted(path for path in bucket.rglob("*") if path.is_file()):
                address = f"{url}/{bucket.name}/{quote(path.relative_to(bucket).as_posix())}"
                session.put(address, data=_content(path), timeout=_TIMEOUT_SECONDS).raise_for_status()


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.compress(content, mtime=0) if path.suffix == ".gz" else content


def main(host: str) -> int:
    """Serve until SIGTERM."""
    from moto.server import ThreadedMotoServer

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # before there are other threads, which inherit it
    server = ThreadedMotoServer(host, port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    print(f"{READY}http://{host}:{port}", flush=True)
    signal.sigwait([signal.SIGTERM])
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
