"""`python -m local_run.check`: would a forwarder with this shell's settings deliver? Sends nothing but the key."""

import os
import sys
from collections.abc import Iterator
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from local_run.command import NOT_DELIVERED, Output, exit_status
from local_run.function import RunError
from local_run.in_process import InProcess
from local_run.run import FILES, HANDLER

USUAL_REGION = "us-east-1"
# The variables of settings that are not DD_ and the setting's name. Addresses are shown as intakes.
VARIABLES: dict[str, tuple[str, ...]] = {
    "logs_url": (),
    "metrics_url": (),
    "traces_url": (),
    "verify": ("DD_SKIP_SSL_VALIDATION", "REQUESTS_CA_BUNDLE"),
    "http_proxy": ("HTTP_PROXY", "http_proxy"),
    "https_proxy": ("HTTPS_PROXY", "https_proxy"),
    "no_proxy": ("NO_PROXY", "no_proxy"),
    "include": ("INCLUDE_AT_MATCH",),
    "exclude": ("EXCLUDE_AT_MATCH",),
    "redact_ip": ("REDACT_IP",),
    "redact_email": ("REDACT_EMAIL",),
    "scrub": ("DD_SCRUBBING_RULE",),
    "multiline": ("DD_MULTILINE_LOG_REGEX_PATTERN",),
    "bucket_name": ("DD_S3_BUCKET_NAME",),
    "queue_url": ("DD_SQS_QUEUE_URL",),
    "obfuscate_credit_cards": ("DD_APM_OBFUSCATION_CREDIT_CARDS_ENABLED",),
}
PROXIES = {"http_proxy", "https_proxy"}  # may hold a password: shown as the handler shows them
NO_CREDENTIALS = "NoCredentialsError"


def main() -> int:
    """Print what the check finds; return the exit status, 0 if all is well."""
    return exit_status(_check)


def _check() -> int:
    try:
        findings = _findings()
    except RunError as error:
        print(error, file=sys.stderr)
        return NOT_DELIVERED
    console = Output()
    console.print(_table(findings))
    warnings = [f"Warning: {warning}" for warning in findings["warnings"]]
    problems = dict.fromkeys(map(_explained, _problems(findings)))  # each once
    for sentence in (*warnings, *problems, _verdict(findings)):
        console.print(sentence, soft_wrap=True, markup=False)
    return 0 if findings["ok"] else NOT_DELIVERED


def _findings() -> dict[str, Any]:
    """Ask the handler, with the user's own environment, including credentials."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or USUAL_REGION
    environ = {**os.environ, "AWS_REGION": region}
    with InProcess(HANDLER, environ=environ, log_path=FILES / "check.log") as function:
        result = function.invoke({"check": True})
    if result.error:
        raise RunError(result.error.partition(": ")[2] or result.error)
    findings: dict[str, Any] = result.payload
    return findings


def _table(findings: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for cells in _rows(findings):
        table.add_row(*(Text(str(cell)) for cell in cells))
    return table


def _rows(findings: dict[str, Any]) -> Iterator[tuple[object, object, object]]:
    key, store = findings["api_key"], findings["store"]
    yield "API key", key["from"], _shown_key(key)
    for signal, intake in findings["intakes"].items():
        yield f"intake of {signal}", intake["url"], _found(intake)
        if proxy := intake.get("proxy"):
            yield "", "through the proxy", proxy
    yield "store", store["kind"], "can be written" if store.get("writable") else store.get("note", "cannot be used")
    for name, value in findings["settings"].items():
        for variable in VARIABLES.get(name, (f"DD_{name.upper()}",)):
            if text := os.environ.get(variable, "").strip():
                yield "setting", variable, value if name in PROXIES else text


def _shown_key(key: dict[str, Any]) -> str:
    return f"ends with {key['ends_with']}" if "ends_with" in key else str(key.get("note", "could not be had"))


def _found(intake: dict[str, Any]) -> str:
    if not intake["reached"]:
        return "not reached"
    results = {True: "accepts the key", False: "refuses the key"}
    return results.get(
        intake["takes_key"], f"{'not well' if 'problem' in intake else 'reached'} (status {intake['status']})"
    )


def _verdict(findings: dict[str, Any]) -> str:
    if not findings["ok"]:
        return "NOT READY TO DELIVER."
    return "Ready to deliver logs and metrics." if "problem" in findings["intakes"]["traces"] else "Ready to deliver."


def _explained(problem: str) -> str:
    return "This shell has no AWS credentials." if NO_CREDENTIALS in problem else problem


def _problems(findings: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong, and what to do about it."""
    for found in (findings["api_key"], *findings["intakes"].values()):
        if problem := found.get("problem"):
            yield problem
    if problem := findings["store"].get("problem"):
        yield f"The store cannot be used ({problem}): look at its name and at what the role may do there."


if __name__ == "__main__":
    sys.exit(main())
