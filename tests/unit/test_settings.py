"""`Settings.from_environ`: every variable by name, its default, what it accepts and what it says otherwise."""

import json

import pytest

from forwarder.errors import ConfigurationError
from forwarder.settings import SITES, KeyPlace, Settings
from tests.builders import ENVIRON, settings

KEY = ENVIRON["DD_API_KEY"]

# (variable, field, default, a value, what it becomes)
PLAIN_SETTINGS = [
    ("DD_SITE", "site", "datadoghq.com", "datadoghq.eu", "datadoghq.eu"),
    ("DD_URL", "logs_url", "https://http-intake.logs.datadoghq.com", "logs.example.com", "https://logs.example.com"),
    ("DD_API_URL", "metrics_url", "https://api.datadoghq.com", "http://127.0.0.1:1/", "http://127.0.0.1:1"),
    (
        "DD_TRACE_INTAKE_URL",
        "traces_url",
        "https://trace.agent.datadoghq.com",
        "t.example.com",
        "https://t.example.com",
    ),
    ("DD_SKIP_SSL_VALIDATION", "verify", True, "true", False),
    ("HTTP_PROXY", "http_proxy", "", "proxy.example.com:3128", "http://proxy.example.com:3128"),
    ("HTTPS_PROXY", "https_proxy", "", "http://proxy.example.com:3128", "http://proxy.example.com:3128"),
    ("NO_PROXY", "no_proxy", "", "169.254.169.254,.internal", "169.254.169.254,.internal"),
    ("DD_USE_COMPRESSION", "use_compression", True, "false", False),
    ("DD_COMPRESSION_LEVEL", "compression_level", 6, "9", 9),
    ("DD_MAX_WORKERS", "max_workers", 20, "3", 3),
    ("DD_TAGS", "tags", (), " env:prod , ,team:core,", ("env:prod", "team:core")),
    ("DD_SOURCE", "source", "", "my-source", "my-source"),
    ("DD_FORWARD_LOG", "forward_log", True, "false", False),
    ("DD_ENHANCED_METRICS", "enhanced_metrics", True, "false", False),
    ("REDACT_IP", "redact_ip", False, "true", True),
    ("REDACT_EMAIL", "redact_email", False, "true", True),
    ("DD_TAGS", "tags", (), "service:,env:,service:shop,flag", ("service:shop", "flag")),
    ("DD_FETCH_LAMBDA_TAGS", "fetch_lambda_tags", False, "true", True),
    ("DD_FETCH_LOG_GROUP_TAGS", "fetch_log_group_tags", False, "true", True),
    ("DD_FETCH_S3_TAGS", "fetch_s3_tags", False, "true", True),
    ("DD_ENRICH_S3_TAGS", "enrich_s3_tags", True, "false", False),
    ("DD_ENRICH_CLOUDWATCH_TAGS", "enrich_cloudwatch_tags", True, "false", False),
    ("DD_TAGS_CACHE_TTL_SECONDS", "tags_cache_ttl_seconds", 300, "60", 60),
    ("DD_REPORT_BATCH_ITEM_FAILURES", "report_batch_item_failures", False, "true", True),
    ("DD_STORE_FAILED_EVENTS", "store_failed_events", False, "true", True),
    ("DD_S3_BUCKET_NAME", "bucket_name", "", "my-bucket", "my-bucket"),
    ("DD_SQS_QUEUE_URL", "queue_url", "", "https://sqs.example.com/1/q", "https://sqs.example.com/1/q"),
    ("DD_ADDITIONAL_TARGET_LAMBDAS", "additional_target_lambdas", (), "arn:a, arn:b", ("arn:a", "arn:b")),
    ("DD_USE_VPC", "use_vpc", False, "true", True),
    ("DD_STEP_FUNCTIONS_TRACE_ENABLED", "step_functions_trace_enabled", False, "true", True),
    ("DD_APM_OBFUSCATION_CREDIT_CARDS_ENABLED", "obfuscate_credit_cards", True, "false", False),
    ("DD_LOG_LEVEL", "log_level", "WARNING", "debug", "DEBUG"),
]
BOOLEANS = [
    name for name, _, default, *_ in PLAIN_SETTINGS if isinstance(default, bool)
] + ["DD_NO_SSL"]  # fmt: skip
WHOLE_NUMBERS = [
    ("DD_PORT", 1, 65_535),
    ("DD_COMPRESSION_LEVEL", 0, 9),
    ("DD_MAX_WORKERS", 1, 256),
    ("DD_TAGS_CACHE_TTL_SECONDS", 1, 86_400),
]
URLS = ["DD_URL", "DD_API_URL", "DD_TRACE_INTAKE_URL", "DD_SQS_QUEUE_URL", "HTTP_PROXY", "HTTPS_PROXY"]


