"""API keys: where a request carries one, which are accepted, and how they are hidden."""

from collections.abc import Collection, Mapping

from local_intake.records import RefusedError

API_KEY_HEADER = "dd-api-key"
QUERY_NAMES = frozenset({"api_key", "api-key", "dd_api_key", "dd-api-key"})
SECRET_HEADERS = frozenset(
    {API_KEY_HEADER, "dd-application-key", "x-api-key", "authorization", "proxy-authorization", "cookie"}
)
# Of a key shorter than this, four characters would give too much away.
MIN_KEY_TO_SHOW_END = 8


def hide(key: str) -> str:
    """Return a key as `****` and its last four characters, as Datadog shows keys; a short one as `****`."""
    return "****" + (key[-4:] if len(key) >= MIN_KEY_TO_SHOW_END else "")


def hidden_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers by lower-case name, with everything that is a credential hidden."""
    names = ((name.lower(), value) for name, value in headers.items())
    return {name: hide(value) if name in SECRET_HEADERS else value for name, value in names}


class ApiKeys:
    """Which API keys are accepted: any except rejected ones, or, if there are accepted ones, only those."""

    def __init__(self, accepted: Collection[str] = (), rejected: Collection[str] = ()) -> None:
        self._accepted = frozenset(accepted)
        self._rejected = frozenset(rejected)

    def check(self, headers: Mapping[str, str], query: Collection[str]) -> None:
        """Raise `RefusedError`: 400 with a key in the query string, 401 without one, 403 with a wrong one."""
        if any(name.lower() in QUERY_NAMES for name in query):
            raise RefusedError(400, "An API key must not travel in a URL: send it in the DD-API-KEY header.")
        key = headers.get(API_KEY_HEADER, "").strip()
        if not key:
            raise RefusedError(401, "The API key is missing: send it in the DD-API-KEY header.")
        if key in self._rejected or (self._accepted and key not in self._accepted):
            raise RefusedError(403, "This API key is not accepted.")
