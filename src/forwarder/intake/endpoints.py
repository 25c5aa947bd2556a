"""Where each signal goes, and what its requests look like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from requests.utils import should_bypass_proxies

from forwarder import VERSION
from forwarder.records import Signal
from forwarder.settings import Settings


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The URL of a signal's intake, its fixed headers, and how its bodies are compressed."""

    url: str
    headers: Mapping[str, str]
    encoding: str
    proxies: Mapping[str, str] = field(repr=False)  # may hold a password


def endpoints_of(settings: Settings) -> dict[Signal, Endpoint]:
    """Return the endpoints that the settings configure."""
    json = {"Content-Type": "application/json"}
    paths = {
        Signal.LOGS: (f"{settings.logs_url}/api/v2/logs", json | _log_headers(settings), "gzip"),
        Signal.METRICS: (f"{settings.metrics_url}/api/v1/distribution_points", json, "deflate"),
        Signal.TRACES: (f"{settings.traces_url}/api/v0.2/traces", {"Content-Type": "application/x-protobuf"}, "gzip"),
    }
    return {
        signal: Endpoint(url, headers, encoding if settings.use_compression else "identity", proxies_of(url, settings))
        for signal, (url, headers, encoding) in paths.items()
    }


def _log_headers(settings: Settings) -> dict[str, str]:
    headers = {"DD-EVP-ORIGIN": "aws_forwarder", "DD-EVP-ORIGIN-VERSION": VERSION}
    enriched = [("s3", settings.enrich_s3_tags), ("cloudwatch", settings.enrich_cloudwatch_tags)]
    if storage := ",".join(name for name, wanted in enriched if wanted):
        headers["DD-STORAGE-TAG"] = storage
    if settings.step_functions_trace_enabled:
        headers["DD-STEP-FUNCTIONS-TRACE-ENABLED"] = "true"
    return headers


def proxies_of(url: str, settings: Settings) -> dict[str, str]:
    """Return the proxy for a URL, unless `NO_PROXY` covers its host."""
    scheme = urlsplit(url).scheme
    proxy = settings.https_proxy if scheme == "https" else settings.http_proxy
    if not proxy or (settings.no_proxy and should_bypass_proxies(url, settings.no_proxy)):
        return {}
    return {scheme: proxy}
