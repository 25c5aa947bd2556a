"""A proxy on loopback that fails as networks do, with faults that need raw sockets, not an HTTP framework.

    with FaultProxy(intake.url) as proxy:
        proxy.faults(["reset_before_body", "latency:0.5", "pass"])
        requests.post(f"{proxy.url}/api/v2/logs", ...)

Each request takes one fault; when they are used up, requests pass. It speaks as much HTTP/1.1 as that needs: one
request at a time on a connection, and a new connection to the upstream for each. Bodies have a Content-Length, as the
local intake's responses do; the response to a chunked request is 411.
"""

import asyncio
import socket
import struct
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from local_intake.server import HOST, listen

MAX_HEAD = 65_536
FILLER_BYTES = 65_536
# `{}` would dribble for only two seconds; white space after JSON is still JSON.
MIN_BODY_TO_DRIBBLE = 60
LENGTH_REQUIRED = b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Exchange:
    """One request in progress: what was read of it, and how to proceed."""

    head: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    upstream: tuple[str, int]
    value: float

    async def body(self) -> bytes:
        """Read the body of the request from the client."""
        return await self.reader.readexactly(int(_header(self.head, b"content-length") or 0))

    async def relay(self) -> tuple[bytes, bytes]:
        """Send the request to the upstream; return its response, head and body."""
        body = await self.body()
        reader, writer = await asyncio.open_connection(*self.upstream)
        try:
            writer.write(_without(self.head, b"connection", b"expect") + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
            head, _, response = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        head = _without(head, b"connection", b"content-length")
        return head + b"Content-Length: %d\r\n\r\n" % len(response), response

    async def send(self, data: bytes) -> None:
        """Send bytes to the client."""
        self.writer.write(data)
        await self.writer.drain()

    async def dribble(self, data: bytes) -> None:
        """Send bytes to the client, one per interval."""
        for position in range(len(data)):
            await self.send(data[position : position + 1])
            await asyncio.sleep(self.value)

    def reset(self) -> None:
        """Close the connection with RST: what was sent and not yet read is lost to the client."""
        linger_zero = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
        self.writer.transport.abort()


async def _pass(exchange: Exchange) -> None:
    head, body = await exchange.relay()
    await exchange.send(head + body)


async def _latency(exchange: Exchange) -> None:
    await asyncio.sleep(exchange.value)
    await _pass(exchange)


async def _reset_before_body(exchange: Exchange) -> None:
    exchange.reset()


async def _reset_after_body(exchange: Exchange) -> None:
    await exchange.body()
    exchange.reset()


async def _lost_answer(exchange: Exchange) -> None:
    await exchange.relay()
    exchange.reset()


async def _cut_answer(exchange: Exchange) -> None:
    head, body = await exchange.relay()
    await exchange.send(head + body[: len(body) // 2])
    exchange.writer.close()


async def _dribble_headers(exchange: Exchange) -> None:
    head, body = await exchange.relay()
    await exchange.dribble(head + body)


async def _dribble_body(exchange: Exchange) -> None:
    head, body = await exchange.relay()
    body = body.ljust(MIN_BODY_TO_DRIBBLE)
    await exchange.send(_with_length(head, len(body)))
    await exchange.dribble(body)


async def _endless_headers(exchange: Exchange) -> None:
    head, _ = await exchange.relay()
    await exchange.send(head.removesuffix(b"\r\n"))
    while True:
        await exchange.send(b"X-Filler: %b\r\n" % (b"x" * 100))


async def _huge_body(exchange: Exchange) -> None:
    head, _ = await exchange.relay()
    size = int(exchange.value)
    await exchange.send(_with_length(head, size))
    for sent in range(0, size, FILLER_BYTES):
        await exchange.send(b" " * min(FILLER_BYTES, size - sent))


@dataclass(frozen=True)
class _Kind:
    play: Callable[[Exchange], Awaitable[None]]
    value: float = 0
    help: str = ""


FAULTS = {
    "pass": _Kind(_pass, help="as if the proxy were not there"),
    "latency": _Kind(_latency, 1, "wait for that many seconds, then pass"),
    "refuse": _Kind(_reset_before_body, help="RST when the connection is made (or, on one kept alive, when used)"),
    "reset_before_body": _Kind(_reset_before_body, help="RST after the headers; the upstream sees nothing"),
    "reset_after_body": _Kind(_reset_after_body, help="RST after the body; the upstream sees nothing"),
    "lost_answer": _Kind(_lost_answer, help="the upstream gets it and responds; RST instead of the response"),
    "cut_answer": _Kind(_cut_answer, help="headers and half of the body of the response, then close"),
    "dribble_headers": _Kind(_dribble_headers, 1, "the whole response, one byte at intervals of that many seconds"),
    "dribble_body": _Kind(_dribble_body, 1, "headers at once, then one byte at intervals of that many seconds"),
    "endless_headers": _Kind(_endless_headers, help="headers that never end"),
    "huge_body": _Kind(_huge_body, 100_000_000, "a response of that many bytes"),
}


@dataclass(frozen=True)
class Fault:
    """One fault: a name from `FAULTS`, and its number of seconds or bytes."""

    name: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name` or `name:number`; `ValueError` that lists the names if it is neither."""
        name, _, number = text.strip().partition(":")
        kind = FAULTS.get(name)
        if kind is None:
            raise ValueError(f'There is no fault "{name}": choose from {", ".join(FAULTS)}.')
        try:
            value = float(number) if number else kind.value
        except ValueError:
            value = -1
        if not 0 <= value < float("inf"):
            raise ValueError(f'What follows "{name}:" must be a number of seconds or bytes, not "{number}".')
        return cls(name, value)


class FaultProxy:
    """A fault proxy that runs while the `with` block does, in a thread of its own."""

    def __init__(self, upstream: str, *, faults: Iterable[Fault | str] = (), port: int = 0) -> None:
        address = urlsplit(upstream)
        self._upstream = (address.hostname or HOST, address.port or 80)
        self._port = port
        self._lock = threading.Lock()
        self._faults: deque[Fault] = deque()
        self.faults(faults)

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:8091`."""
        return f"http://{HOST}:{self._port}"

    def faults(self, faults: Iterable[Fault | str]) -> None:
        """Start over with these faults, for the next requests in order; `ValueError` if one is wrong."""
        parsed = [Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults]
        with self._lock:
            self._faults = deque(parsed)

    def remaining(self) -> list[Fault]:
        """List the faults that no request has taken yet."""
        with self._lock:
            return list(self._faults)

    def __enter__(self) -> Self:
        """Listen; `OSError` if the port is taken."""
        self._listener = listen(self._port)
        self._port = self._listener.getsockname()[1]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="fault-proxy", daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening, and drop open connections."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, sock=self._listener, limit=MAX_HEAD)
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the requests of one connection, until either side ends it."""
        try:
            if refusal := self._take(only="refuse"):
                Exchange(b"", reader, writer, self._upstream, refusal.value).reset()
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                if _header(head, b"transfer-encoding"):
                    writer.write(LENGTH_REQUIRED)
                    return
                fault = self._take() or Fault("pass", 0)
                await FAULTS[fault.name].play(Exchange(head, reader, writer, self._upstream, fault.value))
        except (OSError, EOFError, asyncio.LimitOverrunError, ValueError):
            pass  # the client is gone or does not speak HTTP, or the upstream is gone: closing is enough
        finally:
            writer.close()

    def _take(self, only: str = "") -> Fault | None:
        with self._lock:
            if self._faults and only in ("", self._faults[0].name):
                return self._faults.popleft()
        return None


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def _without(head: bytes, *names: bytes) -> bytes:
    """Return the lines of a head except these headers, each with its line end, without the final empty line."""
    lines = [line for line in head.split(b"\r\n") if line]
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in names]
    return b"\r\n".join([*kept, b""])


def _with_length(head: bytes, length: int) -> bytes:
    return _without(head, b"content-length") + b"Content-Length: %d\r\n\r\n" % length
