"""Every parameter of `template.yaml` is wired: changing it changes the environment, a resource or a policy."""

import re
from typing import Any

import pytest

from forwarder.settings import Settings
from tests.deploy.cloudformation import ROOT, TEMPLATE, Stack

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog-a1B2c3"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0b2c7f30-0000-4000-8000-000000000001"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:orders"
STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/orders"
TARGET = "arn:aws:lambda:us-east-1:123456789012:function:copy"
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/failed"
IN_VPC = {"DdUseVPC": "true", "VPCSubnetIds": "subnet-1", "VPCSecurityGroupIds": "sg-1"}
SUBSCRIBING = {"SubscribeLogGroups": "true", "SubscribeInclude": "/aws/lambda/"}

# Parameters whose value is that of a variable: which one, and another value than the default.
VARIABLES = {
    "DdKmsApiKey": ("DD_KMS_API_KEY", "Zm9vYmFy"),
    "DdSite": ("DD_SITE", "datadoghq.eu"),
    "DdUrl": ("DD_URL", "logs.example.com"),
    "DdPort": ("DD_PORT", "8443"),
    "DdApiUrl": ("DD_API_URL", "https://metrics.example.com"),
    "DdTraceIntakeUrl": ("DD_TRACE_INTAKE_URL", "https://traces.example.com"),
    "DdNoSsl": ("DD_NO_SSL", "true"),
    "DdSkipSslValidation": ("DD_SKIP_SSL_VALIDATION", "true"),
    "DdUseCompression": ("DD_USE_COMPRESSION", "false"),
    "DdCompressionLevel": ("DD_COMPRESSION_LEVEL", "9"),
    "DdMaxWorkers": ("DD_MAX_WORKERS", "5"),
    "DdTags": ("DD_TAGS", "env:prod,team:shop"),
    "DdSource": ("DD_SOURCE", "shop"),
    "DdForwardLog": ("DD_FORWARD_LOG", "false"),
    "DdEnhancedMetrics": ("DD_ENHANCED_METRICS", "false"),
    "DdStepFunctionsTraceEnabled": ("DD_STEP_FUNCTIONS_TRACE_ENABLED", "true"),
    "DdMultilineLogRegexPattern": ("DD_MULTILINE_LOG_REGEX_PATTERN", r"\d{4}-"),
    "AdditionalTargetLambdaArns": ("DD_ADDITIONAL_TARGET_LAMBDAS", TARGET),
    "DdFetchLambdaTags": ("DD_FETCH_LAMBDA_TAGS", "false"),
    "DdFetchLogGroupTags": ("DD_FETCH_LOG_GROUP_TAGS", "true"),
    "DdFetchS3Tags": ("DD_FETCH_S3_TAGS", "true"),
    "DdEnrichS3Tags": ("DD_ENRICH_S3_TAGS", "false"),
    "DdEnrichCloudwatchTags": ("DD_ENRICH_CLOUDWATCH_TAGS", "false"),
    "TagsCacheTTLSeconds": ("DD_TAGS_CACHE_TTL_SECONDS", "600"),
    "ExcludeAtMatch": ("EXCLUDE_AT_MATCH", "healthcheck"),
    "IncludeAtMatch": ("INCLUDE_AT_MATCH", "ERROR"),
    "RedactIp": ("REDACT_IP", "true"),
    "RedactEmail": ("REDACT_EMAIL", "true"),
    "DdScrubbingRule": ("DD_SCRUBBING_RULE", "secret=[^ ]+"),
    "DdScrubbingRuleReplacement": ("DD_SCRUBBING_RULE_REPLACEMENT", "secret=?"),
    "DdApmObfuscationCreditCardsEnabled": ("DD_APM_OBFUSCATION_CREDIT_CARDS_ENABLED", "false"),
    "DdReportBatchItemFailures": ("DD_REPORT_BATCH_ITEM_FAILURES", "true"),
    "DdStoreFailedEvents": ("DD_STORE_FAILED_EVENTS", "false"),
    "DdForwarderBucketName": ("DD_S3_BUCKET_NAME", "failed"),
    "DdForwarderExistingBucketName": ("DD_S3_BUCKET_NAME", "existing"),
    "DdSqsQueueUrl": ("DD_SQS_QUEUE_URL", QUEUE_URL),
    "DdUseVPC": ("DD_USE_VPC", "true"),
    "DdHttpProxyURL": ("HTTPS_PROXY", "http://proxy.example.com:3128"),
    "DdNoProxy": ("NO_PROXY", "169.254.169.254"),
    "DdLogLevel": ("DD_LOG_LEVEL", "DEBUG"),
    "DdApiKeySecretArn": ("DD_API_KEY_SECRET_ARN", SECRET),
    "DdApiKeySsmParameterName": ("DD_API_KEY_SSM_NAME", "/datadog/key"),
}

