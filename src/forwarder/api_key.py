"""Gets the API key from where it is stored, once per cold start. It is never validated over the network here."""

import threading
from collections.abc import Callable
from typing import Any

import msgspec

from forwarder import aws
from forwarder.errors import ApiKeyError
from forwarder.settings import KeyPlace, KeyReference, Settings

MIN_LENGTH_SHOWN = 12  # characters of a key whose last four may be shown
_MEMBERS = ("DD_API_KEY", "api_key")  # of a secret that is a JSON object


class ApiKey:
    """The API key: fetched when first needed, then kept in memory. Never shown.

    It is fetched once more when an intake refuses it, since it may have been rotated; at most once in an invocation,
    which `begin` starts. Thread-safe.
    """

    def __init__(self, settings: Settings) -> None:
        self._reference = settings.api_key
        self._function = settings.function
        self._key = ""
        self._failure = ""  # of this invocation
        self._fetched = False  # in this invocation
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ApiKey(from {self._reference.place.value})"

    @property
    def place(self) -> str:
        """Where the key is stored: the name of the variable, and what it refers to unless that is the key itself."""
        reference = self._reference
        referred = f" ({reference.value.reveal()})" if reference.place in {KeyPlace.SECRET, KeyPlace.PARAMETER} else ""
        return f"{reference.place.value}{referred}"

    def begin(self) -> None:
        """Start an invocation, in which the key may be fetched once."""
        self._fetched, self._failure = False, ""

    def get(self) -> str:
        """Return the key.

        Raises:
            ApiKeyError: it could not be fetched, or is not a key.

        """
        with self._lock:
            if not self._key:
                self._fetch()
            if not self._key:
                raise ApiKeyError(self._failure)
            return self._key

    def other_than(self, refused: str) -> str:
        """Return a key that is not the refused one, fetched again if necessary, or an empty string if there is none."""
        with self._lock:
            if self._key == refused:
                self._fetch()
            return self._key if self._key != refused else ""

    def fingerprint(self) -> str:
        """Return the last four characters of the key, or an empty string if it is too short to show a part of it.

        Raises:
            ApiKeyError: there is no key.

        """
        key = self.get()
        return key[-4:] if len(key) >= MIN_LENGTH_SHOWN else ""

    def _fetch(self) -> None:
        """Fetch the key, unless that was done in this invocation; if it fails, the previous one stays."""
        if self._fetched:
            return
        self._fetched = True
        fetch = _FETCH[self._reference.place]
        try:
            self._key = _checked(fetch(self._reference, self._function.region, self._function.name))
        except ApiKeyError as error:
            self._failure = str(error)


def _checked(key: str) -> str:
    """Accept what is valid in a header: one printable word. An error of `requests` would repeat an invalid header."""
    key = key.strip()
    if key and key.isascii() and key.isprintable() and " " not in key:
        return key
    raise ApiKeyError("The stored API key is empty or contains invalid characters.")


def _plain(reference: KeyReference, _region: str, _function: str) -> str:
    return reference.value.reveal()


def _from_secret(reference: KeyReference, region: str, _function: str) -> str:
    name = reference.value.reveal()
    answer = _call(
        reference, lambda: aws.client("secretsmanager", aws.region_of(name, region)).get_secret_value(SecretId=name)
    )
    text: str = answer.get("SecretString") or bytes(answer.get("SecretBinary", b"")).decode("ascii", "replace")
    return _member(text) if text.lstrip().startswith("{") else text


def _member(text: str) -> str:
    try:
        members = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError):
        raise ApiKeyError("The secret starts like a JSON object but is not one.") from None
    for name in _MEMBERS:
        if isinstance(value := members.get(name), str) and value.strip():
            return value
    raise ApiKeyError(f"The secret is a JSON object without a string named {' or '.join(_MEMBERS)}.")


def _from_parameter(reference: KeyReference, region: str, _function: str) -> str:
    name = reference.value.reveal()
    answer = _call(
        reference, lambda: aws.client("ssm", aws.region_of(name, region)).get_parameter(Name=name, WithDecryption=True)
    )
    return str(answer["Parameter"]["Value"])


def _from_ciphertext(reference: KeyReference, region: str, function: str) -> str:
    from base64 import b64decode

    try:
        blob = b64decode("".join(reference.value.reveal().split()), validate=True)  # `base64` wraps its output
    except ValueError:
        raise ApiKeyError(f"{reference.place.value} is not base64.") from None
    # The Lambda console encrypts with the function's name as context; the command line, by default, without.
    context = {"EncryptionContext": {"LambdaFunctionName": function}}
    try:
        answer = _call(reference, lambda: aws.client("kms", region).decrypt(CiphertextBlob=blob, **context))
    except ApiKeyError:
        answer = _call(reference, lambda: aws.client("kms", region).decrypt(CiphertextBlob=blob))
    return bytes(answer["Plaintext"]).decode("ascii", "replace")


def _call(reference: KeyReference, request: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return request()
    except aws.errors() as error:
        raise ApiKeyError(
            f"The API key that {reference.place.value} names could not be fetched: {aws.failure(error)}"
        ) from None


_FETCH: dict[KeyPlace, Callable[[KeyReference, str, str], str]] = {
    KeyPlace.SECRET: _from_secret,
    KeyPlace.PARAMETER: _from_parameter,
    KeyPlace.KMS: _from_ciphertext,
    KeyPlace.PLAIN: _plain,
}
