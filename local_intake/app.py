"""The intake over HTTP: endpoints as data, and what happens to a request from its first byte to its response."""

import asyncio
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from local_intake import control, encodings, records
from local_intake.keys import ApiKeys, hidden_headers
from local_intake.payloads import MAX_LOGS_BODY, MAX_METRICS_BODY, parse_logs, parse_metrics, parse_nothing
from local_intake.records import Contents, RefusedError, Signal
from local_intake.responses import error_response, read_body
from local_intake.script import Script, Step
from local_intake.spans import MAX_TRACES_BODY, parse_traces
from local_intake.store import Store

MAX_VALIDATE_BODY = 1_000
BODILESS = frozenset({204, 304})  # https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1
INDEX = "A local intake: nothing that you send here leaves this machine."


@dataclass(frozen=True)
class Endpoint:
    """One endpoint: its path, the size limit, how the body is read, and the response on success."""

    signal: Signal
    method: str
    path: str
    max_body: int
    parse: Callable[[bytes], Contents]
    status: int
    response: bytes


# Paths and responses: https://docs.datadoghq.com/api/latest/ (logs, metrics, authentication) and the trace agent.
ENDPOINTS = (
    Endpoint("logs", "POST", "/api/v2/logs", MAX_LOGS_BODY, parse_logs, 202, b"{}"),
    Endpoint(
        "metrics",
        "POST",
        "/api/v1/distribution_points",
        MAX_METRICS_BODY,
        parse_metrics,
        202,
        b'{"status":"ok"}',
    ),
    Endpoint("traces", "POST", "/api/v0.2/traces", MAX_TRACES_BODY, parse_traces, 202, b"{}"),
    Endpoint("validate", "GET", "/api/v1/validate", MAX_VALIDATE_BODY, parse_nothing, 200, b'{"valid":true}'),
)


def create_app(
    store: Store, script: Script | None = None, keys: ApiKeys | None = None, host: str = control.LOCAL_NAMES[0]
) -> Starlette:
    """Create the application: the intake endpoints, `/_local`, and an index at `/`."""
    script = script or Script()
    intake = _Intake(store, script, keys or ApiKeys())
    return Starlette(
        routes=[
            Route("/", _index, methods=["GET"]),
            *(Route(each.path, intake.route(each), methods=[each.method]) for each in ENDPOINTS),
            control.routes(store, script, host),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _internal_error},
    )


class _Intake:
    def __init__(self, store: Store, script: Script, keys: ApiKeys) -> None:
        self._store = store
        self._script = script
        self._keys = keys

    def route(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def receive(request: Request) -> Response:
            try:
                wire = await read_body(request, endpoint.max_body + encodings.WIRE_OVERHEAD)
            except ClientDisconnect:
                return Response(status_code=400)  # the client is gone
            step = self._script.take(endpoint.signal, lambda: _readable(request, wire, endpoint))
            await asyncio.sleep(step.delay)
            # Decoding and storing a full request takes tens of milliseconds: do not block the others.
            return await run_in_threadpool(self._settle, endpoint, request, wire, step)

        return receive

    def _settle(self, endpoint: Endpoint, request: Request, wire: bytes, step: Step) -> Response:
        """Check a request, store what it held, and return the response."""
        contents, body_bytes = Contents(), 0
        response = _response(endpoint, step)
        if step.stores:
            try:
                self._keys.check(request.headers, request.query_params)
                body = encodings.decode(request.headers.get("content-encoding", ""), wire, endpoint.max_body)
                body_bytes = len(body)
                contents = endpoint.parse(body)
            except RefusedError as refused:
                response = error_response(refused.status, refused.detail)
        kept = records.Request(
            seq=0,
            received_at=time.time(),
            signal=endpoint.signal,
            path=endpoint.path,
            status=response.status_code,
            wire_bytes=len(wire),
            body_bytes=body_bytes,
            headers=hidden_headers(request.headers),
        )
        self._store.add(kept, contents)
        return response


def _readable(request: Request, wire: bytes, endpoint: Endpoint) -> bytes:
    """Return a body for a script to search, empty if it cannot be decompressed."""
    try:
        return encodings.decode(request.headers.get("content-encoding", ""), wire, endpoint.max_body)
    except RefusedError:
        return b""


def _response(endpoint: Endpoint, step: Step) -> Response:
    status = step.status or endpoint.status
    if status in BODILESS:
        return Response(status_code=status, headers=step.headers)
    if step.body is not None:
        kind = "text/html" if step.is_html else "application/json"
        return Response(step.body, status, step.headers, media_type=kind)
    if step.is_error:
        return error_response(status, "The script says so.", step.headers)
    return Response(endpoint.response, status, step.headers, media_type="application/json")


async def _index(_request: Request) -> Response:
    intake = "".join(f"  {each.method:4} {each.path}\n" for each in ENDPOINTS)
    return PlainTextResponse(f"{INDEX}\nIt takes what Datadog takes:\n\n{intake}\n{control.HELP}")


async def _http_error(request: Request, error: Exception) -> Response:
    """Respond to requests that no route takes with the intake's own sentences."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for this class only
    sentences = {
        404: "There is nothing at this path: GET / lists all paths.",
        405: f"This path does not take {request.method}: GET / lists all paths.",
    }
    detail = sentences.get(error.status_code, error.detail)
    return error_response(error.status_code, detail, error.headers)


async def _internal_error(_request: Request, error: Exception) -> Response:
    """Report a bug by its type and location only: its message may quote what was sent."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    sentence = f"The local intake failed: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}."
    print(sentence, file=sys.stderr)
    return error_response(500, sentence)
