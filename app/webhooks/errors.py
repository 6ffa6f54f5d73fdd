"""What can be refused about webhooks."""

from collections.abc import Sequence

from app.core.errors import UserFacingError


class UnknownEventTypes(UserFacingError):
    """A filter names types of events there are not."""

    def __init__(self, event_types: Sequence[str]) -> None:
        listed = ", ".join(f"`{each}`" for each in event_types)
        super().__init__(f"There are no such types of events: {listed}. The query `webhookEventTypes` shows all.")
        self.event_types = list(event_types)


class EndpointDisabled(UserFacingError):
    """Nothing is sent to an endpoint that is switched off."""

    def __init__(self) -> None:
        super().__init__("The endpoint is disabled: enable it first, with `webhookEndpointUpdate`.")


class TooManySecretsOfEndpoint(UserFacingError):
    """So many secrets of the endpoint sign at once that one more is refused."""

    def __init__(self, maximum: int) -> None:
        super().__init__(
            f"{maximum} secrets of this endpoint sign at present. Wait until an overlap ends, or end all of them with "
            "an overlap of 0 seconds."
        )
        self.maximum = maximum


class TooManyToReplay(UserFacingError):
    """A range holds more events than may be sent again at once."""

    def __init__(self, maximum: int) -> None:
        super().__init__(f"More than {maximum:,} events are in this range: choose shorter ones, one after the other.")
        self.maximum = maximum
