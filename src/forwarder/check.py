"""`{"check": true}`: the first thing to try when nothing arrives. Reports the configuration, and whether it works."""

import re
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import fields
from http.client import RemoteDisconnected
from urllib.parse import urlsplit

import regex
import requests
import urllib3

from forwarder import VERSION
from forwarder.api_key import ApiKey
from forwarder.deadline import NEVER, Deadline, within
from forwarder.errors import ApiKeyError
from forwarder.failed_events import Store
from forwarder.intake.answers import Answer, innermost
from forwarder.intake.client import read_answer
from forwarder.intake.connections import CuttableSession
from forwarder.intake.endpoints import proxies_of
from forwarder.settings import Mask, Settings

NEEDED = ("logs", "metrics")  # not every function prints traces
# Seconds that all intakes have for their response: at most TIMEOUT, and at most this share of the remaining time.
TIMEOUT, SHARE = 5.0, 0.5
STORE_SHARE = 0.9  # of the remaining time, by which the store must have responded as well
VALIDATE = "/api/v1/validate"  # https://docs.datadoghq.com/api/latest/authentication/#validate-api-key
# The settings that say where an intake is.
ADDRESSES = {
    "logs": "DD_SITE, DD_URL and DD_PORT",
    "metrics": "DD_SITE and DD_API_URL",
    "traces": "DD_SITE and DD_TRACE_INTAKE_URL",
}
PROXY_AUTHENTICATION = 407

_PROBLEMS: dict[type[BaseException], str] = {
    socket.gaierror: "the name cannot be resolved",
    ConnectionRefusedError: "connection refused",
    RemoteDisconnected: "the connection was closed without an answer",
    ConnectionResetError: "the connection was reset",
    BrokenPipeError: "the connection was reset",
    TimeoutError: "no answer within {seconds:.2g} s",
}
_REFUSED_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")  # as `http.client` words it


def is_check_request(event: Mapping[str, object]) -> bool:
    """Return whether an event asks for a check."""
    return isinstance(event, Mapping) and str(event.get("check", "")).lower() == "true"


def findings(settings: Settings, api_key: ApiKey, store: Store | None, remaining: float) -> dict[str, object]:
    """Return what was found, `ok` first. Only the key is sent, and only a probe is stored.

    `remaining` is the remaining time of the invocation in seconds.
    """
    deadline = Deadline.after(remaining * STORE_SHARE)
    key: dict[str, object] = {"from": api_key.place}
    intakes: dict[str, dict[str, object]] = {}
    try:
        key |= _shown_key(api_key)
        intakes = _intakes(settings, api_key.get(), min(TIMEOUT, remaining * SHARE))
    except ApiKeyError as error:
        key["problem"] = str(error)
    stored = _stored(store, deadline)
    needed = [intakes.get(signal, {"problem": "not asked"}) for signal in NEEDED]
    return {
        "ok": not any("problem" in found for found in (*needed, stored)),
        "version": VERSION,
        "api_key": key,
        "intakes": intakes,
        "store": stored,
        "settings": _shown(settings),
        "warnings": list(settings.warnings),
    }


def _shown_key(api_key: ApiKey) -> dict[str, object]:
    if end := api_key.fingerprint():
        return {"ends_with": end}
    return {"note": "too short to show any of it; Datadog's keys have 32 characters"}


def _intakes(settings: Settings, key: str, seconds: float) -> dict[str, dict[str, object]]:
    """Ask all intakes at the same time."""
    urls = {"logs": settings.logs_url, "metrics": settings.metrics_url, "traces": settings.traces_url}
    pool = ThreadPoolExecutor(len(urls), thread_name_prefix="check")
    with CuttableSession(len(urls), settings.verify) as session:
        session.headers.update({"DD-API-KEY": key, "Accept-Encoding": "identity"})
        asked = {
            signal: pool.submit(_answer, session, url, proxies_of(url, settings), seconds)
            for signal, url in urls.items()
        }
        done, _ = wait(asked.values(), timeout=seconds)
        session.cut()
    pool.shutdown(wait=False)  # a name lookup cannot be cut short
    late = Answer(0, _PROBLEMS[TimeoutError].format(seconds=seconds))
    return {
        signal: _found(signal, urls[signal], asked[signal].result() if asked[signal] in done else late, settings)
        for signal in urls
    }


