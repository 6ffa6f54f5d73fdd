"""Values that options of several adapters have. Nothing is asked here."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

VisitValue = Literal[
    "status", "queue", "ticketNumber", "joinedAt", "calledAt", "servedAt", "waitSeconds", "serviceSeconds"
]
"""What a visit has to be written down: `rules.visit_of` makes them."""


def _http_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("an https:// or http:// address without a user name, query or fragment")
    if len(text) > 300 or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("at most 300 plain characters")
    return text.rstrip("/")


HttpAddress = Annotated[str, AfterValidator(_http_address)]
"""Where a system is, without a slash at its end."""
