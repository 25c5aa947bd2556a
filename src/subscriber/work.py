"""Works on a job for one invocation, and hands on the rest."""

from dataclasses import asdict, replace

from subscriber import response
from subscriber.advice import advice
from subscriber.apply import Apply
from subscriber.errors import AwsError, OutOfTimeError, SubscriberError
from subscriber.functions import Functions
from subscriber.jobs import Job, Kind, State
from subscriber.log_groups import LogGroups
from subscriber.plan import Ours, Policy, Removal
from subscriber.records import Counts, Outcome
from subscriber.sandbox import Context, Sandbox
from subscriber.stack import Stack
from subscriber.survey import Survey

# CloudFormation waits for an hour, and then the stack cannot be deleted.
MAX_WAIT = 50 * 60.0  # seconds
MAX_PASSES = 2  # over all groups, if some failed that may succeed later: each pass reads all of them again

_ALL_DONE = {Kind.REMOVAL: "All filters are removed.", Kind.RECONCILIATION: "All filters are replaced."}


class Worker:
    """Works on one job in one invocation."""

    def __init__(self, sandbox: Sandbox, job: Job, context: Context) -> None:
        self._sandbox, self._job, self._arn = sandbox, job, context.invoked_function_arn
        self._counts = Counts()
        left = job.began + MAX_WAIT - sandbox.clock.epoch()
        self._calls = sandbox.calls(context, left) if job.request else sandbox.calls(context)

    def work(self) -> dict[str, object]:
        """Do as much of the job as the time allows, and hand on the rest; return how many groups were processed."""
        problem = ""
        try:
            state = self._round()
        except OutOfTimeError:  # before the first group
            state = State.OUT_OF_TIME
        except Exception as error:
            if not self._job.request:
                raise
            # Whatever it is: CloudFormation waits for a response.
            state, problem = State.FINISHED, str(error) if isinstance(error, SubscriberError) else type(error).__name__
        self._sandbox.telemetry.round(self._job.kind.value, self._job.number, self._counts, problem or state.value)
        self._job = replace(self._job, failed=self._job.failed + self._counts.failed)
        if state is State.FINISHED and not problem and self._is_worth_another_pass():
            self._job, state = self._job.over_again(), State.AGAIN
        if goes_on := state in (State.OUT_OF_TIME, State.AGAIN):
            problem = self._hand_on()
        if problem or not goes_on:
            self._end(problem)
        return asdict(self._counts) | {"state": problem or state.value}

    def _round(self) -> State:
        """Work until all is done or the time is up, and update the job's progress."""
        stack = self._sandbox.stack(self._calls)
        if (policy := self._policy(stack)) is None:  # of an id that is not ours
            return State.FINISHED
        if self._job.kind is Kind.RECONCILIATION:
            self._job = replace(self._job, stack=self._job.stack or stack.version)
        log_groups = LogGroups(self._sandbox.clients, self._calls, stack.note)
        survey = Survey(log_groups, policy, self._job.cursor)
        try:
            state = self._go_through(survey, Apply(log_groups, policy), stack)
        finally:
            for outcome in self._sandbox.take_back(stack, self._calls):
                self._note(outcome)
        if state is State.STACK_MOVED_ON and self._job.request:  # then remove what was to be replaced
            self._job = replace(self._job.over_again(), kind=Kind.REMOVAL, passes=1)
            return self._round()
        self._job = replace(self._job, cursor=survey.cursor)
        return state

    def _go_through(self, survey: Survey, apply: Apply, stack: Stack) -> State:
        try:
            for group in survey:
                if self._job.kind is Kind.RECONCILIATION and stack.has_moved_on(self._job.stack):
                    return State.STACK_MOVED_ON
                self._note(apply.to(group))
        except (AwsError, OutOfTimeError) as error:
            if isinstance(error, AwsError) and not error.transient:
                raise
            if survey.cursor == self._job.cursor != survey.begun:
                # One group took all the time: go on with the others.
                self._job, survey.cursor = replace(self._job, again=True), survey.begun
                self._counts.failed += 1
            return State.OUT_OF_TIME
        return State.FINISHED

    def _note(self, outcome: Outcome) -> None:
        self._job = replace(self._job, again=self._job.again or outcome.again)
        self._counts.add(outcome)
        self._sandbox.telemetry.outcome(outcome)

    def _policy(self, stack: Stack) -> Policy | None:
        wanted, former = self._sandbox.settings.wanted, Ours.of_id(self._job.former)
        if self._job.kind is Kind.RECONCILIATION:
            protecting = self._sandbox.protecting(wanted, self._calls)
            return replace(protecting, previous=former, everywhere=self._job.everywhere)
        # An interrupted update may have left both kinds.
        owner = wanted.ours if stack.is_going else former
        return Removal(owner, wanted.selection.prefixes, former) if owner else None

    def _is_worth_another_pass(self) -> bool:
        """Return whether to go through all groups once more. A job that is not everywhere is scheduled anyway."""
        job = self._job
        return job.again and job.everywhere and job.passes < MAX_PASSES and not self._why_last_round()

    def _why_last_round(self) -> str:
        """Return why the job cannot continue in another round; empty if it can."""
        if self._job.number >= self._sandbox.settings.max_rounds:
            return f"not finished after {self._job.number} rounds"
        if self._job.request and self._sandbox.clock.epoch() >= self._job.began + MAX_WAIT:
            return f"not finished after {MAX_WAIT / 60:.0f} minutes"
        return ""

    def _hand_on(self) -> str:
        """Invoke ourselves with the rest of the job; return why that was not done, if it was not."""
        if reason := self._why_last_round():
            return reason
        functions = Functions(self._sandbox.clients, self._calls)
        try:
            functions.invoke(self._arn, replace(self._job, number=self._job.number + 1).as_event())
        except (AwsError, OutOfTimeError) as error:
            return f"the rest could not be handed on: {error}"
        return ""

    def _end(self, problem: str) -> None:
        """Say what remains to be done, and respond to CloudFormation: a deletion always succeeds."""
        job = self._job
        if job.failed and not problem:
            problem = f"{job.failed} log groups failed"
        reason = _ALL_DONE[job.kind]
        if problem:
            reason = advice(job, problem, self._sandbox.settings.wanted)
            self._sandbox.telemetry.warn(reason)
        if job.request:
            response.send(job.request, response.SUCCESS, reason, self._sandbox.clock)
