"""The one error that this package raises on bad input."""


class BuildError(ValueError):
    """Input that cannot be used. The message is one line: where, what, and how to mend it."""
