"""The event that asks for a replay: `{"retry": true}`, alone or among other things."""

from collections.abc import Mapping

EVENT_TYPE = "retry"


def wanted(event: object) -> bool:
    """Tell whether an event asks for a replay."""
    return isinstance(event, dict) and str(event.get("retry", "")).lower() == "true"


def without_request(event: Mapping[str, object]) -> dict[str, object]:
    """Return what an event holds beside the wish for a replay."""
    return {name: value for name, value in event.items() if name != "retry"} if wanted(event) else dict(event)
