"""Events as AWS sends them to the subscriber."""

from typing import Any

from tests.subscriber.support import ACCOUNT, OURS, REGION, SUBSCRIBER


def created(name: str, **detail: object) -> dict[str, Any]:
    """Return the event with which EventBridge reports a new log group, as CloudTrail recorded it."""
    return {
        "version": "0",
        "id": "a1b2c3d4-1f0c-4f7e-9d7e-0c1c5d8a4b11",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.logs",
        "account": ACCOUNT,
        "time": "2026-11-22T10:24:31Z",
        "region": REGION,
        "resources": [],
        "detail": {
            "eventVersion": "1.11",
            "userIdentity": {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"},
            "eventTime": "2026-11-22T10:24:31Z",
            "eventSource": "logs.amazonaws.com",
            "eventName": "CreateLogGroup",
            "awsRegion": REGION,
            "requestParameters": {"logGroupName": name},
            "responseElements": None,
            "requestID": "5b0cf6a2-7a52-4c1e-8d2c-3a2f6f1d9e10",
            "eventID": "0d9d5f0e-3f0a-4c7c-9a55-8d0f6f3a7b21",
            "readOnly": False,
            "apiVersion": "20140328",
            "managementEvent": True,
            "eventCategory": "Management",
            "recipientAccountId": ACCOUNT,
            **detail,
        },
    }


SCHEDULE = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": ACCOUNT,
    "time": "2026-11-22T10:00:00Z",
    "region": REGION,
    "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/subscribe"],
    "detail": {},
}


def resource(kind: str, url: str, **fields: object) -> dict[str, Any]:
    """Return the event with which CloudFormation creates, updates or deletes the custom resource."""
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/datadog-log-forwarder/5f1c8a30",
        "RequestId": "3f9a2f53-6a43-4c0e-9d65-1b1ce2d6a1b7",
        "LogicalResourceId": "Subscriptions",
        "ResourceType": "Custom::Subscriptions",
        "ResourceProperties": {"ServiceToken": SUBSCRIBER},
        **({} if kind == "Create" else {"PhysicalResourceId": OURS.id}),
        **fields,
    }
