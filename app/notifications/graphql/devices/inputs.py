"""Inputs of the mutations of devices that can be pushed to."""

import strawberry

from app.core.errors import InvalidInput
from app.notifications.channels.fcm import AppAddress
from app.notifications.channels.webpush import BrowserAddress
from app.notifications.devices import service

_TOKEN = "An app's registration token of FCM, 20 to 4,096 characters."


@strawberry.input(description="What `PushManager.subscribe()` has answered, as `toJSON()` shows it.")
class WebPushSubscriptionInput:
    endpoint: str = strawberry.field(description="Where its push service is, at most 1,000 characters.")
    public_key: str = strawberry.field(description="`keys.p256dh`, in base64url.")
    auth_secret: str = strawberry.field(description="`keys.auth`, in base64url.")


@strawberry.input(description="A device of one's own; give one of `webPush` and `fcmToken`.")
class PushDeviceRegisterInput:
    web_push: WebPushSubscriptionInput | None = strawberry.field(default=None, description="A browser.")
    fcm_token: str | None = strawberry.field(default=None, description=_TOKEN)

    def address(self) -> BrowserAddress | AppAddress:
        """Where it is. Raises `InvalidInput`."""
        if self.web_push is not None and self.fcm_token is None:
            return service.browser(self.web_push.endpoint, self.web_push.public_key, self.web_push.auth_secret)
        if self.fcm_token is not None and self.web_push is None:
            return service.app(self.fcm_token)
        raise InvalidInput("webPush", "Give one of `webPush` and `fcmToken`.")


@strawberry.input(description="A device of one's own that was registered; give one of `endpoint` and `fcmToken`.")
class PushDeviceRemoveInput:
    endpoint: str | None = strawberry.field(default=None, description="A browser's, as it was registered.")
    fcm_token: str | None = strawberry.field(default=None, description=_TOKEN)

    def place(self) -> str:
        """What it is known by. Raises `InvalidInput`."""
        given = [each for each in (self.endpoint, self.fcm_token) if each is not None]
        if len(given) != 1:
            raise InvalidInput("endpoint", "Give one of `endpoint` and `fcmToken`.")
        return given[0]
