"""Starts and stops an intake on this machine, in a thread of its own: for tests, and for the command line."""

import asyncio
import socket
import threading
from collections.abc import Collection, Iterable, Mapping
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette

from local_intake.app import create_app
from local_intake.keys import ApiKeys
from local_intake.script import Script, Step
from local_intake.store import SqliteStore, Store

HOST = "127.0.0.1"
START_TIMEOUT_SECONDS = 10
# How long requests in progress (a scripted delay) may hold up the shutdown.
STOP_TIMEOUT_SECONDS = 1


class LocalIntake:
    """An intake that runs while the `with` block does.

        with LocalIntake(script=[{"status": 503}]) as intake:
            requests.post(f"{intake.url}/api/v2/logs", ...)
            intake.store.logs()

    Without a store it keeps everything in memory. The store, given or not, is closed at the end: read it inside
    the block. `script` can be replaced at any time with `intake.script.replace([...])`.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        script: Iterable[Step | Mapping[str, object]] = (),
        api_keys: Collection[str] = (),
        reject_keys: Collection[str] = (),
        port: int = 0,
        host: str = HOST,
    ) -> None:
        self.script = Script(script)
        self.store = store or SqliteStore()
        self._keys = ApiKeys(api_keys, reject_keys)
        self._port = port
        self._host = host

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:8090`."""
        return f"http://{self._host}:{self._port}"

    def __enter__(self) -> Self:
        """Listen, and return when requests are served; `OSError` if the port is taken."""
        try:
            listener = listen(self._port, self._host)
        except OSError:
            self.store.close()
            raise
        self._port = listener.getsockname()[1]
        self._server = _Server(_config(create_app(self.store, self.script, self._keys, self._host)))
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="local-intake", daemon=True)
        self._thread.start()
        if not self._server.ready.wait(START_TIMEOUT_SECONDS):
            raise TimeoutError(f"The local intake did not start within {START_TIMEOUT_SECONDS} seconds.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening, and close the store."""
        self._server.stop()
        self._thread.join()
        self.store.close()

    def __repr__(self) -> str:
        return f"LocalIntake({self.url})"


def listen(port: int, host: str = HOST) -> socket.socket:
    """Listen on a port, 0 for a free one; `OSError` if it is taken, or the address does not belong to this machine."""
    # asyncio disables Nagle's algorithm only on sockets that name their protocol; with it, each response takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        lifespan="off",
        ws="none",
        # uvicorn's own log would show query strings, and messages of exceptions that quote what was sent.
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=STOP_TIMEOUT_SECONDS,
    )


class _Server(uvicorn.Server):
    """uvicorn, which otherwise checks only ten times a second whether it should stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self.ready.set()
        await self._stopping.wait()

    def stop(self) -> None:
        """Ask the server to stop, from any thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)
