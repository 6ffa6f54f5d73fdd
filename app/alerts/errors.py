"""What can be refused about alerts."""

from app.core.errors import UserFacingError


class AlertIsOver(UserFacingError):
    """Nobody has to take care of it any more."""

    def __init__(self) -> None:
        super().__init__("The alert is over: there is nothing left to acknowledge.")


class AlertRuleChanged(UserFacingError):
    """It is not the rule any more that somebody has looked at and decided about."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"The rule was changed meanwhile: its revision is {revision} now. Read it again.")
        self.revision = revision
