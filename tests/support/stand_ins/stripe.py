"""Stripe as far as it matters: checkout sessions, refunds, idempotency keys, and callbacks its own library signs."""

import re
import secrets
from datetime import datetime
from typing import Any

import orjson
from stripe import WebhookSignature

from app.notifications.channels.interface import CallbackRequest
from tests.support.stand_ins.frame import Asked, Reply, StandIn

KEY, SECRET = "sk_test_51Hx9aLongEnough", "whsec_c2lnbmluZyBzZWNyZXQ"
_PAGE = {
    *("mode", "client_reference_id", "success_url", "cancel_url", "metadata[payment]", "metadata[kind]"),
    *("line_items[0][quantity]", "line_items[0][price_data][currency]", "line_items[0][price_data][unit_amount]"),
    *("line_items[0][price_data][product_data][name]", "payment_intent_data[metadata][payment]"),
}


class StripeStandIn(StandIn):
    """Its pages by id, its refunds by charge; what a key was first used for is answered again."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, dict[str, Any]] = {}
        self.refunds: list[dict[str, str]] = []
        self.refuses_refunds = False
        self._by_key: dict[str, tuple[str, bytes, Reply]] = {}

    async def take(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return self.refuse("authentication", _error(401, "Invalid API Key provided"))
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}\.[a-z]+", asked.headers.get("stripe-version", "")):
            return self.refuse("version", _error(400, "Invalid Stripe API version"))
        if asked.method == "GET":
            return self._shown(asked)
        if asked.headers.get("content-type") != "application/x-www-form-urlencoded":
            return self.refuse("content type", _error(400, "Invalid request"))
        if asked.path.endswith("/expire"):
            return self._expire(asked)
        key = asked.headers.get("idempotency-key")
        if not key or len(key) > 255:
            return self.refuse("no key", _error(400, "a request that makes something has a key"))
        if (known := self._by_key.get(key)) is not None:
            if known[:2] != (asked.path, asked.body):
                return self.refuse("key", _error(400, "Keys for idempotent requests can only be used with the same"))
            return known[2]
        reply = self._page(asked) if asked.path == "/v1/checkout/sessions" else self._refund(asked)
        if reply.status < 500:
            self._by_key[key] = (asked.path, asked.body, reply)
        return reply

    def _page(self, asked: Asked) -> Reply:
        form = asked.form()
        amount = form.get("line_items[0][price_data][unit_amount]", "")
        if set(form) != _PAGE or form["mode"] != "payment" or not amount.isdigit():
            return self.refuse("schema", _error(400, "Received unknown parameter"))
        if not form["success_url"].startswith(("http://", "https://")):
            return self.refuse("address", _error(400, "Not a valid URL"))
        id = f"cs_test_{secrets.token_hex(12)}"
        self.pages[id] = {
            "id": id,
            "object": "checkout.session",
            "client_reference_id": form["client_reference_id"],
            "amount_total": int(amount),
            "currency": form["line_items[0][price_data][currency]"],
            "metadata": {"payment": form["metadata[payment]"], "kind": form["metadata[kind]"]},
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "url": f"https://checkout.stripe.example/c/pay/{id}",
        }
        return Reply.json(self.pages[id])

    def _refund(self, asked: Asked) -> Reply:
        form = asked.form()
        if asked.path != "/v1/refunds" or set(form) != {"payment_intent", "amount"}:
            return self.refuse("schema", _error(400, "Received unknown parameter"))
        paid = [page for page in self.pages.values() if page["payment_intent"] == form["payment_intent"]]
        if self.refuses_refunds or not paid or int(form["amount"]) > paid[0]["amount_total"]:
            return self.refuse("refund", _error(400, "Charge has already been refunded"))
        self.refunds.append(form)
        return Reply.json({"id": f"re_{secrets.token_hex(12)}", "object": "refund", "status": "succeeded"})

    def _shown(self, asked: Asked) -> Reply:
        if asked.path == "/v1/checkout/sessions":
            return Reply.json({"object": "list", "data": []})
        page = self.pages.get(asked.path.removeprefix("/v1/checkout/sessions/"))
        return _error(404, "No such checkout.session") if page is None else Reply.json(page)

    def _expire(self, asked: Asked) -> Reply:
        page = self.pages.get(asked.path.removeprefix("/v1/checkout/sessions/").removesuffix("/expire"))
        if page is None or page["status"] != "open":
            return self.refuse("expire", _error(400, "Only Checkout Sessions with a status in open can be expired"))
        page["status"] = "expired"
        return Reply.json(page)

    def pay(self, id: str, **changes: Any) -> dict[str, Any]:
        """Somebody pays on a page."""
        page = self.pages[id]
        assert page["status"] == "open", "nobody can pay there any more"
        page |= {"status": "complete", "payment_status": "paid", "payment_intent": f"pi_{secrets.token_hex(12)}"}
        page |= changes
        return page


def callback(
    url: str, page: dict[str, Any], at: datetime, *, type: str = "checkout.session.completed", secret: str = SECRET
) -> CallbackRequest:
    """What Stripe posts about a page, signed by its library."""
    event = {"id": f"evt_{secrets.token_hex(12)}", "object": "event", "type": type, "data": {"object": page}}
    body = orjson.dumps(event)
    header = WebhookSignature.generate_signature_header(
        payload=body.decode(), secret=secret, timestamp=int(at.timestamp())
    )
    return CallbackRequest(url, {"Stripe-Signature": header, "Content-Type": "application/json"}, body)


def _error(status: int, message: str) -> Reply:
    return Reply.json({"error": {"type": "invalid_request_error", "message": message}}, status)