def error_of(**variables: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings(**variables)
    return str(caught.value)


@pytest.mark.parametrize(("variable", "field", "default"), [row[:3] for row in PLAIN_SETTINGS])
def test_a_variable_that_is_not_set_has_its_default(variable: str, field: str, default: object) -> None:
    assert getattr(settings(), field) == default


@pytest.mark.parametrize(("variable", "field", "default"), [row[:3] for row in PLAIN_SETTINGS])
@pytest.mark.parametrize("blank", ["", "  "])
def test_an_empty_variable_counts_as_not_set(variable: str, field: str, default: object, blank: str) -> None:
    assert getattr(settings(**{variable: blank}), field) == default


@pytest.mark.parametrize(("variable", "field", "_default", "text", "value"), PLAIN_SETTINGS)
def test_a_variable_sets_its_field(variable: str, field: str, _default: object, text: str, value: object) -> None:
    assert getattr(settings(**{variable: text}), field) == value


@pytest.mark.parametrize("name", BOOLEANS)
@pytest.mark.parametrize("text", ["yes", "1", "on", "truee"])
def test_a_boolean_other_than_true_or_false_is_an_error_that_names_the_variable(name: str, text: str) -> None:
    assert error_of(**{name: text}) == f"{name} is {text!r}; expected true or false."


@pytest.mark.parametrize(("text", "value"), [("TRUE", True), ("False", False), (" true ", True)])
def test_booleans_are_read_in_any_case(text: str, value: bool) -> None:
    assert settings(REDACT_IP=text).redact_ip is value


@pytest.mark.parametrize(("name", "least", "most"), WHOLE_NUMBERS)
def test_a_number_at_either_bound_is_accepted(name: str, least: int, most: int) -> None:
    assert settings(**{name: str(least)}) != settings(**{name: str(most)})


@pytest.mark.parametrize(("name", "least", "most"), WHOLE_NUMBERS)
@pytest.mark.parametrize("text", ["-1", "1.5", "six", "+7", "1e3", "٣", "9" * 5000])
def test_what_is_no_whole_number_within_bounds_is_an_error(name: str, least: int, most: int, text: str) -> None:
    assert error_of(**{name: text}) == f"{name} is {text!r}; expected a whole number from {least} to {most}."


@pytest.mark.parametrize(("name", "most"), [(name, most) for name, _, most in WHOLE_NUMBERS])
def test_a_number_over_its_bound_is_an_error(name: str, most: int) -> None:
    assert error_of(**{name: str(most + 1)}).startswith(f"{name} is '{most + 1}'; expected a whole number")


@pytest.mark.parametrize("text", ["https://datadoghq.com", "data dog", "-a", "a/b", "a:1"])
def test_a_site_that_is_no_host_name_is_an_error(text: str) -> None:
    assert error_of(DD_SITE=text).startswith(f"DD_SITE is {text!r}; expected a host name")


@pytest.mark.parametrize("site", sorted(SITES))
def test_hosts_are_derived_from_the_site(site: str) -> None:
    found = settings(DD_SITE=site)
    assert (found.logs_url, found.metrics_url, found.traces_url, found.warnings) == (
        f"https://http-intake.logs.{site}",
        f"https://api.{site}",
        f"https://trace.agent.{site}",
        (),
    )


def test_an_unknown_site_is_a_warning_since_other_intakes_speak_the_protocol() -> None:
    assert settings(DD_SITE="example.com").warnings == (
        "DD_SITE is 'example.com', which is not one of Datadog's sites.",
    )


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"DD_URL": "h"}, "https://h"),
        ({"DD_URL": "h", "DD_PORT": "443"}, "https://h"),
        ({"DD_URL": "h", "DD_PORT": "8443"}, "https://h:8443"),
        ({"DD_PORT": "8443"}, "https://http-intake.logs.datadoghq.com:8443"),
        ({"DD_URL": "h:1", "DD_PORT": "8443"}, "https://h:1"),
        ({"DD_URL": "h/prefix/", "DD_PORT": "8443"}, "https://h:8443/prefix"),
        ({"DD_URL": "[::1]", "DD_PORT": "8443"}, "https://[::1]:8443"),
        ({"DD_URL": "h", "DD_NO_SSL": "true"}, "http://h:443"),  # as in the Datadog Forwarder
        ({"DD_URL": "h", "DD_NO_SSL": "true", "DD_PORT": "80"}, "http://h"),
        ({"DD_URL": "h", "DD_NO_SSL": "true", "DD_PORT": "443"}, "http://h:443"),
        ({"DD_URL": "h", "DD_NO_SSL": "true", "DD_PORT": "8080"}, "http://h:8080"),
        ({"DD_URL": "http://h"}, "http://h"),
        ({"DD_URL": "https://h:1/prefix/", "DD_NO_SSL": "true", "DD_PORT": "8080"}, "https://h:1/prefix"),
    ],
)
def test_the_logs_intake_is_a_host_with_a_port_or_a_full_url(variables: dict[str, str], url: str) -> None:
    assert settings(**variables).logs_url == url


