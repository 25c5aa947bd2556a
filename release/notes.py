"""`python -m release.notes`: print what the changelog says about this version."""

import sys

from release import ROOT, VERSION


def notes(changelog: str, version: str) -> str | None:
    """Return the text under the heading of a version, or None if it has none."""
    for section in changelog.split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        if heading.startswith(f"[{version}]"):
            return text.strip()
    return None


def main() -> int:
    """Print the notes; exit status 1 if there are none."""
    text = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), VERSION)
    if not text:
        print(f"CHANGELOG.md says nothing about {VERSION}: add a section `## [{VERSION}] - <date>`.", file=sys.stderr)
        return 1
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
