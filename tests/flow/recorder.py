"""An HTTP server that records every request, and responds to all in the same way."""

import gzip
import json
import ssl
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_INFLATE: dict[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.decompress, "deflate": zlib.decompress}


@dataclass(frozen=True)
class Recorded:
    """One request. `target` is what stands in its first line: a path, or a whole URL where a proxy is asked."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def inflated(self) -> bytes:
        """The body as it was before compression."""
        return _INFLATE[self.headers["Content-Encoding"]](self.body)

    @property
    def json(self) -> Any:
        """The body, inflated and decoded."""
        return json.loads(self.inflated)


class Recorder:
    """Listens on loopback while the `with` block does. `meet` makes requests wait for one another before the answer."""

    def __init__(
        self,
        status: int = 202,
        headers: Mapping[str, str] | None = None,
        meet: int = 1,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self.requests: list[Recorded] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._answer = (status, {"Content-Length": "2", **(headers or {})})
        self._barrier = threading.Barrier(meet)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_port}"

    @property
    def paths(self) -> list[str]:
        return [request.target for request in self.requests]

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="recorder")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._barrier.abort()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, request: Recorded) -> tuple[int, dict[str, str]]:
        """Keep a request, wait for as many as are to meet, and give the answer."""
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self._barrier.wait(10)
        with self._lock:
            self._at_once -= 1
        return self._answer


def _handler_of(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers = recorder.take(Recorded(self.command, self.path, dict(self.headers), body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST  # noqa: N815 - the base class's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    return Handler