def test_without_ssl_all_intakes_are_plain_http() -> None:
    found = settings(DD_NO_SSL="true", DD_API_URL="metrics.example.com")
    assert (found.metrics_url, found.traces_url) == ("http://metrics.example.com", "http://trace.agent.datadoghq.com")


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize("text", ["ftp://h", "https://", "h h", "h:99999", "h:0", "h:abc", "https://[::1", "h#part"])
def test_what_is_no_url_is_an_error_that_names_the_variable(name: str, text: str) -> None:
    assert error_of(**{name: text}).startswith(f"{name} is '")


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize("text", ["ftp://me:sesame@h", "h?api_key=sesame", "http://me:sesame@h:x"])
def test_an_error_about_a_url_does_not_repeat_the_secret_in_it(name: str, text: str) -> None:
    assert "sesame" not in error_of(**{name: text})


@pytest.mark.parametrize("name", ["DD_URL", "DD_API_URL", "DD_TRACE_INTAKE_URL", "DD_SQS_QUEUE_URL"])
def test_an_intake_url_with_credentials_is_refused_without_repeating_them(name: str) -> None:
    expected = f"{name} contains a user name or password; expected a URL without them."
    assert error_of(**{name: "https://me:sesame@h"}) == expected


def test_a_proxy_may_have_credentials() -> None:
    assert settings(HTTPS_PROXY="http://me:sesame@proxy:1").https_proxy == "http://me:sesame@proxy:1"


def test_lower_case_proxy_variables_are_honoured() -> None:
    found = settings(http_proxy="a:1", https_proxy="b:1", no_proxy="c")
    assert (found.http_proxy, found.https_proxy, found.no_proxy) == ("http://a:1", "http://b:1", "c")


def test_nothing_secret_is_in_the_repr() -> None:
    shown = repr(settings(HTTPS_PROXY="http://me:sesame@proxy:1", HTTP_PROXY="http://me:sesame@proxy:1"))
    assert KEY not in shown
    assert "sesame" not in shown


@pytest.mark.parametrize(
    ("text", "level"), [("trace", "DEBUG"), ("INFO", "INFO"), ("Warn", "WARNING"), ("off", "CRITICAL")]
)
def test_log_levels_of_the_datadog_forwarder_are_understood(text: str, level: str) -> None:
    assert settings(DD_LOG_LEVEL=text).log_level == level


def test_an_unknown_log_level_is_an_error_that_names_the_known_ones() -> None:
    assert error_of(DD_LOG_LEVEL="loud") == (
        "DD_LOG_LEVEL is 'loud'; expected one of TRACE, DEBUG, INFO, WARN, WARNING, ERROR, CRITICAL, OFF."
    )


# --- where the API key is ------------------------------------------------------------------------


