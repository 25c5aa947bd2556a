"""Encrypted connections: certificates are checked against the CAs that the settings name, which are read once."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import trustme

from forwarder.errors import DeliveryError
from forwarder.intake.connections import _tls_context
from tests.builders import awslogs_event
from tests.flow.recorder import Recorder
from tests.flow.support import Forward, delivered

MANY_LINES = [f"line {number}" for number in range(20_000)]
EVENT = awslogs_event(["a"])

Serve = Callable[..., AbstractContextManager[Recorder]]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    """Return a file with the certificate of the authority that vouches for the intake."""
    path = tmp_path / "bundle.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def serve(authority: trustme.CA) -> Serve:
    """Run an intake that has a certificate for a name."""

    def serve(name: str = "127.0.0.1", meet: int = 1) -> Recorder:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        return Recorder(meet=meet, tls=context)

    return serve


@pytest.fixture
def files_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Return the files of certificates that are read, as they are."""
    read: list[object] = []

    class Noting(ssl.SSLContext):
        def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
            read.append(cafile)
            super().load_verify_locations(cafile, capath, cadata)

    monkeypatch.setattr("urllib3.util.ssl_.SSLContext", Noting)
    _tls_context.cache_clear()
    yield read
    _tls_context.cache_clear()


def test_an_intake_of_a_known_authority_gets_the_logs(forward: Forward, serve: Serve, bundle: str) -> None:
    with serve() as intake:
        answer = forward(EVENT, DD_URL=intake.url, REQUESTS_CA_BUNDLE=bundle)
    assert delivered(answer) == (1, 0)


def test_an_intake_of_an_unknown_authority_gets_nothing(forward: Forward, serve: Serve) -> None:
    with serve() as intake:
        with pytest.raises(DeliveryError, match="SSLCertVerificationError"):
            forward(EVENT, 2, DD_URL=intake.url)
        assert intake.requests == []


def test_an_intake_with_the_certificate_of_another_host_gets_nothing(
    forward: Forward, serve: Serve, bundle: str
) -> None:
    with serve("elsewhere.example") as intake:
        with pytest.raises(DeliveryError, match="SSLCertVerificationError"):
            forward(EVENT, 2, DD_URL=intake.url, REQUESTS_CA_BUNDLE=bundle)
        assert intake.requests == []


def test_any_certificate_will_do_where_validation_is_disabled(forward: Forward, serve: Serve) -> None:
    with serve("elsewhere.example") as intake:
        answer = forward(EVENT, DD_URL=intake.url, DD_SKIP_SSL_VALIDATION="true")
    assert delivered(answer) == (1, 0)


def test_the_authorities_are_read_once_for_all_connections(
    forward: Forward, serve: Serve, bundle: str, files_read: list[object]
) -> None:
    with serve(meet=20) as intake:  # each request waits for the others, so each has a connection of its own
        forward(awslogs_event(MANY_LINES), DD_URL=intake.url, REQUESTS_CA_BUNDLE=bundle)
    assert files_read == [bundle]
