"""Every setting of the forwarder, read from the environment once and validated.

The names are those of the Datadog Forwarder, so that a stack can be moved by copying its values. This is the only
module that reads the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

import regex

from forwarder.environment import Environment, Secret, name_warnings
from forwarder.errors import ConfigurationError
from forwarder.records.tags import drop_unnamed

SITES = frozenset({
    "datadoghq.com", "us3.datadoghq.com", "us5.datadoghq.com", "ap1.datadoghq.com", "ap2.datadoghq.com",
    "uk1.datadoghq.com", "datadoghq.eu", "ddog-gov.com", "us2.ddog-gov.com",
})  # fmt: skip

# The values that the Datadog Forwarder's template sets where the user has set nothing.
PLACEHOLDERS = frozenset({"arn:aws:secretsmanager:DEFAULT", "/my/parameter/path", "<YOUR_DATADOG_API_KEY>"})


# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: a function with this many MB has one CPU.
MEMORY_MB_PER_CPU = 1_769


class KeyPlace(Enum):
    """Where the API key is kept, in the order in which the places win; the value is the variable's name."""

    SECRET = "DD_API_KEY_SECRET_ARN"  # noqa: S105 - the name of a variable
    PARAMETER = "DD_API_KEY_SSM_NAME"
    KMS = "DD_KMS_API_KEY"
    PLAIN = "DD_API_KEY"


@dataclass(frozen=True, slots=True)
class KeyReference:
    """Where the API key is stored, and what to request there: an ARN, a name, a ciphertext or the key itself."""

    place: KeyPlace
    value: Secret


@dataclass(frozen=True, slots=True)
class Mask:
    """A user's masking rule: what matches is replaced by `replacement`, which may refer to groups."""

    pattern: regex.Pattern[str]
    replacement: str


@dataclass(frozen=True, slots=True)
class Function:
    """What Lambda says about the function that runs this code."""

    name: str
    region: str
    log_group: str
    memory_mb: int

    @property
    def processor_share(self) -> float:
        """How much of a CPU the function has, at most 1."""
        return min(1.0, self.memory_mb / MEMORY_MB_PER_CPU)


