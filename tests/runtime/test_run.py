import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest

from local_run.emulator import EmulatorUnavailableError, find_emulator
from local_run.process import ROOT
from local_run.run import EVENTS, load_events

SAMPLES = sorted(path.stem for path in EVENTS.glob("*.json"))
pytestmark = pytest.mark.runtime


class Run(Protocol):
    """Runs the command to its end."""

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]: ...


class Report(Protocol):
    """Runs the command and reads its JSON."""

    def __call__(self, *arguments: str) -> dict[str, Any]: ...


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    try:
        find_emulator()
    except EmulatorUnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [sys.executable, "-m", "local_run", "--files", str(tmp_path_factory.mktemp("run"))]


@pytest.fixture(scope="module")
def run(command: list[str]) -> Run:
    """Run the command to its end."""

    def to_its_end(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )

    return to_its_end


@pytest.fixture(scope="module")
def report(run: Run) -> Report:
    """Run the command and read its JSON."""
    return lambda *arguments: json.loads(run("--json", *arguments).stdout)


def messages(store: str) -> list[str]:
    database = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return [message for (message,) in database.execute("SELECT message FROM logs ORDER BY id")]
    finally:
        database.close()


@pytest.fixture(scope="module")
def samples(report: Report) -> dict[str, Any]:
    return report()


def entry(samples: dict[str, Any], name: str) -> dict[str, Any]:
    entries: list[dict[str, Any]] = samples["entries"]
    return next(each for each in entries if each["name"] == name)


def test_every_sample_is_delivered_under_the_emulator(samples: dict[str, Any]) -> None:
    assert samples["handler_ran"].startswith("under the Runtime Interface Emulator")
    assert samples["delivered"]


def test_the_samples_are_sent_in_the_order_of_their_names_except_corrupt_ones(samples: dict[str, Any]) -> None:
    assert [each["name"] for each in samples["entries"]] == [name for name in SAMPLES if "corrupt" not in name]


def test_the_objects_that_a_sample_names_are_read(samples: dict[str, Any]) -> None:
    assert entry(samples, "s3.three-records")["logs"] == 6


def test_the_spans_of_a_trace_are_counted(samples: dict[str, Any]) -> None:
    assert entry(samples, "awslogs.lambda-trace")["spans"] == 3


def test_a_corrupt_sample_that_is_named_is_sent_and_not_delivered_whole(run: Run) -> None:
    done = run("--event", "events/kinesis.corrupt-record.json")
    assert done.returncode == 1
    assert "Not delivered (lines 1): its gzip is cut off." in done.stdout


def test_aws_runs_only_for_events_that_need_it(run: Run, tmp_path: Path) -> None:
    run("--files", str(tmp_path), "--event", "events/awslogs.lambda-warm.json")
    assert not (tmp_path / "aws.log").exists()


def test_a_new_log_group_is_subscribed_by_the_subscriber(samples: dict[str, Any]) -> None:
    created = entry(samples, "eventbridge.create-log-group")
    assert (created["lines"], created["logs"]) == (0, 0)
    assert created["notes"] == ["the subscriber subscribed /aws/lambda/orders-new to the forwarder."]


def test_a_new_log_group_that_is_not_subscribed_has_failed(run: Run, tmp_path: Path) -> None:
    event = json.loads((EVENTS / "eventbridge.create-log-group.json").read_text())
    event["detail"]["requestParameters"]["logGroupName"] = "/ecs/not-included"
    path = tmp_path / "eventbridge.create-log-group.json"
    path.write_text(json.dumps(event))
    done = run("--event", str(path))
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "The subscriber did not subscribe /ecs/not-included; see " in done.stdout


def test_the_coffee_house_sample_gives_its_two_metrics(samples: dict[str, Any]) -> None:
    assert entry(samples, "awslogs.lambda-metrics")["metrics"] == 2


def test_a_cold_start_gives_five_enhanced_metrics(samples: dict[str, Any]) -> None:
    assert entry(samples, "awslogs.lambda-cold-start")["enhanced"] == 5


def test_a_control_message_is_not_forwarded(samples: dict[str, Any]) -> None:
    control = entry(samples, "awslogs.control-message")
    assert (control["lines"], control["logs"], control["filtered"]) == (1, 0, 1)


def test_the_table_is_plain_text_when_it_does_not_go_to_a_terminal(run: Run) -> None:
    done = run("--event", "events/awslogs.lambda-warm.json")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert re.search(r"lambda-warm +5 +5 +0 +4 +0 +0 +0 +\d+ +ok", done.stdout)


