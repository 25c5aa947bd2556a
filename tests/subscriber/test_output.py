"""What is written to a terminal."""

import io
import re
import sys

import pytest

from subscriber import cli
from subscriber.output import Output
from subscriber.records import Outcome, Skip, Subscribe
from tests.subscriber.support import FORWARDER, OWN, World, group

LONG = "/aws/lambda/" + "very-" * 30 + "long"
OUTCOMES = [
    Outcome(Subscribe(group(LONG), "wanted", OWN)),
    Outcome(Subscribe(group("/aws/[bold]"), "wanted", OWN), "PutSubscriptionFilter failed: X"),
    Outcome(Skip(group("c"), "subscribed")),
]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(out: io.StringIO, *, show_all: bool = False) -> str:
    Output(out, io.StringIO()).table(OUTCOMES, show_all=show_all)
    return out.getvalue()


def test_a_terminal_gets_a_table_in_which_names_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    text = shown(Screen())
    assert LONG in re.sub(r"wanted|\s", "", text)  # over several lines
    assert "/aws/[bold]" in text


def test_without_rich_a_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert shown(Screen()) == shown(io.StringIO())


def test_a_pipe_gets_one_line_for_each_change_and_each_failure() -> None:
    assert [line.split()[0] for line in shown(io.StringIO()).splitlines()] == ["action", "subscribe", "failed", "1"]


def test_all_groups_are_listed_on_request() -> None:
    assert any(line.split() == ["skip", "c", "subscribed"] for line in shown(io.StringIO(), show_all=True).splitlines())


def test_something_is_printed_before_aws_has_responded(world: World) -> None:
    out, err, said = io.StringIO(), Screen(), []
    world.session.events.register("before-call", lambda **_: said.append(err.getvalue()))
    arguments = ["plan", "--forwarder-arn", FORWARDER, "--include", "*"]
    cli.main(arguments, world.clients, world.clock, (io.StringIO(), out, err))
    assert "Asking AWS in eu-west-1 ..." in said[0]


def test_a_sentence_replaces_the_progress() -> None:
    screen = Screen()
    Output(io.StringIO(), screen).say("No.")
    assert screen.getvalue() == "\r\x1b[KNo.\n"


def test_an_answer_that_is_not_utf_8_is_a_no() -> None:
    answers = io.TextIOWrapper(io.BytesIO(b"\xff\n"), "utf-8")
    assert not Output(io.StringIO(), io.StringIO()).ask("Change it?", answers)


def test_progress_is_for_terminals_only() -> None:
    screen, pipe = Screen(), io.StringIO()
    for stream in (screen, pipe):
        Output(io.StringIO(), stream).progress("5 of 10")
    assert "5 of 10" in screen.getvalue()
    assert pipe.getvalue() == ""
