"""Objects to read, and what was found in them."""

import gzip
import json
from collections.abc import Iterable

import regex

from forwarder.deadline import Deadline
from forwarder.records import Continuation, Found, Group, S3Object
from forwarder.sources.reading import Reading
from tests.builders import document, far_deadline
from tests.fakes import FakeObjects

WANTED = S3Object("logs", "app/2026-11-22.log")
PLACE = "s3://logs/app/2026-11-22.log"
TRAIL = S3Object("logs", "trails/123456789012_CloudTrail_eu-west-1_20261122T1625Z_Ab12Cd34Ef56Gh78.json.gz")
LINES = [f"line {number}" for number in range(40_000)]
TEXT = "\n".join(LINES).encode()
PACKED = gzip.compress(TEXT, 1)
DOCUMENTS = b"".join(json.dumps(document([f"line {n}", "x" * 300], f"group-{n}")).encode() for n in range(2_000))
RECORDS = json.dumps({"Records": [{"number": number} for number in range(3_000)]}).encode()


def holding(data: bytes, **options: object) -> FakeObjects:
    return FakeObjects({PLACE: data, str(TRAIL): data}, **options)  # type: ignore[arg-type]  # the fields' types differ


def reading(objects: FakeObjects, deadline: Deadline | None = None, multiline: str = "") -> Reading:
    return Reading(objects, deadline or far_deadline(), regex.compile(multiline) if multiline else None)


def messages(found: Iterable[Found]) -> list[str]:
    return [line.message for group in found if isinstance(group, Group) for line in group.lines]


def last(found: Iterable[Found]) -> Found:
    return list(found)[-1]


def rests(found: Iterable[Found]) -> list[Continuation]:
    return [group.rest for group in found if isinstance(group, Group) and group.rest]
