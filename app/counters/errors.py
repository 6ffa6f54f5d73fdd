"""What can be refused about counters and shifts."""

from app.core.errors import UserFacingError


class CounterNameTaken(UserFacingError):
    """Another counter of the tenant has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Another counter is called `{name}`; choose another name.")
        self.name = name


class CounterNotServingQueue(UserFacingError):
    """The counter is inactive or does not serve this queue."""

    def __init__(self, name: str, is_active: bool) -> None:
        reason = "does not serve this queue; add the queue" if is_active else "is not active; activate it"
        super().__init__(f"Counter `{name}` {reason} with `counterUpdate`.")


class ShiftRequired(UserFacingError):
    """The tenant wants calls only from counters with a shift at work."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Nobody is working at counter `{name}`: start a shift with `shiftStart`, or resume the paused one."
        )


class ShiftConflict(UserFacingError):
    """The counter or the person has a running shift already."""

    def __init__(self, whose: str) -> None:
        super().__init__(f"{whose} already has a running shift; end it with `shiftEnd` first.")


class NoRunningShift(UserFacingError):
    """There is no shift to end, pause or resume at this counter."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Nobody is on shift at counter `{name}`; start a shift there with `shiftStart`.")
