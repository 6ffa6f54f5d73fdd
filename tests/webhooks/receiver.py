"""Somebody who receives webhooks: a real server that believes nothing `standardwebhooks` does not verify."""

from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from tests.support.stand_ins.frame import Asked, Reply, StandIn


class Receiver(StandIn):
    """Keeps what was signed well, by its id; everything else is refused with 401."""

    def __init__(self, *secrets: str) -> None:
        super().__init__()
        self.secrets = list(secrets)
        # In the order in which they came, doubles included.
        self.messages: list[dict[str, Any]] = []
        self.ids: list[str] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.base}/hooks"

    @property
    def types(self) -> list[str]:
        """What happened, in the order in which it came."""
        return [message["type"] for message in self.messages]

    async def take(self, asked: Asked) -> Reply:
        """Verify, and keep."""
        if asked.method != "POST" or asked.path != "/hooks" or asked.headers.get("content-type") != "application/json":
            return self.refuse("request", Reply(400))
        for secret in self.secrets:
            try:
                message = Webhook(secret).verify(asked.body, dict(asked.headers))
            except WebhookVerificationError:
                continue
            self.messages.append(message)
            self.ids.append(asked.headers["webhook-id"])
            return Reply(204)
        return self.refuse("signature", Reply(401, b'{"problem": "signature"}'))
