"""Makes the events in which AWS packs something from the readable texts in `text/`, as README.md explains.

python -m events.make_events            write the events that are missing or differ from their text
python -m events.make_events --check    write nothing; fail if any would be written
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from events.documents import TextError, parse
from events.packing import pack, unpacked

HERE = Path(__file__).resolve().parent
# The triggers whose events are not readable as they are. Those of other triggers need no text.
PACKING = ("awslogs", "kinesis", "sns", "sqs")


def made(directory: Path) -> dict[Path, Any]:
    """Return what the events of all texts should be, by the paths where they belong. Raises TextError."""
    texts = directory / "text"

    def document(name: str) -> dict[str, Any]:
        return parse(_read(texts / f"{name}.txt"), f"{name}.txt")

    subscriptions = {path.stem: _subscription(path.stem) for path in texts.glob("*.txt")}
    templates = subscriptions | {path.stem: _template(path) for path in texts.glob("*.json")}
    return {directory / f"{name}.json": pack(templates[name], document) for name in sorted(templates)}


def _subscription(name: str) -> dict[str, Any]:
    return {"awslogs": {"data": {"$base64": {"$gzip": {"$json": {"$document": name}}}}}}


def _template(path: Path) -> Any:
    try:
        return json.loads(_read(path))
    except ValueError as error:
        raise TextError(f"{path.name} is not JSON: {error}.") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TextError(f"There is no text {path.name}.") from None


def stale(directory: Path) -> dict[Path, Any]:
    """Return the events that differ from their text, by their paths (None: it has no text any more)."""
    wanted = made(directory)
    different = {path: event for path, event in wanted.items() if not path.exists() or not _is_same(path, event)}
    packed = {path for trigger in PACKING for path in directory.glob(f"{trigger}.*.json")}
    return different | dict.fromkeys(sorted(packed - wanted.keys()))


def _is_same(path: Path, event: Any) -> bool:
    return bool(unpacked(json.loads(path.read_text(encoding="utf-8"))) == unpacked(event))


def main(arguments: list[str] | None = None) -> int:
    """Write the stale events, or with --check name them and return 1 if there are any."""
    parser = argparse.ArgumentParser(description="Make the sample events from the texts beside them.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if an event is out of date")
    check = parser.parse_args(arguments).check
    try:
        different = stale(HERE)
    except TextError as error:
        print(error, file=sys.stderr)
        return 2
    for path, event in different.items():
        print(f"{'out of date' if check else 'wrote' if event else 'removed'}: {path.name}")
        if check:
            continue
        if event is None:
            path.unlink()
        else:
            path.write_text(json.dumps(event, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 1 if check and different else 0


if __name__ == "__main__":
    sys.exit(main())
