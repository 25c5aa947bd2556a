"""Sends one batch: compresses it, tries until it is accepted, refused or out of time, and returns the outcome."""

import codecs
import threading
import time

import requests
import urllib3

from forwarder import VERSION
from forwarder.api_key import ApiKey
from forwarder.deadline import OUT_OF_TIME, Deadline
from forwarder.errors import ApiKeyError
from forwarder.intake.answers import ATTEMPTS, Answer, pause_before, reason_of, retry_after
from forwarder.intake.circuit import Circuit
from forwarder.intake.compression import compress
from forwarder.intake.connections import Channel, CuttableSession
from forwarder.intake.endpoints import endpoints_of
from forwarder.records import Batch, Body, Delivered, Failed, Fate, Outcome, Signal
from forwarder.settings import Settings

MAX_RESPONSE_BYTES = 65_536  # that are read; an intake's responses have some hundred
_CHUNK = 8_192
FIRST_FINAL, FIRST_ERROR = 200, 400  # of statuses; one below FIRST_FINAL is interim

MAX_LANGUAGES, MAX_LANGUAGE_CHARACTERS = 8, 32  # of tracers, in a header; real ones stay below both

_MAX_KEPT_BYTES = 1_000  # of a response, for what is rejected

_LEFT_ALONE = "the intake does not answer and is left alone for the rest of the invocation"


class Client:
    """Posts batches to the intakes. Thread-safe; `cut` ends all requests."""

    def __init__(self, settings: Settings, api_key: ApiKey) -> None:
        self._endpoints = endpoints_of(settings)
        self._api_key = api_key
        self._level = settings.compression_level
        self._session = CuttableSession(settings.max_workers, settings.verify)
        self._session.headers.update({"User-Agent": f"datadog-log-forwarder/{VERSION}", "Accept-Encoding": "identity"})
        self._channels: dict[Signal, Channel] = {}
        self._cut = threading.Event()
        if settings.verify is False:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def deliver(self, batch: Batch, deadline: Deadline, circuit: Circuit, attempts: int = ATTEMPTS) -> Outcome:
        """Send a batch, and retry where that may help. Never raises."""
        self._compress(batch)  # first, since it may wait for long
        try:
            key = self._api_key.get()
        except ApiKeyError as error:
            return Failed(batch, Fate.KEEP, str(error).removesuffix("."))  # a reason is part of a sentence
        failed = Failed(batch, Fate.RETRY, _LEFT_ALONE)
        for attempt in range(1, attempts + 1):
            if circuit.open:
                return failed
            began = time.monotonic()
            answer = self._post(batch, key, deadline)
            if answer.broken:
                circuit.failed(began, timeout=answer.timeout)
            else:
                circuit.answered()
            if answer.fate is Fate.DELIVERED:
                return Delivered(batch, answer.status, attempt)
            failed = self._failed(batch, answer, attempt)
            if answer.refuses_key and (other := self._api_key.other_than(key)):
                key = other
                continue
            pause = pause_before(attempt + 1, answer)
            if answer.fate is not Fate.RETRY or attempt == attempts or pause >= deadline.remaining:
                break
            if self._cut.wait(pause):
                break
        return failed

    def _failed(self, batch: Batch, answer: Answer, attempt: int) -> Failed:
        reason = (
            f"{answer.reason}: the key from {self._api_key.place} is refused" if answer.refuses_key else answer.reason
        )
        return Failed(batch, answer.fate, reason, answer.status, attempt, answer.text)

    def cut(self) -> None:
        """End all requests in flight, and all waiting for another attempt. The client cannot be used afterwards."""
        self._cut.set()
        self._session.cut()

    def _compress(self, batch: Batch) -> None:
        encoding = self._endpoints[batch.signal].encoding
        if batch.body.encoding == "identity" != encoding:
            batch.body = Body(compress(batch.body.data, encoding, self._level), encoding)

    def _channel(self, signal: Signal) -> Channel:
        if (channel := self._channels.get(signal)) is None:
            endpoint = self._endpoints[signal]
            channel = self._channels[signal] = self._session.channel(endpoint.url, endpoint.headers, endpoint.proxies)
        return channel

    def _post(self, batch: Batch, key: str, deadline: Deadline) -> Answer:
        """Make one attempt; any failure on the way is an answer without a status."""
        left = deadline.remaining
        if left <= 0 or self._cut.is_set():
            return Answer(0, OUT_OF_TIME)
        try:
            with self._channel(batch.signal).post(batch.body.data, _headers_of(batch, key), left) as response:
                return read_answer(response, deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            slow = isinstance(error, (urllib3.exceptions.TimeoutError, TimeoutError))
            return Answer(0, OUT_OF_TIME if deadline.expired else f"no answer ({reason_of(error)})", timeout=slow)


def _headers_of(batch: Batch, key: str) -> dict[str, str]:
    """Return the headers that differ between the requests of a signal."""
    headers = {"DD-API-KEY": key, "Content-Encoding": batch.body.encoding}
    if languages := _header_value(batch.languages):
        headers["X-Datadog-Reported-Languages"] = languages
    return headers


def _header_value(languages: tuple[str, ...]) -> str:
    """Join the names of languages; a span may contain anything there, and what is not a name is left out."""
    names = [
        name for name in languages if name.isascii() and name.isidentifier() and len(name) <= MAX_LANGUAGE_CHARACTERS
    ]
    return "|".join(names[:MAX_LANGUAGES])


def read_answer(response: urllib3.BaseHTTPResponse, deadline: Deadline) -> Answer:
    """Read a response, but of its body only what it takes to recognise whether it is the intake's."""
    status = response.status
    if status < FIRST_FINAL:  # the final one is still on its way, and must not be taken for that to another request
        return Answer(0, f"only an interim answer, status {status}")
    body = bytearray()
    while len(body) < MAX_RESPONSE_BYTES and (chunk := response.read1(_CHUNK)):
        body += chunk
        if deadline.expired:
            return Answer(0, OUT_OF_TIME)
    html = "html" in response.headers.get("Content-Type", "").lower() or _looks_like_html(bytes(body))
    reason = "a page of HTML" if html and status < FIRST_ERROR else f"status {status}"
    text = bytes(body[:_MAX_KEPT_BYTES]).decode("utf-8", "replace")
    return Answer(status, reason, retry_after(response.headers.get("Retry-After")), html, text=text)


def _looks_like_html(body: bytes) -> bool:
    """Distinguish a page from an intake's short JSON or text; no intake responds in UTF-16."""
    return body.removeprefix(codecs.BOM_UTF8).lstrip().startswith((b"<", codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