def test_the_lines_of_a_text_file_arrive_byte_for_byte(report: Report, tmp_path: Path) -> None:
    lines = [f"{number} réservation\u2028 {'x' * (number % 300)}" for number in range(25_000)]
    log = tmp_path / "app.log"
    log.write_bytes("\n".join(lines).encode())
    arrived = report("--log", str(log), "--group", "/coffee-house/app")
    assert arrived["delivered"]
    assert messages(arrived["store"]) == lines


def test_a_line_over_one_megabyte_is_cut_and_that_is_reported(report: Report, tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    log.write_bytes(b"x" * 1_500_000)
    notes = report("--log", str(log))["notes"]
    assert notes[0] == (
        "Lines longer than CloudWatch Logs takes in one log event, 1,048,550 bytes, were cut; number of cuts: 1."
    )


def test_settings_reach_the_forwarder(report: Report) -> None:
    arrived = report("--event", "events/awslogs.lambda-cold-start.json", "--set", "EXCLUDE_AT_MATCH=RequestId")
    assert arrived["entries"][0]["filtered"] > 0


def test_a_warning_of_the_forwarder_is_shown(run: Run) -> None:
    done = run("--event", "events/awslogs.lambda-warm.json", "--set", "DD_TAG=a:b")
    assert "DD_TAG is not a setting; did you mean DD_TAGS?" in done.stdout


def test_the_users_log_level_wins(report: Report) -> None:
    arrived = report("--event", "events/awslogs.lambda-warm.json", "--set", "DD_LOG_LEVEL=ERROR")
    assert '"INFO"' not in Path(arrived["function_log"]).read_text()


def test_a_wrong_setting_ends_the_run_after_one_event(report: Report) -> None:
    failed = report("--set", "DD_MAX_WORKERS=many")
    assert len(failed["entries"]) == 1
    assert failed["problems"] == [f"Not sent for that reason: {len(load_events(None)) - 1} events."]


def test_a_log_that_arrives_changed_is_not_called_plainly_delivered(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "bytes.log"
    log.write_bytes(b"\xff")
    assert "Everything was delivered, though some of it was changed" in run("--log", str(log)).stdout


def test_an_event_that_only_asks_for_a_replay_is_not_called_delivered(run: Run, tmp_path: Path) -> None:
    event = tmp_path / "retry.json"
    event.write_text('{"retry": true}')
    done = run("--event", str(event))
    assert done.returncode == 0
    assert "Nothing was sent: there was nothing to deliver; the intake counted the same." in done.stdout


def test_settings_in_one_string_reach_the_forwarder(report: Report) -> None:
    event = "events/awslogs.lambda-cold-start.json"
    assert report("--event", event, "--settings", "EXCLUDE_AT_MATCH='RequestId: ' DD_TAGS=a:b")["total"]["filtered"] > 0


def test_settings_of_the_shell_are_named_as_not_used(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DD_TAGS", "team:a")
    monkeypatch.setenv("REDACT_IP", "true")
    done = run("--event", "events/awslogs.lambda-warm.json", "--set", "REDACT_IP=false")
    assert "Set in this shell and not used here: DD_TAGS. " in done.stdout


def test_an_event_that_the_handler_refuses_ends_with_status_1(run: Run, tmp_path: Path) -> None:
    event = tmp_path / "unknown.json"
    event.write_text('{"what": "is this"}')
    done = run("--event", str(event))
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "NOT EVERYTHING WAS DELIVERED" in done.stdout


def test_in_process_the_same_is_delivered(report: Report) -> None:
    arrived = report("--in-process", "--event", "events/awslogs.lambda-metrics.json")
    assert arrived["handler_ran"].startswith("in this process")
    assert (arrived["delivered"], arrived["total"]["metrics"], arrived["total"]["logs"]) == (True, 2, 4)


def test_in_process_objects_are_read_as_well(report: Report) -> None:
    assert report("--in-process", "--event", "events/s3.odd-key.json")["total"]["logs"] == 2


def test_in_process_a_new_log_group_is_subscribed_and_reported(run: Run) -> None:
    done = run("--in-process", "--event", "events/eventbridge.create-log-group.json")
    assert done.returncode == 0
    sentence = "eventbridge.create-log-group: the subscriber subscribed /aws/lambda/orders-new to the forwarder."
    assert sentence in done.stdout.splitlines()


def test_the_key_and_the_users_lines_are_not_in_the_functions_log(report: Report) -> None:
    arrived = report("--event", "events/awslogs.lambda-cold-start.json")
    log = Path(arrived["function_log"]).read_text()
    assert "0" * 32 not in log
    assert "customer@example.com" not in log


def test_ctrl_c_ends_the_run_and_all_that_it_started(command: list[str]) -> None:
    command = [*command, "--keep", "--event", "events/awslogs.lambda-warm.json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        port = int(re.findall(r":(\d+)", line)[0])
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert not is_listening(port)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
