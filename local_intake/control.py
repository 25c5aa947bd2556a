"""`/_local`: look at what arrived, and control the responses. A browser console needs no more than this."""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from local_intake.responses import error_response, json_response, read_body
from local_intake.script import Script, ScriptError, parse_json
from local_intake.store import Store

DEFAULT_PAGE = 100
MAX_PAGE = 1_000
MAX_SCRIPT_BODY = 1_000_000

# A website could point its own name at 127.0.0.1 and read your logs (DNS rebinding); this prevents it.
LOCAL_NAMES = ["127.0.0.1", "localhost"]  # and the address where it listens

HELP = """\
Look and control:

  GET    /_local/stats                                totals
  GET    /_local/requests|logs|metrics|spans          rows, by seq; ?after=<seq>&limit=<1-1000>
  GET    /_local/script                               the steps that are left
  PUT    /_local/script                               a new list of steps, such as [{"status": 503, "times": 2}]
  DELETE /_local/data                                 delete what arrived
"""

Reader = Callable[[int, int], list[msgspec.Struct]]
Handler = Callable[[Request], Awaitable[Response]]


class _Page(msgspec.Struct):
    after: int = 0
    limit: int = DEFAULT_PAGE


def routes(store: Store, script: Script, host: str) -> Mount:
    """Create the routes under `/_local`."""
    return Mount(
        "/_local",
        routes=[
            *_look(store),
            *_steer(script),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[*LOCAL_NAMES, host], www_redirect=False)],
    )


def _look(store: Store) -> list[Route]:
    async def stats(_request: Request) -> Response:
        return json_response(store.stats())

    async def clear(_request: Request) -> Response:
        await run_in_threadpool(store.clear)
        return json_response(store.stats())

    return [
        Route("/stats", stats, methods=["GET"]),
        Route("/data", clear, methods=["DELETE"]),
        *(
            Route(f"/{read.__name__}", _page_of(read), methods=["GET"])
            for read in (store.requests, store.logs, store.metrics, store.spans)
        ),
    ]


def _page_of(read: Callable[[int, int], object]) -> Handler:
    async def page(request: Request) -> Response:
        try:
            wanted = msgspec.convert(dict(request.query_params), _Page, strict=False)
        except msgspec.ValidationError as error:
            return error_response(400, f"The query is wrong: {error}.")
        if not 1 <= wanted.limit <= MAX_PAGE:
            return error_response(400, f"limit must be from 1 to {MAX_PAGE}.")
        # Encoding a page can be megabytes of work: keep it off the event loop.
        return await run_in_threadpool(lambda: json_response(read(wanted.after, wanted.limit)))

    return page


def _steer(script: Script) -> list[Route]:
    async def show(_request: Request) -> Response:
        return json_response(script.remaining())

    async def replace(request: Request) -> Response:
        try:
            script.replace(parse_json(await read_body(request, MAX_SCRIPT_BODY)))
        except ScriptError as error:
            return error_response(400, str(error))
        return json_response(script.remaining())

    return [Route("/script", show, methods=["GET"]), Route("/script", replace, methods=["PUT"])]
