"""What replaces masked values."""

MASK = "?"
CUT_OFF = "..."  # where the rest could not be read
