"""The types of integrations, fees and payments: as staff, and as visitors, see them."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.integrations import breaker, models
from app.integrations.adapters.registry import ADAPTERS, AnyAdapter

IntegrationKind = explained_enum(
    models.IntegrationKind,
    "What another system is for.",
    CRM="Knows customers: looked up when somebody joins, told when they were served.",
    PAYMENT="Takes fees.",
)
CustomerStatus = explained_enum(
    models.CustomerStatus,
    "What came of looking somebody up.",
    FOUND="The CRM knows them.",
    NOT_FOUND="The CRM knows nobody with this e-mail address, phone number or identifier.",
    FAILED="The CRM could not be asked; it is tried again for some minutes.",
)
RefundRule = explained_enum(
    models.RefundRule,
    "Which fees go back by themselves when a place is cancelled, by whomever.",
    NEVER="None.",
    BEFORE_CALL="Those of who had not been called.",
    ALWAYS="All of them.",
)
PaymentStatus = explained_enum(
    models.PaymentStatus,
    "Where a fee stands.",
    OPEN="There is a page to pay on.",
    PAID="The payment system has said so, signed; the session is off hold.",
    CANCELLED="The session ended, or was let in without it; paid all the same, it goes back.",
    REFUND_OWED="It goes back; the payment system has not confirmed it yet.",
    REFUNDED="It has gone back.",
    REFUND_FAILED="The payment system will not give it back: somebody has to do it there.",
)


@strawberry.type(description="A system that can be chosen, and what it wants to be told, as JSON schemas for forms.")
class IntegrationAdapter:
    name: str = strawberry.field(description="For `integrationCreate`, e.g. `HUBSPOT`.")
    title: str = strawberry.field(description="For people.")
    kind: IntegrationKind = strawberry.field(description="What it is for.")  # type: ignore[valid-type]
    options_schema: JSON = strawberry.field(description="JSON schema of `options`.")
    credentials_schema: JSON = strawberry.field(description="JSON schema of `credentials`.")

    @classmethod
    def of(cls, adapter: type[AnyAdapter]) -> "IntegrationAdapter":
        """From its class."""
        return cls(
            name=adapter.name,
            title=adapter.title,
            kind=adapter.kind,
            options_schema=JSON(_schema(adapter.Options)),
            credentials_schema=JSON(_schema(adapter.Credentials)),
        )


@strawberry.type(description="How a system has done lately.")
class IntegrationHealth:
    is_left_alone: bool = strawberry.field(
        description="Whether it is not asked at present, because it failed 5 times in a row or asked for a pause."
    )
    left_alone_until: datetime | None = strawberry.field(description="When one tries again; null unless it is.")
    failure_count: int = strawberry.field(description="Failures since it last did what it was asked.")
    last_error: str | None = strawberry.field(description="What went wrong last, in a sentence; null if nothing has.")
    last_failed_at: datetime | None = strawberry.field(description="When that was.")
    last_succeeded_at: datetime | None = strawberry.field(description="When it last did, to the minute.")


@strawberry.type(description="Another system of the business. Its credentials are shown to nobody.")
class Integration(Node):
    row: strawberry.Private[models.Integration]
    kind: IntegrationKind = strawberry.field(description="What it is for; of each kind at most one is on.")  # type: ignore[valid-type]
    adapter: str = strawberry.field(description="Which system, as `integrationAdapters` names it.")
    name: str = strawberry.field(description="What staff call it; at most 80 characters.")
    options: JSON = strawberry.field(description="As they were given; what is left out has the adapter's default.")
    enabled: bool = strawberry.field(description="Whether it is on.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Grows by 1 with every change.")

    @classmethod
    def of(cls, row: models.Integration) -> "Integration":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            kind=row.kind,
            adapter=row.adapter,
            name=row.name,
            options=JSON(row.options),
            enabled=row.enabled,
            created_at=row.created_at,
            updated_at=row.updated_at,
            revision=row.revision,
        )

    @strawberry.field(
        description="Where the system is to tell us what has happened; null where it has nothing to tell, as a CRM."
    )
    def callback_url(self, info: Info) -> str | None:
        """As the installation is reached."""
        if self.row.kind is not models.IntegrationKind.PAYMENT:
            return None
        return breaker.callback_url(self.row, info.context.runtime.settings)

    @strawberry.field(description="How it has done lately; null if it was never asked.")
    async def health(self, info: Info) -> IntegrationHealth | None:
        """Loaded for all integrations of the answer at once."""
        found = await info.context.loader(loaders.health_by_id, self.tenant_key).load(self.key)
        if found is None:
            return None
        now = info.context.runtime.clock.now()
        until = found.open_until if found.open_until is not None and found.open_until > now else None
        return IntegrationHealth(
            is_left_alone=until is not None,
            left_alone_until=until,
            failure_count=found.failure_count,
            last_error=found.last_error,
            last_failed_at=found.last_failed_at,
            last_succeeded_at=found.last_succeeded_at,
        )


@strawberry.type(description="Something a CRM knows about a customer.")
class CustomerField:
    name: str = strawberry.field(description="What it is.")
    value: str = strawberry.field(description="What the CRM says, at most 500 characters.")


@strawberry.type(description="Who a visitor is at the business's CRM, as it was last asked. For staff.")
class SessionCustomer:
    status: CustomerStatus = strawberry.field(description="What came of looking.")  # type: ignore[valid-type]
    name: str | None = strawberry.field(description="What the CRM calls them; null unless found.")
    url: str | None = strawberry.field(description="A page about them at the CRM; null where there is none.")
    fields: list[CustomerField] = strawberry.field(description="What else it knows, at most 20; none unless found.")
    error: str | None = strawberry.field(description="What went wrong, in a sentence; null if nothing has.")
    looked_up_at: datetime = strawberry.field(description="When it was asked.")

    @classmethod
    def of(cls, row: models.SessionCustomer) -> "SessionCustomer":
        """From its row."""
        known: dict[str, Any] = row.customer or {"name": None, "url": None, "fields": []}
        return cls(
            status=row.status,
            name=known["name"],
            url=known["url"],
            fields=[CustomerField(name=field["name"], value=field["value"]) for field in known["fields"]],
            error=row.error,
            looked_up_at=row.looked_up_at,
        )


@strawberry.type(description="What joining a queue costs. Whoever joins is on hold until it is paid.")
class QueueFee:
    amount: int = strawberry.field(description="In the currency's smallest unit: 500 is 5.00 EUR.")
    currency: str = strawberry.field(description="Three letters of ISO 4217, e.g. `EUR`.")
    description: str = strawberry.field(description="What stands on the payment page and the receipt.")
    refund: RefundRule = strawberry.field(description="What goes back when a place is cancelled.")  # type: ignore[valid-type]

    @classmethod
    def of(cls, row: models.QueueFee) -> "QueueFee":
        """From its row."""
        return cls(amount=row.amount, currency=row.currency, description=row.description, refund=row.refund)


@strawberry.type(description="One session's fee, as it was when its visitor first asked how to pay.")
class Payment:
    status: PaymentStatus = strawberry.field(description="Where it stands.")  # type: ignore[valid-type]
    amount: int = strawberry.field(description="In the currency's smallest unit.")
    currency: str = strawberry.field(description="Three letters of ISO 4217.")
    description: str = strawberry.field(description="What it is for.")
    checkout_url: str | None = strawberry.field(
        description="The page to pay on; null unless `OPEN` and there is one. It may have ended: ask `sessionPay`."
    )
    paid_at: datetime | None = strawberry.field(description="When we heard that it was paid; null until then.")
    refunded_at: datetime | None = strawberry.field(description="When it went back; null until then.")
    error: str | None = strawberry.field(description="What somebody has to look at, in a sentence; null for nothing.")

    @classmethod
    def of(cls, row: models.Payment) -> "Payment":
        """From its row."""
        return cls(
            status=row.status,
            amount=row.amount,
            currency=row.currency,
            description=row.description,
            checkout_url=row.checkout_url if row.status is models.PaymentStatus.OPEN else None,
            paid_at=row.paid_at,
            refunded_at=row.refunded_at,
            error=row.error,
        )


def adapters() -> list[IntegrationAdapter]:
    """All there are, by name."""
    return [IntegrationAdapter.of(ADAPTERS[name]) for name in sorted(ADAPTERS)]


def _schema(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = model.model_json_schema()
    # What the class says about itself is for whoever reads the code.
    found.pop("description", None)
    return found


from app.integrations.graphql import loaders  # noqa: E402  (loaders build these types)
