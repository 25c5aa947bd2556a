"""Tags as strings, `key:value`, and which of them take precedence."""

from collections.abc import Iterable

_UNNAMED = frozenset({"", "service:", "env:"})  # must not override a tag with a value


def drop_unnamed(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags without empty ones, and without services or envs that have no name."""
    return tuple(tag for tag in tags if tag not in _UNNAMED)


def tag_value(key: str, tags: Iterable[str]) -> str:
    """Return the first value that these tags have for a key, or an empty string."""
    start = f"{key}:"
    return next((tag[len(start) :] for tag in tags if tag.startswith(start) and tag != start), "")


def without_key(key: str, tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags of other keys."""
    return tuple(tag for tag in tags if not tag.startswith(f"{key}:"))


def without_overridden(own: tuple[str, ...], tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return a group's tags that a line's own do not override: its service replaces theirs, its env `env:none`."""
    if tag_value("service", own):
        tags = without_key("service", tags)
    return tuple(tag for tag in tags if tag != "env:none") if tag_value("env", own) else tags
