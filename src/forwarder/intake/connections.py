"""An HTTP session whose open connections can be cut.

A read timeout limits the wait for the next byte, not for a response: a server that trickles bytes never triggers it. So
the session remembers every connection that it opens, and cutting them ends all that wait for one.
"""

import contextlib
import socket
import ssl
import threading
import weakref
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import certifi
from requests import PreparedRequest, Request, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 20.0  # seconds; both are cut to what is left


class _Open:
    """The connections that are open now, or being opened."""

    def __init__(self) -> None:
        self._connections: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._is_cut = False

    def opening(self, connection: HTTPConnection) -> None:
        with self._lock:
            self._connections.add(connection)

    def opened(self, connection: HTTPConnection) -> None:
        """Cut a connection that was being opened when all were cut."""
        with self._lock:
            late = self._is_cut
        if late:
            _shut_down(connection)

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            connections = list(self._connections)
        for connection in connections:
            _shut_down(connection)


def _shut_down(connection: HTTPConnection) -> None:
    if (sock := connection.sock) is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


_making_context = threading.Lock()


def tls_context(verify: bool | str) -> ssl.SSLContext:
    """Return the context of all TLS connections; `verify` is whether to check certificates, or a file or folder of CAs.

    There is one for the process, because reading the CA bundle takes 18 ms of processor time. Twenty connections would
    spend 360 ms on it, which is what forwarding 130,000 lines costs.
    """
    with _making_context:  # `cache` alone would let several threads read it at once
        return _tls_context(verify)


@cache
def _tls_context(verify: bool | str) -> ssl.SSLContext:
    context = create_urllib3_context()
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif isinstance(verify, str) and Path(verify).is_dir():
        context.load_verify_locations(capath=verify)
    else:
        context.load_verify_locations(cafile=certifi.where() if verify is True else verify)
    return context


def _pools_remembering(connections: _Open, verify: bool | str) -> dict[str, type[HTTPConnectionPool]]:
    """Make pool classes whose connections register themselves before they open, which a proxy may delay."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            connections.opening(self)
            super().connect()
            connections.opened(self)

    class Encrypted(HTTPSConnection):
        def connect(self) -> None:
            connections.opening(self)
            self.ssl_context = tls_context(verify)
            self.ca_certs = self.ca_cert_dir = None  # or urllib3 reads them into the context again
            super().connect()
            connections.opened(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


class _Adapter(HTTPAdapter):
    def __init__(self, opened: _Open, size: int, verify: bool | str) -> None:
        self._pools = _pools_remembering(opened, verify)
        super().__init__(pool_connections=3, pool_maxsize=size, pool_block=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


class Channel:
    """Posts to one URL. What `requests` determines for each request is determined once: pool, proxy, certificates.

    That is half of a request's processor time.
    """

    def __init__(
        self, adapter: Any, request: PreparedRequest, *, verify: bool | str | None, proxies: dict[str, str]
    ) -> None:
        self._pool: Any = adapter.get_connection_with_tls_context(request, verify, proxies)
        adapter.cert_verify(self._pool, request.url or "", verify, None)
        self._target = adapter.request_url(request, proxies)
        self._headers = {name: value for name, value in request.headers.items() if name != "Content-Length"}

    @contextlib.contextmanager
    def post(self, body: bytes, headers: Mapping[str, str], seconds: float) -> Iterator[BaseHTTPResponse]:
        """Send one request, and no more: no redirect is followed, nothing tried again. The caller reads the body.

        A connection with something still unread afterwards is closed, and its place in the pool is free again.

        Raises:
            urllib3.exceptions.HTTPError, OSError, ValueError: there was no response.

        """
        answer: BaseHTTPResponse = self._pool.urlopen(
            "POST",
            self._target,
            body=body,
            headers={**self._headers, **headers},
            redirect=False,
            retries=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
            timeout=Timeout(connect=min(CONNECT_TIMEOUT, seconds), read=min(READ_TIMEOUT, seconds)),
            pool_timeout=seconds,
        )
        try:
            yield answer
        finally:
            if not answer.closed:
                answer.close()  # closes the connection, but does not return it to the pool
            answer.release_conn()


class CuttableSession(Session):
    """A `requests` session with a pool of connections of the given size, all of which can be cut at once.

    `verify` is as in `tls_context`. The session takes nothing from the environment: no .netrc, no proxies except those
    that are passed.
    """

    def __init__(self, size: int, verify: bool | str) -> None:
        super().__init__()
        self._opened = _Open()
        self.trust_env = False
        self.verify = verify
        self._adapter = _Adapter(self._opened, size, verify)
        self.mount("https://", self._adapter)
        self.mount("http://", self._adapter)

    def channel(self, url: str, headers: Mapping[str, str], proxies: Mapping[str, str]) -> "Channel":
        """Return the way to post to a URL, with headers that all requests have."""
        request = self.prepare_request(Request("POST", url, dict(headers)))
        return Channel(self._adapter, request, verify=self.verify, proxies=dict(proxies))

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """Send a request and no more: no redirect is followed or even read, no cookie kept, no hook called."""
        kwargs.pop("allow_redirects", None)
        return self.get_adapter(request.url or "").send(request, **{"verify": self.verify, **kwargs})

    def cut(self) -> None:
        """Shut every open connection down, which ends all requests in flight with an error, and close the session."""
        self._opened.cut()
        self.close()
