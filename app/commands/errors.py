"""What makes a command give up, in one line that says what to do."""


class CommandError(Exception):
    """The command cannot go on; the message is for the person at the terminal."""
