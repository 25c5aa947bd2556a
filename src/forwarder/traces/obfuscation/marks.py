"""What stands for what is not shown."""

MASK = "?"
CUT_OFF = "..."  # where the rest could not be read
