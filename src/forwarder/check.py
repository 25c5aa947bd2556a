"""`{"check": true}`: the first thing to try when nothing arrives. Says what is configured, and whether it works."""

from collections.abc import Mapping

import requests

from forwarder import VERSION
from forwarder.api_key import ApiKey
from forwarder.errors import ApiKeyError
from forwarder.failed_events import Store
from forwarder.intake.answers import reason_of
from forwarder.intake.connections import CuttableSession
from forwarder.intake.endpoints import proxies_of
from forwarder.settings import Settings

NEEDED = ("logs", "metrics")  # not every function prints traces
TIMEOUT = 5.0  # seconds, to connect and again to answer
VALIDATE = "/api/v1/validate"  # https://docs.datadoghq.com/api/latest/authentication/#validate-api-key


def wanted(event: Mapping[str, object]) -> bool:
    """Tell whether an event asks for a check."""
    return isinstance(event, Mapping) and str(event.get("check", "")).lower() == "true"


def findings(settings: Settings, api_key: ApiKey, store: Store | None) -> dict[str, object]:
    """Return what was found, `ok` first. Nothing is sent but the key, and nothing stored but a probe."""
    key: dict[str, object] = {"from": api_key.place}
    intakes: dict[str, dict[str, object]] = {}
    try:
        key["ends_with"] = api_key.fingerprint()
    except ApiKeyError as error:
        key["problem"] = str(error)
    else:
        urls = {"logs": settings.logs_url, "metrics": settings.metrics_url, "traces": settings.traces_url}
        intakes = {signal: _asked(url, api_key.get(), settings) for signal, url in urls.items()}
    stored = _stored(store)
    accepted = intakes.get("metrics", {}).get("takes_key") is True
    reached = bool(intakes) and all(intakes[signal]["reached"] for signal in NEEDED)
    return {
        "ok": accepted and reached and "problem" not in stored,
        "version": VERSION,
        "api_key": key,
        "intakes": intakes,
        "store": stored,
        "settings": _shown(settings),
        "warnings": list(settings.warnings),
    }


def _asked(url: str, key: str, settings: Settings) -> dict[str, object]:
    """Ask an intake whether it takes the key. Only the API's own host says so; of the others it shows they answer."""
    session = CuttableSession(1, settings.verify)
    try:
        response = session.get(
            url + VALIDATE,
            headers={"DD-API-KEY": key},
            timeout=TIMEOUT,
            proxies=proxies_of(url, settings),
            allow_redirects=False,
            stream=True,
        )
    except (requests.RequestException, OSError) as error:
        return {"url": url, "reached": False, "problem": reason_of(error)}
    with response:
        return {
            "url": url,
            "reached": True,
            "status": response.status_code,
            "takes_key": {200: True, 401: False, 403: False}.get(response.status_code, "unknown"),
        }


def _stored(store: Store | None) -> dict[str, object]:
    if store is None:
        return {"kind": "none", "note": "what cannot be delivered is returned to AWS; set DD_S3_BUCKET_NAME to keep it"}
    problem = store.check()
    return {"kind": repr(store), **({"problem": problem} if problem else {"writable": True})}


def _shown(settings: Settings) -> dict[str, object]:
    """Return the settings, but for the key and what may hold a password."""
    hidden = {"api_key", "http_proxy", "https_proxy", "warnings", "function"}
    return {field: _plain(getattr(settings, field)) for field in settings.__slots__ if field not in hidden}


def _plain(value: object) -> object:
    """Return a setting as what JSON has: a masking rule and a pattern as the text of the pattern."""
    if isinstance(value, tuple):
        return list(value)
    while hasattr(value, "pattern"):
        value = value.pattern
    return value