def test_the_first_of_four_places_wins() -> None:
    variables = {place.value: place.name for place in KeyPlace}
    for place in KeyPlace:
        assert Settings.from_environ(variables).api_key.place is place
        assert Settings.from_environ(variables).api_key.value.reveal() == place.name
        del variables[place.value]


def test_no_key_at_all_is_an_error_that_names_all_four_places() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environ({})
    assert str(caught.value) == (
        "There is no API key: set one of DD_API_KEY_SECRET_ARN, DD_API_KEY_SSM_NAME, DD_KMS_API_KEY, DD_API_KEY."
    )


def test_white_space_around_a_key_is_removed() -> None:
    assert settings(DD_API_KEY=f" {KEY}\n").api_key.value.reveal() == KEY


def test_placeholders_of_the_old_template_count_as_not_set() -> None:
    found = settings(
        DD_API_KEY_SECRET_ARN="arn:aws:secretsmanager:DEFAULT",
        DD_API_KEY_SSM_NAME="/my/parameter/path",
        DD_KMS_API_KEY="",
    )
    assert found.api_key.place is KeyPlace.PLAIN


def test_placeholders_count_as_not_set_with_white_space_around_them() -> None:
    found = settings(
        DD_API_KEY_SECRET_ARN="arn:aws:secretsmanager:DEFAULT\n", DD_API_KEY_SSM_NAME=" /my/parameter/path"
    )
    assert found.api_key.place is KeyPlace.PLAIN


@pytest.mark.parametrize(
    "variables",
    [
        {"DD_SITE": "a b"},
        {"DD_PORT": "x"},
        {"DD_URL": "https://u:p@h"},
        {"EXCLUDE_AT_MATCH": "("},
        {"DD_LOG_LEVEL": "x"},
        {"DD_USE_VPC": "x"},
    ],
)
def test_the_key_is_in_no_error(variables: dict[str, str]) -> None:
    assert KEY not in error_of(**variables)


@pytest.mark.parametrize("name", ["DD_API_KEY_SECRET_ARN", "DD_API_KEY_SSM_NAME", "DD_KMS_API_KEY"])
@pytest.mark.parametrize("key", [KEY, KEY.upper(), f" {KEY}\n", KEY + "01234567"])
def test_a_key_in_the_place_of_a_reference_is_an_error_that_does_not_show_it(name: str, key: str) -> None:
    error = error_of(**{name: key})
    assert error.startswith(f"{name} looks like an API key itself; expected ")
    assert key.strip() not in error


@pytest.mark.parametrize("name", ["DD_API_KEY_SECRET_ARN", "DD_API_KEY_SSM_NAME"])
@pytest.mark.parametrize("value", ["my secret", "clé", '{"api_key":"sesame"}', "a,b", "a\nb"])
def test_what_is_no_reference_is_an_error_that_does_not_show_it(name: str, value: str) -> None:
    error = error_of(**{name: value})
    assert error.startswith(f"{name} is '****'; expected the ")


REFERENCES = [
    ("DD_API_KEY_SECRET_ARN", "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:team/datadog+key_@=.-Ab12Cd"),
    ("DD_API_KEY_SECRET_ARN", "team/datadog"),
    ("DD_API_KEY_SSM_NAME", "/team/datadog-api.key_1"),
    ("DD_API_KEY_SSM_NAME", "arn:aws:ssm:eu-west-1:123456789012:parameter/team/datadog"),
    ("DD_API_KEY_SSM_NAME", "/team/datadog:3"),
]


@pytest.mark.parametrize(("name", "reference"), REFERENCES)
def test_a_reference_may_be_a_name_or_an_arn(name: str, reference: str) -> None:
    assert settings(**{name: reference}).api_key.value.reveal() == reference


# --- the rest ------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", [{"DD_S3_BUCKET_NAME": "b"}, {"DD_SQS_QUEUE_URL": "https://sqs/q"}])
def test_failed_events_are_stored_where_a_store_is_configured(store: dict[str, str]) -> None:
    assert settings(**store).store_failed_events is True
    assert settings(**store, DD_STORE_FAILED_EVENTS="false").store_failed_events is False


