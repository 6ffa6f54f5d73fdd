"""Somebody who receives webhooks: a real server that believes nothing `standardwebhooks` does not verify."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from standardwebhooks import Webhook, WebhookVerificationError

from app.core.clock import Clock
from tests.support.stand_ins.frame import Asked, Reply, StandIn


class Receiver(StandIn):
    """Keeps what was signed well, by its id; everything else is refused with 401."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.clock = clock
        self.secrets: list[str] = []
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
                message = self._verified(Webhook(secret), asked)
            except WebhookVerificationError:
                continue
            self.messages.append(message)
            self.ids.append(asked.headers["webhook-id"])
            return Reply(204)
        return self.refuse("signature", Reply(401, b'{"problem": "signature"}'))

    def _verified(self, webhook: Webhook, asked: Asked) -> dict[str, Any]:
        if self.clock is None or self.clock.now() - datetime.now(UTC) < timedelta(minutes=4):
            return dict(webhook.verify(asked.body, dict(asked.headers)))
        # The library believes the machine's clock only, from which a test has gone too far ahead.
        at = datetime.fromtimestamp(int(asked.headers["webhook-timestamp"]), UTC)
        signed = webhook.sign(asked.headers["webhook-id"], at, asked.body.decode())
        is_now = abs(self.clock.now() - at) < timedelta(minutes=1)
        if not is_now or signed not in asked.headers["webhook-signature"].split(" "):
            raise WebhookVerificationError("not signed so")
        return dict(orjson.loads(asked.body))
