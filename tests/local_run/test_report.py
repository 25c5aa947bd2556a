"""What a run prints: a table that fits the terminal, or a list, and sentences."""

import io
from pathlib import Path

import pytest

from local_run import report
from local_run.command import Output
from local_run.ledger import Entry
from local_run.run import Outcome, load_events

LONGEST_NAME = max((name for name in load_events(None)), key=len)


class Printed:
    """What a run printed, by lines."""

    def __init__(self, text: str) -> None:
        self.lines = [line.rstrip() for line in text.splitlines()]

    def line_of(self, name: str) -> str:
        (line,) = [line for line in self.lines if line.startswith(name)]
        return line


def printed(outcome: Outcome, width: int, monkeypatch: pytest.MonkeyPatch) -> Printed:
    class Narrow(Output):
        def __init__(self) -> None:
            super().__init__()
            self.file, self.width = written, width

    written = io.StringIO()
    monkeypatch.setattr(report, "Output", Narrow)
    report.print_table(outcome)
    return Printed(written.getvalue())


def outcome(*entries: Entry, unused: tuple[str, ...] = ()) -> Outcome:
    found = Outcome(Path("run"), where="somewhere.", unused=list(unused))
    found.ledger.entries += entries
    return found


def samples() -> Outcome:
    """Return the outcome of a run of all samples, with the largest numbers in it."""
    entry = Entry(LONGEST_NAME, lines=148, logs=139, metrics=4, enhanced=53, spans=3, filtered=5, duration_ms=1_811.0)
    return outcome(entry, Entry("a", problems=["Failed."]))


def test_the_table_of_the_samples_fits_into_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(samples(), 80, monkeypatch).lines
    assert max(len(line) for line in lines[2:8]) <= 80
    assert lines[3].split() == ["event", "in", "logs", "metrics", "metrics", "spans", "tered", "ms"]


def test_a_wide_terminal_shows_all_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(samples(), 120, monkeypatch).line_of("a ").split() == ["a", *"00000000", "FAILED"]


def test_columns_of_zeros_are_left_out_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry("s3.odd-key", lines=2, logs=2, duration_ms=9.0)
    assert printed(outcome(entry), 40, monkeypatch).line_of("s3.odd-key").split() == ["s3.odd-key", *"229", "ok"]


def test_a_terminal_that_is_too_narrow_for_a_table_gets_a_list_with_whole_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = printed(samples(), 50, monkeypatch)
    assert said.line_of(LONGEST_NAME) == (
        f"{LONGEST_NAME}: lines in 148, logs 139, metrics 4, enhanced metrics 53, spans 3, filtered 5, ms 1,811, ok"
    )
    assert said.line_of("a: lines") == "a: lines in 0, logs 0, ms 0, FAILED"


def test_settings_of_the_shell_that_are_not_used_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(outcome(Entry("a"), unused=("DD_TAGS", "REDACT_IP")), 120, monkeypatch)
    assert said.line_of("Set in this shell").startswith("Set in this shell and not used here: DD_TAGS, REDACT_IP.")


def test_a_run_that_sent_nothing_does_not_say_that_everything_was_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(outcome(Entry("retry", events=1)), 120, monkeypatch)
    assert [line for line in said.lines if "delivered" in line] == []
    assert said.line_of("Nothing was sent: there was nothing to deliver")


def test_what_an_intake_cuts_and_what_cloudwatch_cuts_are_distinguished(monkeypatch: pytest.MonkeyPatch) -> None:
    said = printed(outcome(Entry("a", logs=1, truncated=1)), 120, monkeypatch)
    assert said.line_of("1 log was longer than an intake takes, 1,000,000 bytes as JSON")