@pytest.mark.parametrize("text", ["s3://my-bucket", "arn:aws:s3:::my-bucket", "my-bucket/folder", "my bucket", "é"])
def test_what_is_no_name_of_a_bucket_is_an_error(text: str) -> None:
    assert error_of(DD_S3_BUCKET_NAME=text) == (
        f"DD_S3_BUCKET_NAME is {text!r}; expected the name of a bucket, without s3:// or arn:."
    )


def test_a_fifo_queue_is_an_error() -> None:
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/failed.fifo"
    assert error_of(DD_SQS_QUEUE_URL=url) == (
        f"DD_SQS_QUEUE_URL is {url!r}; expected a standard queue, not a FIFO queue."
    )


def test_storing_failed_events_without_a_store_is_a_warning() -> None:
    assert settings(DD_STORE_FAILED_EVENTS="true").warnings == (
        "DD_STORE_FAILED_EVENTS is true, but there is no store: set DD_S3_BUCKET_NAME or DD_SQS_QUEUE_URL.",
    )
    assert settings(DD_STORE_FAILED_EVENTS="true", DD_S3_BUCKET_NAME="b").warnings == ()


@pytest.mark.parametrize(
    ("unknown", "known"),
    [
        ("DD_TAG", "DD_TAGS"),
        ("DD_APIKEY", "DD_API_KEY"),
        ("DD_SCRUBING_RULE", "DD_SCRUBBING_RULE"),
        ("DD_FETCH_LAMBDA_TAG", "DD_FETCH_LAMBDA_TAGS"),
        ("DD_COMPRESSION_LEVL", "DD_COMPRESSION_LEVEL"),
        ("DD_API_KEYS", "DD_API_KEY"),
        ("DD_KMS_APIKEY", "DD_KMS_API_KEY"),
    ],
)
def test_a_misspelling_is_a_warning_that_names_both(unknown: str, known: str) -> None:
    assert settings(**{unknown: "x"}).warnings == (f"{unknown} is not a setting; did you mean {known}?",)


@pytest.mark.parametrize("name", ["DD_ENV", "DD_SERVICE", "DD_VERSION", "DD_LOGS_INJECTION", "PATH"])
def test_variables_of_other_tools_are_no_misspellings(name: str) -> None:
    assert settings(**{name: "x"}).warnings == ()


@pytest.mark.parametrize("name", ["DD_API_KEY_KMS", "DD_API_KEY_ID", "DD_MY_API_KEY"])
def test_what_is_more_than_a_typo_away_from_a_secret_is_not_sent_there(name: str) -> None:
    assert settings(**{name: "x"}).warnings == ()


@pytest.mark.parametrize(
    "name", ["DD_USE_TCP", "DD_USE_PRIVATE_LINK", "DD_FETCH_STEP_FUNCTIONS_TAGS", "DD_TRACE_ENABLED"]
)
def test_what_only_the_datadog_forwarder_reads_is_said_to_have_no_effect(name: str) -> None:
    assert settings(**{name: "false"}).warnings == (f"{name} has no effect here: docs/migrating.md says why.",)


def test_a_warning_never_holds_the_value_of_an_unknown_variable() -> None:
    assert "sesame" not in json.dumps(settings(DD_APIKEY="sesame").warnings)


def test_the_function_that_runs_this_is_read_from_lambdas_variables() -> None:
    function = settings(
        AWS_LAMBDA_FUNCTION_NAME="fwd", AWS_REGION="eu-west-3", AWS_LAMBDA_FUNCTION_MEMORY_SIZE="512"
    ).function
    assert (function.name, function.region, function.memory_mb, function.log_group) == (
        "fwd",
        "eu-west-3",
        512,
        "/aws/lambda/fwd",
    )


def test_a_custom_log_group_is_read_from_lambdas_variable() -> None:
    assert settings(AWS_LAMBDA_LOG_GROUP_NAME="shared").function.log_group == "shared"


@pytest.mark.parametrize(("memory", "share"), [("1024", 1024 / 1769), ("1769", 1), ("10240", 1)])
def test_a_function_has_a_share_of_a_cpu_by_its_memory(memory: str, share: float) -> None:
    assert settings(AWS_LAMBDA_FUNCTION_MEMORY_SIZE=memory).function.processor_share == share
