"""Signatures as Standard Webhooks wants them (https://www.standardwebhooks.com). Keeps no secret."""

import base64
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """A secret nobody has seen before."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(message_id: str, at: datetime, body: bytes, secrets_: Sequence[str]) -> dict[str, str]:
    """The headers of one try: signed with every secret that is good, the newest first."""
    timestamp = str(int(at.timestamp()))
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(message_id, timestamp, body, each) for each in secrets_),
    }


def _signature(message_id: str, timestamp: str, body: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"
