"""What can be refused about notification templates and the rules by which messages are owed."""

from app.core.errors import UserFacingError
from app.notifications.sms import SmsEncoding


class InvalidTemplate(UserFacingError):
    """A text cannot be used: it names something there is not, or asks for more than filling in values.

    `field` is `subject` or `body`; `variable` is the unknown variable, null if something else is wrong.
    """

    def __init__(self, field: str, message: str, *, variable: str | None = None, line: int | None = None) -> None:
        super().__init__(f"`{field}`{f', line {line}' if line else ''}: {message}")
        self.field = field
        self.variable = variable
        self.line = line


class SmsTooLong(UserFacingError):
    """A text message would take more segments than are sent; `encoding` is what its letters need."""

    def __init__(self, segments: int, most_segments: int, encoding: SmsEncoding) -> None:
        hint = (
            " One letter that is not in the GSM alphabet makes all of them take more room."
            if encoding is SmsEncoding.UNICODE
            else ""
        )
        super().__init__(
            f"`body`: filled in with example values it takes {segments} segments of a text message; "
            f"at most {most_segments} are allowed.{hint}"
        )
        self.segments = segments
        self.most_segments = most_segments
        self.encoding = encoding


class MessageRuleHasTexts(UserFacingError):
    """A rule is to be deleted that has texts of its own, and nobody has said that they may go with it."""

    def __init__(self, text_count: int) -> None:
        super().__init__(
            f"{text_count} texts belong to this rule only and would be lost: remove them, or set `deleteTexts`."
        )
        self.text_count = text_count
