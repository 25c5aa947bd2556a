"""CPU per span from lines to requests, against a plain reference, in one run, on the same lines.

The reference does what cannot be avoided: `json.loads` of every line, and the same protobuf messages built and
serialised. It does not obfuscate, relate spans to each other or respect limits.

    python -m benchmarks.traces [--spans 10000] [--rounds 15] [--at-most 2.0]
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from forwarder import signals  # noqa: E402
from forwarder.records import Batch, Line  # noqa: E402
from forwarder.traces import TraceBatches, TraceReader  # noqa: E402
from tests.builders import far_deadline, lines, origin  # noqa: E402
from trace_proto import agent_payload_pb2 as proto  # noqa: E402

SPANS_OF_A_TRACE = 10
START = 1_795_343_071_000_000_000
ORIGIN = origin(DD_TAGS="env:prod,team:till")
SET_BY_GROUP = dict(tag.split(":", 1) for tag in ORIGIN.tags if not tag.startswith(("env:", "service:")))

_ROOT = {
    "cold_start": "false",
    "function_arn": "arn:aws:lambda:us-east-1:123456789012:function:orders-api",
    "request_id": "7364a0b5-d182-43a4-b5c6-e16283a4c508",
    "language": "python",
    "runtime-id": "4b7d90a1c2e34f5681a2b3c4d5e6f708",
    "_dd.p.tid": "6b02c2df00000000",
    "span.kind": "server",
}
# name, service, type, resource, meta
KINDS: list[tuple[str, str, str, str, dict[str, str]]] = [
    ("aws.lambda", "Orders-API", "serverless", "Orders-API", _ROOT),
    ("checkout.process", "Orders-API", "worker", "ProcessOrder", {"order.id": "A-1001", "customer.tier": "gold"}),
    ("redis.command", "redis", "redis", "GET", {"redis.raw_command": "SET cart:1042 {'items': 3} EX 60"}),
    ("memcached.command", "memcached", "memcached", "set cart", {"memcached.command": "set cart 0 60 5\r\nhello"}),
    ("mongodb.query", "carts", "mongodb", "find carts", {"mongodb.query": '{"owner": "Ann", "age": {"$gt": 21}}'}),
    (
        "elasticsearch.query",
        "search",
        "elasticsearch",
        "POST /_search",
        {"elasticsearch.body": '{"query": {"match": 1}}'},
    ),
    *[
        (
            "requests.request",
            "loyalty",
            "http",
            "GET /points/1042",
            {
                "http.method": "GET",
                "http.status_code": "200",
                "http.url": "https://example.com/points/1042?customer=77",
            },
        )
    ]
    * 2,
    *[("charge", "Orders-API", "", "charge", {"component": "till", "note": "paid in full"})] * 2,
]


def span_of(trace: int, place: int) -> dict[str, object]:
    name, service, kind, resource, meta = KINDS[place % len(KINDS)]
    return {
        "trace_id": f"{trace + 1:016X}",
        "parent_id": f"{place:016X}",
        "span_id": f"{place + 1:016X}",
        "service": service,
        "resource": resource,
        "name": name,
        "error": 0,
        "start": START + place * 1_000_000,
        "duration": 39_400_000,
        "meta": {"_dd.origin": "lambda", "env": "demo", **meta},
        "metrics": {"_dd.top_level": 1, "_sampling_priority_v1": 1},
        "type": kind,
    }


def lines_of_traces(spans: int) -> list[Line]:
    traces = [
        [span_of(trace, place) for place in range(SPANS_OF_A_TRACE)] for trace in range(spans // SPANS_OF_A_TRACE)
    ]
    return lines(*(json.dumps({"traces": [trace]}) for trace in traces))


def forwarded(given: list[Line]) -> list[Batch]:
    reader = TraceReader(credit_cards=True, mask=None, deadline=far_deadline())
    batches = TraceBatches()
    read = reader.read(signals.sort(given, ORIGIN, None).traces, ORIGIN, 0)
    return [*batches.add(read), *batches.rest()]


def plain(given: list[Line]) -> list[bytes]:
    return [_payload(spans).SerializeToString() for line in given for spans in json.loads(line.message)["traces"]]


def _payload(spans: list[dict[str, Any]]) -> proto.AgentPayload:
    chunk = proto.TraceChunk(priority=1, origin="lambda", spans=[_message(span) for span in spans])
    tracer = proto.TracerPayload(languageName="python", env="prod", chunks=[chunk])
    return proto.AgentPayload(env="prod", tracerPayloads=[tracer])


def _message(span: Mapping[str, Any]) -> proto.Span:
    return proto.Span(
        service=span["service"],
        name=span["name"],
        resource=span["resource"],
        traceID=int(span["trace_id"], 16),
        spanID=int(span["span_id"], 16),
        parentID=int(span["parent_id"], 16),
        start=span["start"],
        duration=span["duration"],
        error=span["error"],
        meta={**span["meta"], **SET_BY_GROUP, "_dd.compute_stats": "1"},
        metrics={**span["metrics"], "_top_level": 1.0},
        type=span["type"],
    )


def cpu_of(works: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Return the minimum CPU seconds of each over several rounds, in which they take turns."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for number, work in enumerate(works):
            began = time.process_time()
            work()
            best[number] = min(best[number], time.process_time() - began)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--at-most", type=float, help="exit with 1 if the ratio is above this")
    arguments = parser.parse_args()
    given = lines_of_traces(arguments.spans)
    reference, ours = cpu_of((lambda: plain(given), lambda: forwarded(given)), arguments.rounds)
    per_span = 1e6 / arguments.spans
    ratio = ours / reference
    print(f"forwarder {ours * per_span:.2f} µs per span, reference {reference * per_span:.2f} µs: ratio {ratio:.2f}")
    return int(arguments.at_most is not None and ratio > arguments.at_most)


if __name__ == "__main__":
    raise SystemExit(main())
