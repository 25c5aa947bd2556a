"""Tags as texts, `key:value`, and which of them give way where several say the same."""

from collections.abc import Iterable

_UNNAMED = frozenset({"", "service:", "env:"})  # what names nothing must not stand in the place of what does


def telling(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags that say something: no empty ones, and no service or env without a name."""
    return tuple(tag for tag in tags if tag not in _UNNAMED)


def named(key: str, tags: Iterable[str]) -> str:
    """Return the first name that these tags have for a key, or the empty text."""
    start = f"{key}:"
    return next((tag[len(start) :] for tag in tags if tag.startswith(start) and tag != start), "")


def without(key: str, tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags of other keys."""
    return tuple(tag for tag in tags if not tag.startswith(f"{key}:"))


def beside(own: tuple[str, ...], tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return a group's tags beside a line's own: its service takes the place of theirs, its env that of `env:none`."""
    if named("service", own):
        tags = without("service", tags)
    return tuple(tag for tag in tags if tag != "env:none") if named("env", own) else tags
