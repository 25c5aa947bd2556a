"""Derives sources and functions from the names of log groups, log streams and objects."""

import regex

from forwarder.records import is_cloudtrail_file

# (what the lower-cased log group starts with, the source); the first match wins.
_GROUP_STARTS_WITH = (
    ("/aws/lambda", "lambda"),
    ("api-gateway", "apigateway"),
    ("/aws/api-gateway", "apigateway"),
    ("/aws/http-api", "apigateway"),
    ("/aws/apigateway", "apigateway"),
    ("/aws/appsync", "appsync"),
    ("aws/bedrock/modelinvocations", "bedrock"),
    ("/aws/bedrock/modelinvocations", "bedrock"),
    ("/aws/codebuild", "codebuild"),
    ("dms-tasks", "dms"),
    ("/aws/docdb", "docdb"),
    ("/aws/eks", "eks"),
    ("/aws/fsx/windows", "aws.fsx"),
    ("/aws/kinesis", "kinesis"),
    ("/aws/rds", "rds"),
    ("/aws/vendedlogs/states", "stepfunction"),
    ("sns/", "sns"),
    ("/aws/ssm/", "ssm"),
    ("tgw-attach", "transitgateway"),
    ("aws-waf-logs-", "waf"),  # the prefix that AWS WAF requires
)
_RDS_ENGINES = ("mariadb", "mysql", "postgresql")

# (what a log stream of an EKS cluster's group starts with, the source): each part of the control plane writes its own.
# The first match wins, so the audit log comes before the API server's own.
_EKS_STREAM_STARTS_WITH = (
    ("kube-apiserver-audit-", "kubernetes.audit"),
    ("kube-apiserver-", "kube-apiserver"),
    ("kube-scheduler-", "kube_scheduler"),
    ("kube-controller-manager-", "kube-controller-manager"),
    ("authenticator-", "aws-iam-authenticator"),
)

# (what is found in the lower-cased log stream, the source); used when the table above has no match: AWS names these
# streams itself, while users name their groups.
_STREAM_HAS = (
    (regex.compile("_cloudtrail_"), "cloudtrail"),
    (regex.compile("tgw-attach"), "transitgateway"),
    (regex.compile("aws/bedrock/modelinvocations"), "bedrock"),
)

# (what the lower-cased log group contains, the source); used when both tables above have no match.
_GROUP_CONTAINS = (
    ("network-firewall", "network-firewall"),
    ("route53", "route53"),
    ("vpc", "vpc"),
    ("fargate", "fargate"),
    ("cloudtrail", "cloudtrail"),
    ("msk", "msk"),
    ("elasticsearch", "elasticsearch"),
    ("transitgateway", "transitgateway"),
    ("verified-access", "verified-access"),
    ("cloudfront", "cloudfront"),
)
_DEFAULT = "cloudwatch"

# (what the lower-cased key contains, the source); the first match wins. Used when the key is not that of a
# CloudTrail file, whose whole name AWS makes, while any of these may also be in a prefix that the user chose.
_KEY_CONTAINS = (
    ("aws-waf-logs", "waf"),
    ("waflogs", "waf"),
    ("amazon-apigateway", "apigateway"),
    ("bedrock", "bedrock"),
    ("carbon-black", "carbonblack"),
    ("amazon_codebuild", "codebuild"),
    ("cloudfront", "cloudfront"),
    ("amazon_dms", "dms"),
    ("amazon_documentdb", "docdb"),
    ("elasticloadbalancing", "elb"),
    ("amazon_kinesis", "kinesis"),
    ("amazon_msk", "msk"),
    ("network-firewall", "network-firewall"),
    ("_redshift_", "redshift"),
    ("vpcdnsquerylogs", "route53"),
    ("transit-gateway", "transitgateway"),
    ("verified-access", "verified-access"),
    ("vpcflowlogs", "vpc"),
    ("guardduty", "guardduty"),
)
_KEY_DEFAULT = "s3"

# What a log stream of Step Functions starts with, in any log group.
_STATE_MACHINE_STREAM = "states/"

# What the name of a bucket for flow logs of transit gateways contains; their keys are those of VPC flow logs.
_TRANSIT_GATEWAY_BUCKET = "transit-gateway"

_LAMBDA_GROUP = "/aws/lambda/"
# 2023/11/06/my-function[$LATEST]13e304cba4b9446eb7ef082a00038990, in log groups that functions share
_LAMBDA_STREAM = regex.compile(
    r"\d{4}/\d\d/\d\d/(?P<function>[a-zA-Z0-9_-]{1,140})\[(?:\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]+)\][0-9a-f]{32}"
)


def source_of_log_group(log_group: str, log_stream: str) -> str:
    """Return the source of a log group's lines: the first matching row of the tables."""
    group, stream = log_group.lower(), log_stream.lower()
    if log_stream.startswith(_STATE_MACHINE_STREAM):
        return "stepfunction"
    if function_of(log_group, log_stream):
        return "lambda"
    for start, source in _GROUP_STARTS_WITH:
        if group.startswith(start):
            return _refined(source, group, stream)
    for pattern, source in _STREAM_HAS:
        if pattern.search(stream):
            return source
    return next((source for part, source in _GROUP_CONTAINS if part in group), _DEFAULT)


def _refined(source: str, group: str, stream: str) -> str:
    """Refine the source of a group of RDS, whose name has the engine, or of EKS, whose streams name the component."""
    if source == "rds":
        return next((engine for engine in _RDS_ENGINES if engine in group), source)
    if source == "eks":
        return next((part for start, part in _EKS_STREAM_STARTS_WITH if stream.startswith(start)), source)
    return source


def source_of_object(bucket: str, key: str) -> str:
    """Return the source of an object's lines.

    CloudTrail by its file names, transit gateways by the bucket, else the first row of the table that matches the key.
    """
    if is_cloudtrail_file(key):
        return "cloudtrail"
    if _TRANSIT_GATEWAY_BUCKET in bucket.lower():
        return "transitgateway"
    lowered = key.lower()
    return next((source for part, source in _KEY_CONTAINS if part in lowered), _KEY_DEFAULT)


def function_of(log_group: str, log_stream: str) -> str:
    """Return the name of the Lambda function that wrote a log stream, or an empty string."""
    if log_stream.startswith(_STATE_MACHINE_STREAM):
        return ""
    if named := _LAMBDA_STREAM.fullmatch(log_stream):
        return named["function"]
    return log_group[len(_LAMBDA_GROUP) :] if log_group.startswith(_LAMBDA_GROUP) else ""
