"""The command line: `python -m local_intake`."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from local_intake.fault_proxy import FAULTS

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-W", "error", "-m", "local_intake"]
KEY = "0123456789abcdef0123456789abcdef"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start it, yield the process and its first line; end it as Ctrl-C does if the test has not."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)


def url_in(line: str) -> str:
    found = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", line)
    assert found is not None
    return found.group(1)


def send_log(url: str, key: str = KEY, query: str = "") -> requests.Response:
    headers = {"DD-API-KEY": key}
    return requests.post(f"{url}/api/v2/logs{query}", json=[{"message": "x"}], headers=headers, timeout=10)


def test_the_help_explains_by_example_and_names_every_fault() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "python -m local_intake --script '429:1,503,202'" in done.stdout
    assert all(name in done.stdout for name in FAULTS)


def test_the_first_line_says_where_it_listens() -> None:
    with running() as (_, line):
        assert send_log(url_in(line)).status_code == 202


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_totals_and_status_0(number: signal.Signals) -> None:
    with running() as (process, line):
        send_log(url_in(line))
        process.send_signal(number)
        output, errors = process.communicate(timeout=10)
    assert "1 request: 1 log, 0 metric values, 0 spans, " in output
    assert (process.returncode, errors) == (0, "")


def test_no_key_is_ever_printed() -> None:
    with running("--api-key", KEY, "--reject-key", KEY[::-1]) as (process, line):
        url = url_in(line)
        statuses = [
            send_log(url).status_code,
            send_log(url, KEY[::-1]).status_code,
            send_log(url, query=f"?api_key={KEY}").status_code,
        ]
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)
    assert statuses == [202, 403, 400]
    assert KEY not in output + errors
    assert KEY[::-1] not in output + errors


def test_the_store_can_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "intake.sqlite"
    with running("--store", str(path)) as (_, line):
        send_log(url_in(line))
        assert path.exists()


def test_a_script_is_executed() -> None:
    with running("--script", "429:1,503,202") as (_, line):
        url = url_in(line)
        assert [send_log(url).status_code for _ in range(3)] == [429, 503, 202]


def test_a_fault_proxy_can_run_in_front_of_it() -> None:
    with running("--fault-proxy-port", "0", "--faults", "lost_answer") as (process, line):
        assert process.stdout is not None
        proxy = process.stdout.readline().removeprefix("fault proxy on ").strip()
        with pytest.raises(requests.ConnectionError):
            send_log(proxy)
        assert requests.get(f"{url_in(line)}/_local/stats", timeout=10).json()["logs"] == 1


def test_spans_can_be_read_without_a_path_being_set() -> None:
    with running() as (_, line):
        answer = requests.post(f"{url_in(line)}/api/v0.2/traces", data=b"", headers={"DD-API-KEY": KEY}, timeout=10)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "many"], "a port is a number from 0 to 65535"),
        (["--script", "teapot"], "STATUS"),
        (["--script", "@missing.json"], "missing.json"),
        (["--faults", "explode", "--fault-proxy-port", "0"], "explode"),
        (["--faults", "pass"], "--fault-proxy-port"),
        (["--store", "src"], "src cannot be opened"),
        (["--store", "missing/x.sqlite"], "there is no folder missing; make it first"),
        (["--store", "x", "--count-only"], "not allowed with"),
    ],
)
def test_a_wrong_argument_is_one_sentence_and_status_2(arguments: list[str], says: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_one_sentence_and_status_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "the port is in use; give another --port" in done.stderr.splitlines()[-1]


def test_it_listens_where_it_is_told_and_says_there_what_arrived() -> None:
    with running("--host", "127.0.0.2") as (_, line):
        url = line.removeprefix("listening on ").strip()
        assert url.startswith("http://127.0.0.2:")
        assert send_log(url).status_code == 202
        assert requests.get(f"{url}/_local/stats", timeout=10).json()["logs"] == 1


@pytest.mark.parametrize("address", ["0.0.0.0", "8.8.8.8"])
def test_it_does_not_listen_where_anyone_could_send(address: str) -> None:
    done = run("--host", address)
    assert done.returncode == 2
    assert "give one private address of this machine" in done.stderr


def test_a_name_is_not_an_address_to_listen_on() -> None:
    assert "an address is four numbers, such as 127.0.0.1" in run("--host", "localhost").stderr
