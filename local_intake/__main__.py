"""`python -m local_intake`: run an intake, and optionally a fault proxy before it, until Ctrl-C."""

import argparse
import errno
import ipaddress
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

# The protobuf lives with the code that ships; a clone has it here, without being installed.
sys.path.append(str(Path(__file__).resolve().parents[1] / "src"))

from local_intake.fault_proxy import FAULTS, Fault, FaultProxy
from local_intake.records import Stats
from local_intake.script import ScriptError, Step, parse_argument
from local_intake.server import HOST, LocalIntake
from local_intake.store import CountingStore, SqliteStore, Store, StoreError

DEFAULT_PORT = 8090

EPILOG = """\
The environment in .venv is made by `make setup`.

examples:
  Take everything, keep it in memory, and look at it:
    .venv/bin/python -m local_intake
    curl -s -X POST http://127.0.0.1:8090/api/v2/logs -H 'DD-API-KEY: any' -d '[{{"message": "hello"}}]'
    curl -s 'http://127.0.0.1:8090/_local/logs?after=0&limit=10'

  Keep it in a file; the sqlite3 shell can read it at the same time:
    .venv/bin/python -m local_intake --store intake.sqlite
    sqlite3 intake.sqlite 'SELECT timestamp, service, message FROM logs ORDER BY id'

  Respond with 429 and Retry-After: 1, then with 503, then accept:
    .venv/bin/python -m local_intake --script '429:1,503,202'

  Delay the first five log requests (a JSON list of steps; {{"then_accept": true}} stores and fails):
    echo '[{{"signal": "logs", "delay": 2.5, "times": 5}}]' > slow.json
    .venv/bin/python -m local_intake --script @slow.json

  Reset the first connection, dribble the second response (send to port 8091):
    .venv/bin/python -m local_intake --fault-proxy-port 8091 --faults 'reset_before_body,dribble_headers:0.1'

faults (a number after a colon sets the seconds or the bytes):
{faults}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM. Exit status 2 with one sentence if it cannot start."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.faults and options.fault_proxy_port is None:
        parser.error("--faults needs --fault-proxy-port: faults apply to what goes through the proxy.")
    try:
        _run(options)
    except (OSError, StoreError) as error:
        parser.error(_sentence(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    faults = "\n".join(f"  {name:18} {kind.help}" for name, kind in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog=".venv/bin/python -m local_intake",
        description="A Datadog-compatible intake on 127.0.0.1, to see what would be sent, and to test what happens "
        "when it fails. Nothing leaves this machine.",
        epilog=EPILOG.format(faults=faults),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help=f"0 takes a free one (default: {DEFAULT_PORT})"
    )
    parser.add_argument(
        "--host",
        type=_host,
        default=HOST,
        metavar="ADDRESS",
        help="such as that of a container's bridge (default: %(default)s)",
    )
    keeping = parser.add_mutually_exclusive_group()
    keeping.add_argument(
        "--store", default=":memory:", metavar="PATH", help="SQLite file to add to (default: in memory)"
    )
    keeping.add_argument("--count-only", action="store_true", help="check and count, keep nothing: for load tests")
    parser.add_argument(
        "--api-key", action="append", default=[], metavar="KEY", help="accept only this key (repeatable)"
    )
    parser.add_argument(
        "--reject-key", action="append", default=[], metavar="KEY", help="respond to this key with 403 (repeatable)"
    )
    parser.add_argument(
        "--script", type=_script, default=[], help="responses that fail: STATUS[:RETRY_AFTER],… or @file.json"
    )
    parser.add_argument(
        "--fault-proxy-port", type=_port, metavar="PORT", help="also listen here, and pass on with --faults"
    )
    parser.add_argument(
        "--faults", type=_faults, default=[], metavar="FAULT,…", help="one for each request through the proxy"
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    intake = LocalIntake(
        _store(options),
        script=options.script,
        api_keys=options.api_key,
        reject_keys=options.reject_key,
        port=options.port,
        host=options.host,
    )
    with ExitStack() as running:
        running.enter_context(intake)
        target = intake.url
        # First and in this form: callers that start this as a process wait for the line and read the port in it.
        print(f"listening on {intake.url}", flush=True)
        if options.fault_proxy_port is not None:
            proxy = FaultProxy(intake.url, faults=options.faults, port=options.fault_proxy_port)
            target = running.enter_context(proxy).url
            print(f"fault proxy on {target}")
        host, port = target.removeprefix("http://").split(":")
        print(f"send here:     DD_URL={host} DD_PORT={port} DD_NO_SSL=true DD_API_URL={target} ", end="")
        print(f"DD_TRACE_INTAKE_URL={target}")
        print(f"what arrived:  {intake.url}/_local/stats (GET / lists the rest; Ctrl-C stops)", flush=True)
        stop.wait()
        print(_totals(intake.store.stats()), flush=True)


def _store(options: argparse.Namespace) -> Store:
    if options.count_only:
        return CountingStore()
    if options.store != ":memory:":
        folder = Path(options.store).parent
        if not folder.is_dir():
            raise StoreError(f"The store {options.store} cannot be opened: there is no folder {folder}; make it first.")
    return SqliteStore(options.store)


def _totals(stats: Stats) -> str:
    refused = "".join(f", {count:,} answered {status}" for status, count in sorted(stats.refused.items()))
    kept = [_counted(stats.logs, "log"), _counted(stats.metrics, "metric value"), _counted(stats.spans, "span")]
    sizes = f"{_counted(stats.wire_bytes, 'byte')} ({stats.body_bytes:,} uncompressed)"
    return f"{_counted(stats.requests, 'request')}{refused}: {', '.join([*kept, sizes])}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return "It cannot start: the port is in use; give another --port (or --fault-proxy-port)."
    if isinstance(error, OSError):
        return f"It cannot start: {error.strerror or error}."
    return str(error)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65_535:  # noqa: PLR2004 - the largest port
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _host(text: str) -> str:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        raise argparse.ArgumentTypeError("an address is four numbers, such as 127.0.0.1") from None
    if not address.is_private or address.is_unspecified:
        raise argparse.ArgumentTypeError("an intake takes data from anyone: give one private address of this machine")
    return text


def _script(text: str) -> list[Step]:
    try:
        return parse_argument(text)
    except ScriptError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _faults(text: str) -> list[Fault]:
    try:
        return [Fault.parse(word) for word in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
