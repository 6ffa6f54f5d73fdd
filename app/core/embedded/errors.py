"""What can go wrong with embedded servers, each in one line that says what to do. No tracebacks for these."""


class EmbeddedError(Exception):
    """The servers cannot run here; the message says why and what to set."""