def _answer(session: requests.Session, url: str, proxies: dict[str, str], seconds: float) -> Answer:
    try:
        with session.get(url + VALIDATE, timeout=seconds, proxies=proxies, stream=True) as response:
            return read_answer(response.raw, NEVER)  # the session is cut when the time is up
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return Answer(0, _problem_of(innermost(error), seconds))


def _found(signal: str, url: str, answer: Answer, settings: Settings) -> dict[str, object]:
    found: dict[str, object] = {"url": url}
    if proxy := _proxy(url, settings):
        found["proxy"] = proxy
    found["reached"] = answer.status != 0
    if answer.status:
        found["status"] = answer.status
        found["takes_key"] = _takes_key(signal, answer)
    if problem := _problem(signal, url, answer, settings):
        found["problem"] = problem
    return found


def _takes_key(signal: str, answer: Answer) -> bool | str:
    """Return what the API's own host says about the key. Other hosts may not know the path, or refuse the key."""
    if signal == "metrics" and answer.refuses_key:
        return False
    return True if answer.status == requests.codes.ok and not answer.html else "unknown"


def _problem(signal: str, url: str, answer: Answer, settings: Settings) -> str:
    """Return one sentence about what is wrong with a response and where to look, or an empty string if all is well."""
    intake, look = f"The intake of {signal}", f"look at {_suspects(signal, url, settings)}"
    if answer.status == 0:
        return f"{intake} was not reached ({answer.reason}): {look}."
    takes_key = _takes_key(signal, answer)
    if takes_key is False:
        return f"{intake} refuses the key: is it one of this site ({settings.site})?"
    if answer.broken:
        return f"{intake} does not work, or something on the way answers in its place ({answer.reason}): {look}."
    if _is_from_something_else(answer):
        return f"Something other than the intake of {signal} answers ({answer.reason}): {look}."
    if signal == "metrics" and takes_key is not True:
        return f"{intake} did not say whether it takes the key ({answer.reason}): {look}."
    return ""


def _is_from_something_else(answer: Answer) -> bool:
    """Return whether a proxy or a portal responded. An intake itself may not know the path or the method."""
    is_page = answer.html and answer.status in range(200, 300)
    return is_page or answer.status in range(300, 400) or answer.status == PROXY_AUTHENTICATION


def _suspects(signal: str, url: str, settings: Settings) -> str:
    if not (proxy := _proxy(url, settings)):
        return f"{ADDRESSES[signal]}, and at the way there"
    return f"the proxy {proxy} ({urlsplit(url).scheme.upper()}_PROXY and NO_PROXY), then at {ADDRESSES[signal]}"


def _proxy(url: str, settings: Settings) -> str:
    return "".join(_without_login(proxy) for proxy in proxies_of(url, settings).values())


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _problem_of(error: BaseException, seconds: float) -> str:
    """Describe an error without its own message, which may repeat what was sent."""
    if refused := _REFUSED_TUNNEL.match(str(error)):
        return f"the proxy answers with status {refused[1]}"
    for kind, problem in _PROBLEMS.items():
        if isinstance(error, kind):
            return problem.format(seconds=seconds)
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS connection: {(error.reason or 'unknown error').replace('_', ' ').lower()}"
        case OSError() if error.strerror:
            return error.strerror.lower()
    return type(error).__name__


def _stored(store: Store | None, deadline: Deadline) -> dict[str, object]:
    if store is None:
        return {"kind": "none", "note": "what cannot be delivered is returned to AWS; set DD_S3_BUCKET_NAME to keep it"}
    try:
        problem = within(deadline, store.check)
    except TimeoutError:
        problem = "it did not answer in time"
    return {"kind": repr(store), **({"problem": problem} if problem else {"writable": True})}


def _shown(settings: Settings) -> dict[str, object]:
    """Return the settings except the key, and the proxies without user and password."""
    hidden = {"api_key", "warnings", "function"}
    shown = {
        field.name: _plain(getattr(settings, field.name)) for field in fields(settings) if field.name not in hidden
    }
    return shown | {
        "http_proxy": _without_login(settings.http_proxy),
        "https_proxy": _without_login(settings.https_proxy),
    }


def _plain(value: object) -> object:
    """Return a setting as a JSON value: a masking rule or a pattern as the source of the pattern."""
    match value:
        case tuple():
            return list(value)
        case Mask(pattern=pattern) | (regex.Pattern() as pattern):
            return pattern.pattern
    return value
