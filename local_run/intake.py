"""The local intake as a process of its own, and the queries that a run makes."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from local_run.files import short
from local_run.function import RunError
from local_run.process import LOOPBACK, serving

# What the forwarder reports about itself is not part of what it was given to forward.
OWN_METRICS = "aws.dd_forwarder."
_TIMEOUT_SECONDS = 30
_PAGE = 1000


class Intake:
    """A local intake on a free port, on loopback unless `host` says otherwise, with an empty store, in a `with` block.

    Raises RunError if it does not start.
    """

    def __init__(self, store: Path, host: str = LOOPBACK) -> None:
        self.store = store
        self._host = host
        self.url = ""
        self._log = store.with_suffix(".log")
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with self._exit:  # undone if the start fails
            for suffix in ("", "-wal", "-shm"):
                self.store.with_name(self.store.name + suffix).unlink(missing_ok=True)
            arguments: list[str | Path] = ["local_intake", "--host", self._host, "--port", "0", "--store", self.store]
            self.url = self._exit.enter_context(serving("local intake", arguments, self._log))
            self._session = self._exit.enter_context(requests.Session())
            self._session.trust_env = False  # a proxy has no business on this machine
            self._exit = self._exit.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit.close()

    def arrived(self) -> dict[str, int]:
        """Count what arrived, by signal as the forwarder counts it; its metrics about itself are left out."""
        stats = self._get("stats")
        return {"logs": stats["logs"], "metrics": stats["metrics"] - self._own_metrics(), "traces": stats["spans"]}

    def _own_metrics(self) -> int:
        own, after = 0, 0
        while page := self._get("metrics", after=after, limit=_PAGE):
            own += sum(metric["name"].startswith(OWN_METRICS) for metric in page)
            after = page[-1]["seq"]
        return own

    def _get(self, name: str, **query: int) -> Any:
        try:
            response = self._session.get(f"{self.url}/_local/{name}", params=query, timeout=_TIMEOUT_SECONDS)
            response.raise_for_status()
            return response.json()
        except requests.ConnectionError as error:
            raise RunError(
                f"The local intake died, so the counts are the function's own; see {short(self._log)}."
            ) from error
        except requests.RequestException as error:
            raise RunError(f"The local intake does not say what arrived; see {short(self._log)}.") from error
