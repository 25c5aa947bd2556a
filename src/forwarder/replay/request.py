"""The event that requests a replay: `{"retry": true}`, alone or among other things."""

from collections.abc import Mapping

EVENT_TYPE = "retry"


def is_replay_request(event: object) -> bool:
    """Return whether an event requests a replay."""
    return isinstance(event, dict) and str(event.get("retry", "")).lower() == "true"


def without_request(event: Mapping[str, object]) -> dict[str, object]:
    """Return what an event contains besides the request for a replay."""
    if not is_replay_request(event):
        return dict(event)
    return {name: value for name, value in event.items() if name != "retry"}