# Parameters that do other things: another value, the resources that it creates, removes or changes, and what has to be
# set with it.
Effect = tuple[str, set[str], dict[str, str]]
EFFECTS: dict[str, Effect] = {
    "DdApiKey": ("0123456789abcdef", {"ApiKeySecret"}, {}),
    "DdApiKeySecretArn": (SECRET, {"Forwarder", "ForwarderRole", "ApiKeySecret"}, {}),
    "DdApiKeySsmParameterName": ("/datadog/key", {"Forwarder", "ForwarderRole", "ApiKeySecret"}, {}),
    "DdKmsApiKey": ("Zm9vYmFy", {"Forwarder", "ForwarderRole", "ApiKeySecret"}, {}),
    "KmsKeyList": (KEY, {"ForwarderRole"}, {}),
    "AdditionalTargetLambdaArns": (TARGET, {"Forwarder", "ForwarderRole"}, {}),
    "DdFetchLambdaTags": ("false", {"Forwarder", "ForwarderRole", "ForwarderPolicy"}, {}),
    "DdFetchLogGroupTags": ("true", {"Forwarder", "ForwarderRole"}, {}),
    "DdFetchS3Tags": ("true", {"Forwarder", "ForwarderRole", "ForwarderPolicy"}, {"DdFetchLambdaTags": "false"}),
    "S3BucketArnList": ("arn:aws:s3:::orders", {"ForwarderRole"}, {}),
    "SqsQueueArnList": (QUEUE, {"Forwarder", "ForwarderRole", "Queue1"}, {}),
    "KinesisStreamArnList": (STREAM, {"Forwarder", "ForwarderRole", "Stream1"}, {}),
    "DdStoreFailedEvents": (
        "false",
        {
            "Forwarder",
            "ForwarderPolicy",
            "AsyncInvocations",
            "RetryRule",
            "RetryRuleAlarm",
            "LostAlarm",
            "BacklogAlarm",
            "ReplaysAlarm",
        },
        {},
    ),
    "DdScheduleRetryFailedEvents": ("false", {"RetryRule", "RetryRuleAlarm"}, {}),
    "RetrySchedule": ("rate(1 hour)", {"RetryRule"}, {}),
    "DdForwarderBucketName": (
        "failed",
        {"Forwarder", "ForwarderPolicy", "FailedEventsBucket", "FailedEventsBucketPolicy", "AsyncInvocations"},
        {},
    ),
    "DdForwarderExistingBucketName": (
        "existing",
        {"Forwarder", "ForwarderPolicy", "FailedEventsBucket", "FailedEventsBucketPolicy", "AsyncInvocations"},
        {},
    ),
    "DdForwarderBucketsAccessLogsTarget": ("access-logs", {"FailedEventsBucket"}, {}),
    "DdSqsQueueUrl": (
        QUEUE_URL,
        {"Forwarder", "ForwarderRole", "ForwarderPolicy", "BacklogAlarm", "QueueBacklogAlarm"},
        {},
    ),
    "AlarmTopicArn": (
        "arn:aws:sns:us-east-1:123456789012:on-call",
        {name for name, each in TEMPLATE["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"}
        - {"QueueBacklogAlarm"},
        SUBSCRIBING,
    ),
    "MemorySize": ("512", {"Forwarder"}, {}),
    "Timeout": ("60", {"Forwarder"}, {}),
    "Architecture": ("x86_64", {"Forwarder", "Subscriber"}, SUBSCRIBING),
    "ReservedConcurrency": ("10", {"Forwarder"}, {}),
    "LogRetentionInDays": ("30", {"ForwarderLogGroup", "SubscriberLogGroup"}, SUBSCRIBING),
    "IamRolePath": ("/logs/", {"ForwarderRole", "SubscriberRole"}, SUBSCRIBING),
    "PermissionsBoundaryArn": (
        "arn:aws:iam::123456789012:policy/boundary",
        {"ForwarderRole", "SubscriberRole"},
        SUBSCRIBING,
    ),
    "DdUseVPC": ("true", {"Forwarder", "ForwarderRole"}, {"VPCSubnetIds": "subnet-1", "VPCSecurityGroupIds": "sg-1"}),
    "VPCSecurityGroupIds": ("sg-2,sg-3", {"Forwarder"}, IN_VPC),
    "VPCSubnetIds": ("subnet-2,subnet-3", {"Forwarder"}, IN_VPC),
    "SubscribeLogGroups": (
        "true",
        {name for name, each in TEMPLATE["Resources"].items() if each.get("Condition") == "SubscribesLogGroups"},
        {"SubscribeInclude": "/aws/lambda/"},
    ),
    "SubscribeInclude": ("/ecs/", {"Subscriber", "Subscriptions"}, SUBSCRIBING),
    "SubscribeExclude": ("*-test", {"Subscriber", "Subscriptions"}, SUBSCRIBING),
    "SubscribeTags": ("team=shop", {"Subscriber", "Subscriptions", "SubscriberRole"}, SUBSCRIBING),
    "SubscribeFilterPattern": ("ERROR", {"Subscriber", "Subscriptions"}, SUBSCRIBING),
    "SubscribeFilterName": ("datadog", {"Subscriber", "Subscriptions"}, SUBSCRIBING),
    "SubscribeSchedule": ("rate(1 day)", {"SubscribeRule"}, SUBSCRIBING),
}

# Settings that are not given by a parameter of their own, and why.
WITHOUT_PARAMETER = {
    "DD_API_KEY": "the stack keeps the key in a secret",
    "HTTP_PROXY": "is set together with HTTPS_PROXY",
    "REQUESTS_CA_BUNDLE": "names a file, which would have to come with the code",
    "AWS_DEFAULT_REGION": "Lambda's",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "Lambda's",
    "AWS_LAMBDA_FUNCTION_NAME": "Lambda's",
    "AWS_LAMBDA_LOG_GROUP_NAME": "Lambda's",
    "AWS_REGION": "Lambda's",
}


def touched(before: Stack, after: Stack) -> set[str]:
    """Name the resources that differ between two stacks or that one of them lacks."""
    old, new = before.resources, after.resources
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


@pytest.mark.parametrize("name", sorted(TEMPLATE["Parameters"].keys() - {"FunctionName"}))
def test_every_parameter_is_known_to_do_something(name: str) -> None:
    assert name in VARIABLES or name in EFFECTS


@pytest.mark.parametrize("name", VARIABLES)
def test_a_parameter_sets_its_variable(name: str) -> None:
    variable, value = VARIABLES[name]

    assert Stack(TEMPLATE).variables[variable] != value
    assert Stack(TEMPLATE, **{name: value}).variables[variable] == value


@pytest.mark.parametrize("name", sorted(VARIABLES.keys() - EFFECTS.keys()))
def test_a_parameter_that_sets_a_variable_changes_nothing_else(name: str) -> None:
    variable, value = VARIABLES[name]
    before, after = Stack(TEMPLATE), Stack(TEMPLATE, **{name: value})

    variables = {each for each in before.variables if before.variables[each] != after.variables[each]}
    assert variables - {"HTTP_PROXY"} == {variable}
    assert touched(before, after) == {"Forwarder"}


@pytest.mark.parametrize("name", EFFECTS)
def test_a_parameter_changes_what_it_should_and_nothing_else(name: str) -> None:
    value, expected, beside = EFFECTS[name]

    assert touched(Stack(TEMPLATE, **beside), Stack(TEMPLATE, **{**beside, name: value})) == expected


def test_another_name_makes_another_function() -> None:
    assert "Forwarder" in touched(Stack(TEMPLATE), Stack(TEMPLATE, FunctionName="logs"))


def test_every_setting_has_a_parameter_or_a_reason_for_having_none() -> None:
    source = (ROOT / "src" / "forwarder" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)"', source))

    assert read == {variable for variable, _ in VARIABLES.values()} | WITHOUT_PARAMETER.keys()


@pytest.mark.parametrize("variable", Stack(TEMPLATE).variables)
def test_every_environment_variable_is_one_that_the_forwarder_reads(variable: str) -> None:
    assert f'"{variable}"' in (ROOT / "src" / "forwarder" / "settings.py").read_text(encoding="utf-8")


def test_a_proxy_is_for_both_protocols() -> None:
    variables = Stack(TEMPLATE, DdHttpProxyURL="proxy:3128").variables

    assert (variables["HTTP_PROXY"], variables["HTTPS_PROXY"]) == ("proxy:3128", "proxy:3128")


def settings(**parameters: str) -> Settings:
    """Return the forwarder's settings from the environment."""
    return Settings.from_environ(Stack(TEMPLATE, DdApiKey="key", **parameters).variables)


def test_the_forwarder_starts_with_the_defaults_without_a_warning() -> None:
    assert settings().warnings == ()


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_the_forwarder_starts_with_each_value_without_a_warning(name: str) -> None:
    assert settings(**{name: VARIABLES[name][1]}).warnings == ()


def test_the_defaults_are_those_of_the_forwarder_except_for_what_the_stack_decides() -> None:
    alone = Settings.from_environ({"DD_API_KEY": "key", "DD_S3_BUCKET_NAME": "any"})
    decided = {"api_key", "bucket_name", "fetch_lambda_tags"}

    default = settings()
    names = [name for name in Settings.__slots__ if name not in decided]
    assert {name: getattr(default, name) for name in names} == {name: getattr(alone, name) for name in names}
    assert default.fetch_lambda_tags


def test_the_defaults_leave_half_of_the_4_kb_of_an_environment_to_the_user() -> None:
    variables: dict[str, Any] = Stack(TEMPLATE).variables

    assert sum(len(name) + len(value) for name, value in variables.items()) < 2048
