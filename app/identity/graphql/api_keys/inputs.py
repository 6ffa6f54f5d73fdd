"""Inputs of the API key mutations."""

from datetime import datetime, timedelta

import strawberry
from strawberry import UNSET

from app.identity.api_keys.service import KeyChanges

_SCOPES = "Permissions, e.g. `health:report`: at least one, and none that one does not have oneself."
_DAY_SECONDS = 86_400


@strawberry.input(description="A new API key of one's own business.")
class ApiKeyCreateInput:
    name: str = strawberry.field(description="What it is for, 1 to 80 characters.")
    scopes: list[str] = strawberry.field(description=_SCOPES)
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it ends by itself, within the next 10 years. Default: never."
    )


@strawberry.input(description="What to change of an API key; what is left out stays. Effective at once.")
class ApiKeyUpdateInput:
    api_key_id: strawberry.ID = strawberry.field(description="The key.")
    name: str | None = strawberry.field(default=UNSET, description="1 to 80 characters.")
    scopes: list[str] | None = strawberry.field(
        default=UNSET, description=f"{_SCOPES} Instead of those it has, not besides."
    )
    expires_at: datetime | None = strawberry.field(
        default=UNSET, description="When it ends by itself, within the next 10 years; null for never."
    )

    def changes(self) -> KeyChanges:
        """What was given. Null stands for "as it is" where there must be a value."""
        changes: KeyChanges = {}
        if self.name is not UNSET and self.name is not None:
            changes["name"] = self.name
        if self.scopes is not UNSET and self.scopes is not None:
            changes["scopes"] = self.scopes
        if self.expires_at is not UNSET:
            changes["expires_at"] = self.expires_at
        return changes


@strawberry.input(description="Which API key to give another secret.")
class ApiKeyRotateInput:
    api_key_id: strawberry.ID = strawberry.field(description="The key.")
    overlap_seconds: int = strawberry.field(
        default=_DAY_SECONDS,
        description=(
            "How long the secrets before it stay good, 0 to 2,592,000 (30 days). Default 86,400 (a day). 0 ends them "
            "at once, as for a secret that has leaked."
        ),
    )

    @property
    def overlap(self) -> timedelta:
        """The seconds, as a duration."""
        return timedelta(seconds=self.overlap_seconds)


@strawberry.input(description="Which API key to revoke.")
class ApiKeyRevokeInput:
    api_key_id: strawberry.ID = strawberry.field(description="The key.")
    reason: str | None = strawberry.field(
        default=None, description="Why, for those who look later; at most 200 characters. Default: none."
    )
