"""How a type is printed that holds what users wrote."""


def name_only(thing: object) -> str:
    """Return the name of a thing's type. As its `__repr__`, it keeps users' texts out of whatever prints the thing."""
    return type(thing).__name__
