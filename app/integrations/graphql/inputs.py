"""Inputs of the mutations of integrations, fees and payments."""

from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from app.core.errors import InvalidInput
from app.integrations.graphql.types import RefundRule
from app.integrations.rules import MAX_AMOUNT, MAX_PAYMENT_SECONDS, MIN_PAYMENT_SECONDS, FeeConfig
from app.integrations.service import MAX_BYTES, IntegrationChanges, NewIntegration

_NAME = "What staff call it, 1 to 80 characters."
_OPTIONS = f"As `integrationAdapters` describes them, an object of at most {MAX_BYTES:,} bytes."
_CREDENTIALS = (
    f"As `integrationAdapters` describes them, an object of at most {MAX_BYTES:,} bytes. Kept sealed, and shown "
    "to nobody again."
)


@strawberry.input(description="Another system to be used.")
class IntegrationCreateInput:
    adapter: str = strawberry.field(description="Which, as `integrationAdapters` names it; stays as it is.")
    name: str = strawberry.field(description=_NAME)
    options: JSON | None = strawberry.field(default=None, description=f"{_OPTIONS} Default: the adapter's.")
    credentials: JSON | None = strawberry.field(default=None, description=f"{_CREDENTIALS} Default: none.")
    enabled: bool = strawberry.field(
        default=True, description="Whether it is on; of each kind at most one. Default: yes."
    )

    def integration(self) -> NewIntegration:
        """What the service takes."""
        return NewIntegration(
            self.adapter,
            self.name,
            _object("options", self.options),
            _object("credentials", self.credentials),
            self.enabled,
        )


@strawberry.input(description="What to change of an integration; what is left out stays.")
class IntegrationUpdateInput:
    integration_id: strawberry.ID = strawberry.field(description="The integration.")
    name: str | None = strawberry.field(default=UNSET, description=_NAME)
    options: JSON | None = strawberry.field(
        default=UNSET,
        description=(
            f"{_OPTIONS} Instead of those there are. Other options could send the credentials that are kept elsewhere, "
            "so `credentials` are given again with them."
        ),
    )
    credentials: JSON | None = strawberry.field(
        default=UNSET, description=f"{_CREDENTIALS} Instead of those there are."
    )
    enabled: bool | None = strawberry.field(default=UNSET, description="Whether it is on.")

    def changes(self) -> IntegrationChanges:
        """What was given. Null stands for "as it is"."""
        changes: IntegrationChanges = {}
        if self.name is not UNSET and self.name is not None:
            changes["name"] = self.name
        if self.options is not UNSET and self.options is not None:
            changes["options"] = _object("options", self.options)
        if self.credentials is not UNSET and self.credentials is not None:
            changes["credentials"] = _object("credentials", self.credentials)
        if self.enabled is not UNSET and self.enabled is not None:
            changes["enabled"] = self.enabled
        return changes


@strawberry.input(description="Which integration to forget, with its credentials.")
class IntegrationDeleteInput:
    integration_id: strawberry.ID = strawberry.field(description="The integration.")


@strawberry.input(description="Which integration to try.")
class IntegrationTestInput:
    integration_id: strawberry.ID = strawberry.field(description="The integration, on or off.")


@strawberry.input(description="What joining costs.")
class QueueFeeInput:
    amount: int = strawberry.field(
        description=f"From 1 to {MAX_AMOUNT:,} of the currency's smallest unit: 500 is 5.00 EUR."
    )
    currency: str = strawberry.field(description="Three capital letters of ISO 4217, e.g. `EUR`.")
    description: str = strawberry.field(description="What stands on the payment page, 1 to 200 characters.")
    refund: RefundRule = strawberry.field(  # type: ignore[valid-type]
        default="BEFORE_CALL", description="What goes back when a place is cancelled. Default: `BEFORE_CALL`."
    )
    payment_seconds: int = strawberry.field(
        default=900,
        description=(
            f"How long whoever joins has to pay before the place is cancelled, {MIN_PAYMENT_SECONDS} to "
            f"{MAX_PAYMENT_SECONDS:,}. Default: 900."
        ),
    )


@strawberry.input(description="What joining a queue is to cost from now on.")
class QueueSetFeeInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    fee: QueueFeeInput | None = strawberry.field(description="The fee; null: joining is free.")

    def config(self) -> FeeConfig | None:
        """What is set."""
        fee = self.fee
        if fee is None:
            return None
        return FeeConfig(fee.amount, fee.currency, fee.description, fee.refund, fee.payment_seconds)


@strawberry.input(description="Whose fee is to be paid, and where the payer comes back to.")
class SessionPayInput:
    session_id: strawberry.ID = strawberry.field(description="The session.")
    return_url: str = strawberry.field(
        description=(
            "Where the browser comes back to, paid or not, at most 1,000 characters: at one of the queue's "
            "`siteOrigins`, at a front-end of the installation, or at its own address."
        )
    )


def _object(name: str, given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidInput(name, f"`{name}` is an object.")
    return given
