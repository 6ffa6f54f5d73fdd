"""Stripe, by Checkout: a page of Stripe's own takes the fee, a signed callback says that it was paid.

No card's number comes near us. Stripe's own SDK is not used: addresses have to be checked that are connected to.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from pydantic import Field as Rule
from pydantic import SecretStr

from app.integrations.adapters.asking import ask, strange
from app.integrations.adapters.interface import (
    BadCallback,
    CallbackRequest,
    News,
    Order,
    Page,
    PageState,
    Payments,
    Refund,
    Settings,
)
from app.integrations.adapters.values import HttpAddress

_VERSION = "2025-03-31.basil"
_TOLERANCE = timedelta(minutes=5)
_EVENTS = {
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
}
_KIND = "virtual-queue-fee"


class StripeOptions(Settings):
    """Where Stripe is."""

    base_url: HttpAddress = Rule(default="https://api.stripe.com", description="Where Stripe's API is.")


class StripeCredentials(Settings):
    """Of the business's own account."""

    secret_key: SecretStr = Rule(
        min_length=1,
        max_length=300,
        description="A secret or restricted key: checkout sessions and refunds have to be writable.",
    )
    webhook_secret: SecretStr = Rule(
        min_length=1,
        max_length=300,
        description="The signing secret (`whsec_…`) of the webhook endpoint that points to `callbackUrl`.",
    )


class Stripe(Payments[StripeOptions, StripeCredentials]):
    """See the module."""

    name, title = "STRIPE", "Stripe"
    Options, Credentials = StripeOptions, StripeCredentials

    async def check(self) -> str:
        """As `Adapter`."""
        found = await self._ask("GET", "/v1/checkout/sessions?limit=1")
        if not isinstance(found, dict) or found.get("object") != "list":
            raise strange("list")
        return "Stripe accepts the key. Whether callbacks reach us shows with the first payment."

    async def open_page(self, order: Order) -> Page:
        """As `Payments`."""
        found = await self._ask(
            "POST",
            "/v1/checkout/sessions",
            {
                "mode": "payment",
                "client_reference_id": order.payment_id,
                "success_url": order.return_url,
                "cancel_url": order.return_url,
                "line_items[0][quantity]": "1",
                "line_items[0][price_data][currency]": order.currency.lower(),
                "line_items[0][price_data][unit_amount]": str(order.amount),
                "line_items[0][price_data][product_data][name]": order.description,
                "payment_intent_data[metadata][payment]": order.payment_id,
                "metadata[payment]": order.payment_id,
                "metadata[kind]": _KIND,
            },
            key=order.key,
        )
        page, url = _News.of(found), found.get("url") if isinstance(found, dict) else None
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise strange("address")
        return Page(page.reference, url)

    async def look(self, reference: str) -> News:
        """As `Payments`."""
        return _News.of(await self._ask("GET", f"/v1/checkout/sessions/{quote(reference, safe='')}"))

    async def close_page(self, reference: str) -> None:
        """As `Payments`."""
        if (await self.look(reference)).state is PageState.OPEN:
            await self._ask("POST", f"/v1/checkout/sessions/{quote(reference, safe='')}/expire", {})

    async def refund(self, refund: Refund) -> None:
        """As `Payments`."""
        body = {"payment_intent": refund.charge, "amount": str(refund.amount)}
        found = await self._ask("POST", "/v1/refunds", body, key=refund.key)
        if not isinstance(found, dict) or found.get("status") not in ("succeeded", "pending"):
            raise strange("refund")

    def read_callback(self, request: CallbackRequest, now: datetime) -> News | None:
        """As `Payments`: `Stripe-Signature` over the time and the body, no older than five minutes."""
        self._ensure_signed(request, now)
        try:
            event = orjson.loads(request.body)
            kind, told = event["type"], event["data"]["object"]
            if kind not in _EVENTS or (told.get("metadata") or {}).get("kind") != _KIND:
                return None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BadCallback("what is signed is no event") from None
        return _News.of(told)

    def _ensure_signed(self, request: CallbackRequest, now: datetime) -> None:
        header = {name.lower(): value for name, value in request.headers.items()}.get("stripe-signature", "")
        parts = [part.partition("=")[::2] for part in header.split(",")]
        stamp = next((value for name, value in parts if name.strip() == "t"), "")
        # With a digit more it is no time Python knows.
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 11:
            raise BadCallback("there is no signature")
        if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > _TOLERANCE:
            raise BadCallback("the signature is too old")
        secret = self.credentials.webhook_secret.get_secret_value().encode()
        wanted = hmac.new(secret, stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
        given = [value.strip() for name, value in parts if name.strip() == "v1"]
        if not any(hmac.compare_digest(wanted.encode(), each.encode()) for each in given):
            raise BadCallback("the signature is not right")

    async def _ask(self, method: str, path: str, body: dict[str, str] | None = None, *, key: str | None = None) -> Any:
        headers = {
            "Authorization": f"Bearer {self.credentials.secret_key.get_secret_value()}",
            "Stripe-Version": _VERSION,
        }
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if key is not None:
            headers["Idempotency-Key"] = key
        sent = urlencode(body or {}).encode()
        return await ask(method, self.options.base_url + path, headers, sent, allowed=self.around.allowed)


class _News:
    """Stripe's checkout session, read."""

    @staticmethod
    def of(found: Any) -> News:
        """Raises `AdapterFailed` if it is none."""
        if not isinstance(found, dict) or found.get("object") != "checkout.session":
            raise strange("page")
        reference, payment = found.get("id"), found.get("client_reference_id")
        if not isinstance(reference, str) or not isinstance(payment, str) or len(reference) > 255:
            raise strange("reference")
        state = PageState.ENDED if found.get("status") == "expired" else PageState.OPEN
        if found.get("payment_status") == "paid":
            state = PageState.PAID
        amount, currency, charge = found.get("amount_total"), found.get("currency"), found.get("payment_intent")
        return News(
            payment_id=payment,
            reference=reference,
            state=state,
            amount=amount if isinstance(amount, int) else None,
            currency=currency.upper() if isinstance(currency, str) else None,
            charge=charge if isinstance(charge, str) and len(charge) <= 255 else None,
        )
