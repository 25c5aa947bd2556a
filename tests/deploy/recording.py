"""Records which calls to AWS our functions make while their tests run, and on what."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from botocore.client import BaseClient

SRC = Path(__file__).parents[2] / "src"
COMMAND = str(SRC / "subscriber" / "cli.py")  # it runs with a user's credentials, not with a function's role

# Where in its bucket the forwarder keeps what.
FOLDERS = ("failed_events/", "aws/lambda/async/", "tag_cache/")

Call = tuple[str, str, str]  # by whom, what, on what


class Recording:
    """The calls that were made since `start`, for the whole process."""

    def __init__(self) -> None:
        self.calls: set[Call] = set()

    def start(self) -> None:
        """Record what passes through botocore from now on."""
        make = BaseClient._make_api_call

        def note(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            if by := _caller(sys._getframe(1)):
                service = client.meta.service_model.endpoint_prefix
                self.calls.update((by, f"{service}:{operation}", on) for on in _places(operation, parameters))
            return make(client, operation, parameters)

        BaseClient._make_api_call = note


def _caller(frame: FrameType) -> str:
    """Name the function that makes a call; empty if it is a test or the command."""
    files = [each.f_code.co_filename for each in _frames(frame)]
    nearest = next((file for file in files if "site-packages" not in file and "/lib/python" not in file), "")
    if COMMAND in files or not nearest.startswith(str(SRC)):
        return ""
    return Path(nearest).relative_to(SRC).parts[0]


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _places(operation: str, parameters: dict[str, Any]) -> Iterator[str]:
    """Name what a call is about: a place in the bucket, or nothing more than the operation says."""
    objects = parameters.get("Delete", {}).get("Objects", [parameters])
    for each in [*objects, parameters.get("CopySource", {})]:
        key = each.get("Key", each.get("Prefix"))
        if key is not None:
            version = " version" if "VersionId" in each else ""
            yield next((folder for folder in FOLDERS if key.startswith(folder)), f"object{version}")
    if "Bucket" not in parameters:
        yield ""
