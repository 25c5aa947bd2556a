"""Work on all log groups, which may take several invocations: each tells the next where to continue."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import Any

from subscriber.errors import UnsupportedEventError
from subscriber.log_groups import Cursor

CONTINUE = "continue"  # the key of an event with which the function invokes itself


class Kind(Enum):
    """What a job does."""

    RECONCILIATION = "reconciliation"
    REMOVAL = "removal"


class State(Enum):
    """How a round ended."""

    FINISHED = "finished"
    OUT_OF_TIME = "the time was up"
    AGAIN = "some groups failed that may succeed now"
    STACK_MOVED_ON = "the stack is being changed or deleted"


@dataclass(frozen=True, slots=True)
class Job:
    """Work, and its progress.

    `began` is in seconds since 1970. `former` is the id of filters that should no longer exist: a removal removes them,
    a reconciliation replaces them. `stack` is the version of the stack for which the work is done. `request` holds what
    the response to CloudFormation has to repeat, if it waits for one.
    """

    kind: Kind
    began: float
    former: str = ""
    everywhere: bool = True
    cursor: Cursor = field(default_factory=Cursor)
    number: int = 1  # of the round
    failed: int = 0  # groups, since the cursor was at the start
    again: bool = False  # some of them may succeed later
    passes: int = 1  # over all groups
    stack: str = ""
    request: Mapping[str, str] = field(default_factory=dict)

    def as_event(self) -> dict[str, object]:
        """Return the event that continues this job."""
        return {CONTINUE: asdict(self) | {"kind": self.kind.value}}

    def over_again(self) -> "Job":
        """Return the same job with the cursor at the start."""
        return replace(self, cursor=Cursor(), failed=0, again=False, passes=self.passes + 1)

    @classmethod
    def of_event(cls, event: Mapping[str, Any]) -> "Job":
        """Return the job that an event continues, which another version of this code may have begun.

        Raises:
            UnsupportedEventError: it is not a job.

        """
        try:
            given = _known(cls, event[CONTINUE])
            cursor = Cursor(**_known(Cursor, given.get("cursor", {})))
            return cls(**{**given, "kind": Kind(given["kind"]), "cursor": cursor})
        except (KeyError, TypeError, ValueError):
            raise UnsupportedEventError(f"Unsupported event: its {CONTINUE!r} is not a job.") from None


def _known(of: type[Job | Cursor], given: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: given[each.name] for each in fields(of) if each.name in given}