@dataclass(frozen=True, slots=True)
class Settings:
    """One value per setting; see `docs/configuration.md` for what each means."""

    api_key: KeyReference
    site: str
    logs_url: str
    metrics_url: str
    traces_url: str
    verify: bool | str
    http_proxy: str = field(repr=False)  # may hold a password
    https_proxy: str = field(repr=False)
    no_proxy: str
    use_compression: bool
    compression_level: int
    max_workers: int
    tags: tuple[str, ...]
    source: str
    forward_log: bool
    enhanced_metrics: bool
    include: regex.Pattern[str] | None
    exclude: regex.Pattern[str] | None
    redact_ip: bool
    redact_email: bool
    scrub: Mask | None
    multiline: regex.Pattern[str] | None
    fetch_lambda_tags: bool
    fetch_log_group_tags: bool
    fetch_s3_tags: bool
    enrich_s3_tags: bool
    enrich_cloudwatch_tags: bool
    tags_cache_ttl_seconds: int
    report_batch_item_failures: bool
    store_failed_events: bool
    bucket_name: str
    queue_url: str
    additional_target_lambdas: tuple[str, ...]
    use_vpc: bool
    step_functions_trace_enabled: bool
    obfuscate_credit_cards: bool
    log_level: str
    function: Function
    warnings: tuple[str, ...] = ()

    @property
    def masks(self) -> bool:
        """Whether anything is to be masked."""
        return self.redact_ip or self.redact_email or self.scrub is not None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read all settings.

        Raises:
            ConfigurationError: one sentence that names the variable, its value unless secret, and what was expected.

        """
        env = Environment({name: value for name, value in environ.items() if value.strip() not in PLACEHOLDERS})
        site = env.host("DD_SITE", "datadoghq.com")
        scheme = "http" if env.flag("DD_NO_SSL", default=False) else "https"
        bucket, queue = env.bucket("DD_S3_BUCKET_NAME"), _queue(env)
        settings = cls(
            api_key=_key_reference(env),
            site=site,
            logs_url=_logs_url(env, scheme, site),
            metrics_url=env.url("DD_API_URL", scheme, f"{scheme}://api.{site}"),
            traces_url=env.url("DD_TRACE_INTAKE_URL", scheme, f"{scheme}://trace.agent.{site}"),
            verify=_verify(env),
            http_proxy=env.secret_url("HTTP_PROXY") or env.secret_url("http_proxy"),
            https_proxy=env.secret_url("HTTPS_PROXY") or env.secret_url("https_proxy"),
            no_proxy=env.text("NO_PROXY") or env.text("no_proxy"),
            use_compression=env.flag("DD_USE_COMPRESSION", default=True),
            compression_level=env.integer("DD_COMPRESSION_LEVEL", 6, 0, 9),
            max_workers=env.integer("DD_MAX_WORKERS", 20, 1, 256),
            tags=drop_unnamed(env.words("DD_TAGS")),
            source=env.text("DD_SOURCE"),
            forward_log=env.flag("DD_FORWARD_LOG", default=True),
            enhanced_metrics=env.flag("DD_ENHANCED_METRICS", default=True),
            include=env.pattern("INCLUDE_AT_MATCH"),
            exclude=env.pattern("EXCLUDE_AT_MATCH"),
            redact_ip=env.flag("REDACT_IP", default=False),
            redact_email=env.flag("REDACT_EMAIL", default=False),
            scrub=_scrub(env),
            multiline=env.pattern("DD_MULTILINE_LOG_REGEX_PATTERN"),
            fetch_lambda_tags=env.flag("DD_FETCH_LAMBDA_TAGS", default=False),
            fetch_log_group_tags=env.flag("DD_FETCH_LOG_GROUP_TAGS", default=False),
            fetch_s3_tags=env.flag("DD_FETCH_S3_TAGS", default=False),
            enrich_s3_tags=env.flag("DD_ENRICH_S3_TAGS", default=True),
            enrich_cloudwatch_tags=env.flag("DD_ENRICH_CLOUDWATCH_TAGS", default=True),
            tags_cache_ttl_seconds=env.integer("DD_TAGS_CACHE_TTL_SECONDS", 300, 1, 86_400),
            report_batch_item_failures=env.flag("DD_REPORT_BATCH_ITEM_FAILURES", default=False),
            store_failed_events=env.flag("DD_STORE_FAILED_EVENTS", default=bool(bucket or queue)),
            bucket_name=bucket,
            queue_url=queue,
            additional_target_lambdas=env.words("DD_ADDITIONAL_TARGET_LAMBDAS"),
            use_vpc=env.flag("DD_USE_VPC", default=False),
            step_functions_trace_enabled=env.flag("DD_STEP_FUNCTIONS_TRACE_ENABLED", default=False),
            obfuscate_credit_cards=env.flag("DD_APM_OBFUSCATION_CREDIT_CARDS_ENABLED", default=True),
            log_level=env.choice("DD_LOG_LEVEL", "WARN", _LOG_LEVELS),
            function=_function(env),
        )
        return _with_warnings(settings, env)


_LOG_LEVELS = {
    "TRACE": "DEBUG", "DEBUG": "DEBUG", "INFO": "INFO", "WARN": "WARNING", "WARNING": "WARNING",
    "ERROR": "ERROR", "CRITICAL": "CRITICAL", "OFF": "CRITICAL",
}  # fmt: skip


# What the places other than `DD_API_KEY` may contain. References are shown in logs, so anything else is refused without
# being shown: it may be the key itself.
_KEY = r"[0-9a-fA-F]{32,40}"
_REFERENCES = {
    KeyPlace.SECRET: (r"[A-Za-z0-9/_+=.@:-]{1,2048}", "the ARN or the name of a secret"),
    KeyPlace.PARAMETER: (r"[A-Za-z0-9/_.:-]{1,2048}", "the name or the ARN of a parameter"),
    KeyPlace.KMS: (r"(?s).+", "a key encrypted by KMS, as base64"),
}


def _key_reference(env: Environment) -> KeyReference:
    values = {place: env.secret(place.value) for place in KeyPlace}
    for place, value in values.items():
        if value:
            return _checked(KeyReference(place, value))
    names = ", ".join(place.value for place in KeyPlace)
    raise ConfigurationError(f"There is no API key: set one of {names}.")


def _checked(reference: KeyReference) -> KeyReference:
    if reference.place is KeyPlace.PLAIN:
        return reference
    value, (pattern, expected) = reference.value.reveal(), _REFERENCES[reference.place]
    if regex.fullmatch(_KEY, value):
        raise ConfigurationError(
            f"{reference.place.value} looks like an API key itself; expected {expected}. The key as it is belongs in"
            " DD_API_KEY."
        )
    if not regex.fullmatch(pattern, value):
        raise ConfigurationError(f"{reference.place.value} is '****'; expected {expected}.")
    return reference


def _queue(env: Environment) -> str:
    url = env.url("DD_SQS_QUEUE_URL", "https", "")
    if url.endswith(".fifo"):
        raise ConfigurationError(f"DD_SQS_QUEUE_URL is {url!r}; expected a standard queue, not a FIFO queue.")
    return url


def _logs_url(env: Environment, scheme: str, site: str) -> str:
    port = env.integer("DD_PORT", 443, 1, 65_535)
    if "://" in env.text("DD_URL"):
        return env.url("DD_URL", scheme, "")
    host = env.url("DD_URL", scheme, f"{scheme}://http-intake.logs.{site}")
    parts = urlsplit(host)
    usual = {"https": 443, "http": 80}[scheme]
    if parts.port or port == usual:
        return host
    return parts._replace(netloc=f"{parts.netloc}:{port}").geturl()


def _verify(env: Environment) -> bool | str:
    if env.flag("DD_SKIP_SSL_VALIDATION", default=False):
        return False
    bundle = env.text("REQUESTS_CA_BUNDLE")
    if bundle and not Path(bundle).exists():
        raise ConfigurationError(f"REQUESTS_CA_BUNDLE is {bundle!r}, where there is no file or folder of certificates.")
    return bundle or True


def _scrub(env: Environment) -> Mask | None:
    pattern = env.pattern("DD_SCRUBBING_RULE")
    if pattern is None:
        return None
    replacement = env.text("DD_SCRUBBING_RULE_REPLACEMENT") or "xxxxx"
    try:  # a template is only compiled when something matches, so make the pattern match: as one of two branches
        regex.compile(f"(?:{pattern.pattern}\n)|", pattern.flags).sub(replacement, "").encode()
    except (regex.error, IndexError, OverflowError, ValueError) as error:
        raise ConfigurationError(
            f"DD_SCRUBBING_RULE_REPLACEMENT is {replacement!r}, which is not a replacement for what"
            f" DD_SCRUBBING_RULE matches: {error}."
        ) from None
    return Mask(pattern, replacement)


def _function(env: Environment) -> Function:
    name = env.text("AWS_LAMBDA_FUNCTION_NAME") or "forwarder"
    return Function(
        name=name,
        region=env.text("AWS_REGION") or env.text("AWS_DEFAULT_REGION") or "us-east-1",
        log_group=env.text("AWS_LAMBDA_LOG_GROUP_NAME") or f"/aws/lambda/{name}",
        memory_mb=env.integer("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 128, 1, 100_000),
    )


def _with_warnings(settings: Settings, env: Environment) -> Settings:
    warnings = list(name_warnings(env))
    if settings.site not in SITES:
        warnings.append(f"DD_SITE is {settings.site!r}, which is not one of Datadog's sites.")
    if settings.store_failed_events and not (settings.bucket_name or settings.queue_url):
        warnings.append(
            "DD_STORE_FAILED_EVENTS is true, but there is no store: set DD_S3_BUCKET_NAME or DD_SQS_QUEUE_URL."
        )
    return replace(settings, warnings=tuple(warnings))
