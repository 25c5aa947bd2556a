"""Removes what may identify a person from URLs: user and password, query, path segments with digits."""

import re
import string
from urllib.parse import unquote

from forwarder.traces.obfuscation.marks import MASK

# In a segment: identifiers; addresses, and the end of a password with a slash; parameters, as in `/p;token=…`.
_IN_A_SEGMENT = re.compile(r"[\d@=;&]")
_IN_A_ROUTE = re.compile(r"[@=;&]")  # whose digits come from the framework
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})|[\x00-\x20\x7f]")  # not accepted by any URL parser
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+://")
# API Gateway appends the route key to the host of a WebSocket API: `…amazonaws.com$default`.
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.-]*+(?:\$[a-z]+)?)(?::\d*)?")
# Without a scheme: a port, a path or a common top-level domain distinguishes it from a file name.
_BARE_HOST = re.compile(
    r"[\w.-]++:\d+(?=/|$)"
    r"|(?:[\w-]++\.)++(?:[A-Za-z]{2,}+(?=/)|(?:com|net|org|io|dev|app|cloud|aws|internal|local)(?:\$[a-z]+)?$)"
)
_OPAQUE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+:")  # `mailto:…`
# In a fragment: parameters or identifiers, as in `#access_token=…`.
_IN_A_FRAGMENT = re.compile(r"[\d=&@]")
# In a connection string: everything after one of these names is masked.
_SECRET = re.compile(
    r"(?:password|passwd|pwd|pass|secret|token|key|signature|user|user\s?name|user\s?id|uid)\s*=", re.IGNORECASE
)
_WORD = re.compile(r"\S++")
_IN_A_SCHEME = string.ascii_letters + string.digits + "+.-"


def obfuscate(url: str) -> str:
    """Return the URL with `?` for its query and for each path segment with a digit; just `?` if it is not a URL."""
    rest, has_fragment, fragment = url.partition("#")
    rest, has_query, _ = rest.partition("?")
    if _BROKEN.search(rest):
        return MASK
    base, path = _split(rest)
    if base is None:
        return MASK
    shown = base + "/".join(_segment(segment) for segment in path.split("/"))
    return shown + has_query + has_fragment + (MASK if _IN_A_FRAGMENT.search(fragment) else fragment)


def path_of(url: str) -> str:
    """Return the path of a URL, or of what would be one, without leading and trailing slashes."""
    return _split(url.partition("#")[0].partition("?")[0])[1].strip("/")


def resource(text: str, *, is_route: bool = True) -> str:
    """Return a resource such as `GET /path?query` or `GET http://host/path?query` without what may identify a person.

    `is_route`: digits in the path come from the framework, and stay.
    """
    if "://" in text:
        at = text.rfind(" ", 0, text.index("://")) + 1
        return text[:at] + obfuscate(text[at:])
    before, mark, _ = text.partition("?")
    path, has_fragment, fragment = before.partition("#")
    sensitive = _IN_A_ROUTE if is_route else _IN_A_SEGMENT
    shown = "/".join(_segment(segment, sensitive) for segment in path.split("/"))
    return shown + has_fragment + (MASK if _IN_A_FRAGMENT.search(fragment) else fragment) + mark


def any_tag(text: str) -> str:
    """Return a tag's value without passwords and queries of URLs, whether it is a URL or contains some."""
    return _url(text) if _SCHEME.match(text) else free_text(text)


def free_text(text: str) -> str:
    """Return text such as an error message, without the passwords and queries of URLs and paths in it."""
    if "://" not in text and "?" not in text:
        return text
    return _WORD.sub(lambda found: _word(found[0]), text)


def _word(word: str) -> str:
    if "://" in word:
        before = word[: word.index("://")]
        start = len(before.rstrip(_IN_A_SCHEME))
        start += len(before[start:]) - len(before[start:].lstrip("+.-" + string.digits))
        return word[:start] + _url(word[start:])
    path, mark, _ = word.partition("?")
    return path + mark if "/" in path else word


def _url(url: str) -> str:
    """Return a URL without its query and user, if it has any. An `@` in the path is common in file URLs."""
    rest = url.partition("://")[2]
    has_user = "@" in rest and not rest.startswith("/")
    has_parameters = "?" in rest or ("=" in rest and (";" in rest or "#" in rest))
    return obfuscate(url) if has_user or has_parameters else url


def connection(text: str) -> str:
    """Return a connection string, `key=value;…` or a URL, without a user and a password."""
    secret = _SECRET.search(text)
    if secret:
        text = text[: secret.end()] + MASK
    prefix = "jdbc:" if text.startswith("jdbc:") else ""
    address = text.removeprefix(prefix)
    if _SCHEME.match(address):
        return prefix + obfuscate(address)
    return MASK + address[address.rindex("@") :] if "@" in address else text


def _split(url: str) -> tuple[str | None, str]:
    """Return scheme and host, without user and password, and the path; the base is `None` if it cannot be a URL."""
    scheme = _SCHEME.match(url)
    if not scheme and not url.startswith("//"):
        host = _BARE_HOST.match(url)
        if host:
            return host[0], url[host.end() :]
        return None if _OPAQUE.match(url) else "", url
    prefix = scheme[0] if scheme else "//"
    authority, slash, path = url[len(prefix) :].partition("/")
    server = authority.rpartition("@")[2]
    return prefix + server + slash if _HOST.fullmatch(server) else None, path


def _segment(segment: str, sensitive: re.Pattern[str] = _IN_A_SEGMENT) -> str:
    text = unquote(segment) if "%" in segment else segment
    return MASK if sensitive.search(text) else segment
