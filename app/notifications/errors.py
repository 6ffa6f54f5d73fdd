"""What can be refused about a notification template."""

from app.core.errors import UserFacingError


class InvalidTemplate(UserFacingError):
    """A text cannot be used: it names something there is not, or asks for more than filling in values.

    `field` is `subject` or `body`; `variable` is the unknown variable, null if something else is wrong.
    """

    def __init__(self, field: str, message: str, *, variable: str | None = None, line: int | None = None) -> None:
        super().__init__(f"`{field}`{f', line {line}' if line else ''}: {message}")
        self.field = field
        self.variable = variable
        self.line = line
