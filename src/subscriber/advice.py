"""Says what remains to be done when a job ends with something undone, and by whom."""

from collections.abc import Iterable
from shlex import quote

from subscriber import COMMAND
from subscriber.jobs import Job, Kind
from subscriber.plan import Ours, Reconciliation


def advice(job: Job, problem: str, wanted: Reconciliation) -> str:
    """Return sentences for the log and for CloudFormation; `wanted` is what the function is set to bring about."""
    former, ours = Ours.of_id(job.former), wanted.ours
    if job.kind is Kind.REMOVAL:
        return removal_advice(dict.fromkeys([former or ours, ours]), problem)
    sentence = f"Not all log groups are as they should be ({problem})."
    if former in (ours, None):
        return f"{sentence} The next scheduled run tries wanted ones again, and the next daily run the others."
    return f"{sentence} {_replace(former, wanted)}"


def removal_advice(owners: Iterable[Ours], problem: str) -> str:
    """Return what to do where filters of these may remain."""
    commands = " and ".join(f"{COMMAND} remove {_options(ours)}" for ours in owners)
    return (
        f"Some filters may remain ({problem}). Remove them with: {commands} or, for one log group:"
        " aws logs delete-subscription-filter --log-group-name LOG_GROUP --filter-name FILTER_NAME"
    )


def _replace(former: Ours, wanted: Reconciliation) -> str:
    """Name the command: a run that begins later does not know what made a filter ours before."""
    ours = wanted.ours
    other = former.forwarder.arn if former.forwarder != ours.forwarder else former.name
    pattern = f" --filter-pattern {quote(wanted.pattern)}" if wanted.pattern else ""
    return (
        f"Replace what remains with: {COMMAND} apply {_options(ours)} --take-over {quote(other)}{pattern}"
        " and --include, --exclude and --tag as the stack has them."
    )


def _options(ours: Ours) -> str:
    return f"--forwarder-arn {ours.forwarder.arn} --filter-name {quote(ours.name)}"
