"""The stack's second function in a run: the subscriber, which has to subscribe the log group that an event names.

CloudWatch Logs is moto's server, which `aws` starts. It is not called through boto3, which would read the user's AWS
profile.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from local_run.files import short
from local_run.function import RunError
from local_run.ledger import Entry
from local_run.run import started

HANDLER = "subscriber.handler.lambda_handler"
EVENTS = frozenset({"eventbridge.create-log-group"})  # the names of samples for it, not for the forwarder

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/datadog-forwarder"
FORWARDER = f"arn:aws:lambda:{REGION}:123456789012:function:datadog-forwarder"
SETTINGS = {
    "AWS_LAMBDA_FUNCTION_NAME": "datadog-forwarder-subscriber",
    "SUBSCRIBER_FORWARDER_ARN": FORWARDER,
    "SUBSCRIBER_INCLUDE": "/aws/lambda/",
}
_TIMEOUT_SECONDS = 30


class Subscription:
    """Sends events to the subscriber, which it starts for each, and checks that the log group is subscribed then.

    `variables` are those by which the local AWS is found; what the function prints goes to `log_path`.
    """

    def __init__(self, variables: Mapping[str, str], log_path: Path, *, in_process: bool) -> None:
        self._environ = {**variables, **SETTINGS}
        self._log_path = log_path
        self._in_process = in_process

    def send(self, name: str, event: dict[str, Any]) -> Entry:
        """Send one event about a log group that is created here first. Raises RunError if that fails."""
        group = _created(name, event)
        entry = Entry(name, events=1)
        with _LocalAws(self._environ["AWS_ENDPOINT_URL"]) as local_aws:
            local_aws.create(group)
            running = started(HANDLER, self._environ, self._log_path, in_process=self._in_process)
            with running as (function, _):
                result = function.invoke(event)
            entry.duration_ms = result.duration_ms
            if result.error:
                entry.problems.append(result.error)
            elif FORWARDER in local_aws.destinations(group):
                entry.notes.append(f"the subscriber subscribed {group} to the forwarder.")
            else:
                entry.problems.append(f"The subscriber did not subscribe {group}; see {short(self._log_path)}.")
        return entry


def _created(name: str, event: Mapping[str, Any]) -> str:
    match event:
        case {"detail": {"requestParameters": {"logGroupName": str(group)}}}:
            return group
    raise RunError(f"The event {name} must name a log group in detail.requestParameters.logGroupName.")


class _LocalAws(requests.Session):
    """The part of the local AWS that subscribing needs. Raises RunError if it refuses."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.trust_env = False  # a proxy has no business on this machine
        self._url = url

    def create(self, group: str) -> None:
        """Create a log group, and the forwarder with its role: a filter may only lead to what exists."""
        role, function = ROLE.rpartition("/")[2], FORWARDER.rpartition(":")[2]
        self._ask("iam", "/", data={"Action": "CreateRole", "RoleName": role, "AssumeRolePolicyDocument": "{}"})
        what = {"FunctionName": function, "Role": ROLE, "Code": {"ZipFile": ""}}
        self._ask("lambda", "/2015-03-31/functions", json={**what, "Runtime": "python3.13", "Handler": "any.handler"})
        self._logs("CreateLogGroup", logGroupName=group)

    def destinations(self, group: str) -> set[str]:
        """Return where the filters of a log group lead."""
        found = self._logs("DescribeSubscriptionFilters", logGroupName=group).json()
        return {each["destinationArn"] for each in found["subscriptionFilters"]}

    def _logs(self, operation: str, **parameters: str) -> requests.Response:
        return self._ask("logs", "/", json=parameters, headers={"X-Amz-Target": f"Logs_20140328.{operation}"})

    def _ask(self, service: str, path: str, headers: Mapping[str, str] | None = None, **body: Any) -> requests.Response:
        # moto reads the service from the signature.
        signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential=local-run/20261122/{REGION}/{service}/aws4_request"}
        try:
            response = self.post(
                self._url + path, headers={**signed, **(headers or {})}, timeout=_TIMEOUT_SECONDS, **body
            )
            response.raise_for_status()
        except requests.RequestException as error:
            raise RunError(f"The local AWS does not do what the subscriber needs: {error}.") from error
        return response
