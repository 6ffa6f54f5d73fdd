"""The types of second factors, and of what somebody can show."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from app.core.graphql.enums import explained_enum
from app.identity import proofs
from app.identity.factors import models
from app.identity.factors.service import Enrolment

LoginMethod = explained_enum(
    proofs.Method,
    "By what somebody shows who they are.",
    called="LoginMethod",
    PASSWORD="The password.",
    PROVIDER="Another service has said so; to show it again, sign in with it again.",
    MAIL="A secret that was sent to their address: an invitation, say.",
    TOTP="A code of an authenticator app.",
    EMAIL_CODE="A code that was sent by e-mail.",
    SMS_CODE="A code that was sent to their telephone.",
    RECOVERY_CODE="One of the codes that were written down for the day all else is lost.",
)
SecondFactorKind = explained_enum(
    models.FactorKind,
    "What somebody has besides the first proof.",
    called="SecondFactorKind",
    TOTP="An authenticator app: a new code of 6 digits every 30 seconds.",
    EMAIL_CODE="The e-mail address of the account, which codes are sent to.",
    SMS_CODE="The telephone number of the account, which codes are sent to.",
)


@strawberry.type(description="A second factor that counts: a code of it was shown.")
class SecondFactor:
    kind: SecondFactorKind = strawberry.field(description="What it is.")  # type: ignore[valid-type]
    confirmed_at: datetime = strawberry.field(description="Since when it counts.")
    last_used_at: datetime | None = strawberry.field(description="The last time a code of it was taken.")

    @classmethod
    def of(cls, row: models.SecondFactor) -> "SecondFactor":
        """From its row, which is confirmed."""
        assert row.confirmed_at is not None
        return cls(kind=row.kind, confirmed_at=row.confirmed_at, last_used_at=row.last_used_at)


@strawberry.type(description="How somebody is protected besides the first proof.")
class SecondFactorStatus:
    factors: list[SecondFactor] = strawberry.field(description="Those that count, oldest first. None: it is off.")
    recovery_codes_left: int = strawberry.field(description="Recovery codes that were not used, of 10.")
    required: bool = strawberry.field(description="Whether the tenant asks users of this role for a second factor.")

    @classmethod
    def of(
        cls, rows: Sequence[models.SecondFactor], recovery_codes_left: int, *, required: bool
    ) -> "SecondFactorStatus":
        """From a user's rows."""
        counting = [SecondFactor.of(row) for row in rows if row.confirmed_at is not None]
        return cls(factors=counting, recovery_codes_left=recovery_codes_left, required=required)


@strawberry.type(
    description=(
        "A second factor that counts for nothing yet: show a code of it. It is given once, and replaced by the next."
    )
)
class SecondFactorEnrolment:
    kind: SecondFactorKind = strawberry.field(description="What it is.")  # type: ignore[valid-type]
    secret: str | None = strawberry.field(
        description="For typing into an app: base 32, SHA-1, 6 digits, 30 s. Null for codes that are sent."
    )
    uri: str | None = strawberry.field(description="The same as an `otpauth://` URI. Null for codes that are sent.")
    qr_code: str | None = strawberry.field(
        description="The URI as a QR code: an image as a `data:` URI of SVG. Null for codes that are sent."
    )
    sent_to: str | None = strawberry.field(
        description="Where a code was sent, masked: `j…@example.com`. Null for apps."
    )

    @classmethod
    def of(cls, enrolment: Enrolment) -> "SecondFactorEnrolment":
        """From what was prepared."""
        return cls(
            kind=enrolment.kind,
            secret=enrolment.secret,
            uri=enrolment.uri,
            qr_code=enrolment.qr_code,
            sent_to=enrolment.sent_to,
        )
