"""What the names of log groups, log streams and objects tell of their lines."""

import regex

from forwarder.records import is_cloudtrail_file

# (what the lower-cased log group starts with, the source); the first that fits wins.
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
    ("aws-waf-logs-", "waf"),  # how AWS WAF wants the groups that it writes to be named
)
_RDS_ENGINES = ("mariadb", "mysql", "postgresql")

# (what a log stream of an EKS cluster's group starts with, the source): each part of the control plane writes its own.
# The first that fits wins, so the audit log stands before the API server's own.
_EKS_STREAM_STARTS_WITH = (
    ("kube-apiserver-audit-", "kubernetes.audit"),
    ("kube-apiserver-", "kube-apiserver"),
    ("kube-scheduler-", "kube_scheduler"),
    ("kube-controller-manager-", "kube-controller-manager"),
    ("authenticator-", "aws-iam-authenticator"),
)

# (what is found in the lower-cased log stream, the source); looked at when the table above has nothing: AWS names these
# streams itself, while their groups have whatever name the user gave them.
_STREAM_HAS = (
    (regex.compile("_cloudtrail_"), "cloudtrail"),
    (regex.compile("tgw-attach"), "transitgateway"),
    (regex.compile("aws/bedrock/modelinvocations"), "bedrock"),
)

# (what the lower-cased log group contains, the source); looked at when both tables above have nothing.
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
_OTHERWISE = "cloudwatch"

# (what the lower-cased key contains, the source); the first that fits wins. Looked at when the key is not that of a
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
_KEY_OTHERWISE = "s3"

# What a log stream of Step Functions starts with, in whatever log group the user chose.
_STATE_MACHINE_STREAM = "states/"

# What the name of a bucket contains to which transit gateways write their flow logs; their keys are those of VPCs.
_TRANSIT_GATEWAY_BUCKET = "transit-gateway"

_LAMBDA_GROUP = "/aws/lambda/"
# 2023/11/06/my-function[$LATEST]13e304cba4b9446eb7ef082a00038990, in log groups that functions share
_LAMBDA_STREAM = regex.compile(
    r"\d{4}/\d\d/\d\d/(?P<function>[a-zA-Z0-9_-]{1,140})\[(?:\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]+)\][0-9a-f]{32}"
)


def source_of_log_group(log_group: str, log_stream: str) -> str:
    """Name the source of a log group's lines: the first row of the tables that fits."""
    group, stream = log_group.lower(), log_stream.lower()
    if log_stream.startswith(_STATE_MACHINE_STREAM):
        return "stepfunction"
    if function_of(log_group, log_stream):
        return "lambda"
    for start, source in _GROUP_STARTS_WITH:
        if group.startswith(start):
            return _closer(source, group, stream)
    for pattern, source in _STREAM_HAS:
        if pattern.search(stream):
            return source
    return next((source for part, source in _GROUP_CONTAINS if part in group), _OTHERWISE)


def _closer(source: str, group: str, stream: str) -> str:
    """Look closer at a group of RDS, whose name tells the engine, or of EKS, whose streams tell the component."""
    if source == "rds":
        return next((engine for engine in _RDS_ENGINES if engine in group), source)
    if source == "eks":
        return next((part for start, part in _EKS_STREAM_STARTS_WITH if stream.startswith(start)), source)
    return source


def source_of_object(bucket: str, key: str) -> str:
    """Name the source of an object's lines.

    CloudTrail by its file names, transit gateways by the bucket, else the first row of the table that fits the key.
    """
    if is_cloudtrail_file(key):
        return "cloudtrail"
    if _TRANSIT_GATEWAY_BUCKET in bucket.lower():
        return "transitgateway"
    lowered = key.lower()
    return next((source for part, source in _KEY_CONTAINS if part in lowered), _KEY_OTHERWISE)


def function_of(log_group: str, log_stream: str) -> str:
    """Name the Lambda function that wrote a log stream, or return the empty text."""
    if log_stream.startswith(_STATE_MACHINE_STREAM):
        return ""
    if named := _LAMBDA_STREAM.fullmatch(log_stream):
        return named["function"]
    return log_group[len(_LAMBDA_GROUP) :] if log_group.startswith(_LAMBDA_GROUP) else ""
