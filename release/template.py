"""`python -m release.template DIRECTORY PROCESSOR`: let a stack that SAM has built be deployed for that processor only.

The package holds compiled code, while the parameter `Architecture` would offer its default, or keep its last value.
"""

import sys
from pathlib import Path
from typing import Any

import yaml


def load(path: Path) -> dict[str, Any]:
    """Read a template that SAM wrote, with all functions in full. Raises OSError."""
    template: dict[str, Any] = yaml.safe_load(path.read_bytes())
    return template


def pin(template: dict[str, Any], architecture: str) -> None:
    """Allow only the processor that the code was built for as the parameter's value."""
    template["Parameters"]["Architecture"] |= {
        "Default": architecture,
        "AllowedValues": [architecture],
        "ConstraintDescription": f"Architecture must be {architecture}, for which this was built.",
    }


def dump(template: dict[str, Any], path: Path) -> None:
    """Write a template."""
    path.write_text(yaml.safe_dump(template, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")


def main(directory: str, architecture: str) -> None:
    """Pin the template that SAM has built in a directory."""
    path = Path(directory) / "template.yaml"
    template = load(path)
    pin(template, architecture)
    dump(template, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
