"""What both halves of the HTTP side share: a bounded read of a body, and errors in Datadog's format."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

TITLES = {status.value: status.phrase for status in HTTPStatus}


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body to its end, and keep a little over `limit` bytes: the length then shows that it is too large.

    To the end, because a client that is still sending when the connection closes never sees the response.
    """
    body = bytearray()
    async for chunk in request.stream():
        if len(body) <= limit:
            body += chunk
    return bytes(body)


def json_response(value: object) -> Response:
    """Return a 200 response with a value as JSON."""
    return Response(msgspec.json.encode(value), media_type="application/json")


def error_response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as Datadog does: `{"errors": [{"status": "400", "title": "Bad Request", "detail": "…"}]}`."""
    body = {"errors": [{"status": str(status), "title": TITLES.get(status, "Error"), "detail": detail}]}
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
