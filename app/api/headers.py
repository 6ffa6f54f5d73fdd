"""Headers that every answer over HTTP has: what browsers may do with it, and how the caller's budget stands.

What a page allows itself is the page's to say; this is what holds where nobody said anything.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.limits import WINDOW_SECONDS, Balance

_NOTHING_ALLOWED = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_DEFAULTS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", _NOTHING_ALLOWED),
    # For browsers that do not know `frame-ancestors`.
    (b"x-frame-options", b"DENY"),
    # Answers are somebody's own. Whatever may be kept says so itself.
    (b"cache-control", b"no-store"),
)


@dataclass(slots=True)
class Budget:
    """The budget of whoever sent a request, once it was charged for."""

    most: int = 0
    balance: Balance | None = field(default=None)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit-Policy` and `RateLimit` as draft-ietf-httpapi-ratelimit-headers has them."""
        if self.balance is None:
            return []
        return [
            (b"ratelimit-policy", f'"requests";q={self.most};w={WINDOW_SECONDS}'.encode()),
            (b"ratelimit", f'"requests";r={self.balance.left};t={self.balance.seconds}'.encode()),
        ]


current_budget: ContextVar[Budget | None] = ContextVar("current_budget", default=None)
"""Of the request that is being answered; None on sockets, which have no headers to tell it in."""


class WithHeaders:
    """An ASGI application whose answers have them."""

    def __init__(self, app: ASGIApp, *, hsts_seconds: int = 0) -> None:
        self._app = app
        self._hsts = f"max-age={hsts_seconds}".encode() if hsts_seconds else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        budget = Budget()
        reset = current_budget.set(budget)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                present = {name.lower() for name, _ in headers}
                headers += [(name, value) for name, value in _DEFAULTS if name not in present]
                # Over plain HTTP browsers must ignore it.
                if self._hsts is not None and scope["scheme"] == "https":
                    headers.append((b"strict-transport-security", self._hsts))
                message["headers"] = headers + budget.headers()
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            current_budget.reset(reset)
