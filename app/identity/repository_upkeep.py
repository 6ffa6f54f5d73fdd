"""Rows of signing in that nobody will ask for any more, deleted. Safe to run twice and beside itself.

Sign-ins themselves stay: whose were they, and from where, is asked long afterwards.
"""

from datetime import timedelta
from typing import Any, Final, cast

from sqlalchemy import CursorResult, text

from app.core.db import Database

KEEP: Final = timedelta(days=1)
"""How long what has expired is kept: told apart from what never was, for as long as somebody may still try."""
_BATCH = 2_000

# A used token is kept until it would have expired: until then its second use ends the sign-in, because it was copied.
# Behind that it is refused for its age, whether it is here or not.
_EXPIRED = {
    "refresh_tokens": "expires_at < :before",
    "login_challenges": "expires_at < :before",
    "account_messages": "expires_at < :before",
    "provider_proofs": "expires_at < :before",
    # Prepared and never confirmed.
    "second_factors": "confirmed_at is null and created_at < :before",
}


async def delete_expired(system: Database) -> None:
    """In batches that hold nobody up."""
    async with system.write(None) as tx:
        # When the last one has been replaced, by a sign-in or a reset, nothing of its kind is computed any more.
        await tx.rows(
            """
            delete from imported_hash_kinds as kinds where not exists (
                select from users
                where users.tenant_id = kinds.tenant_id and starts_with(users.password_hash, kinds.kind)
            )
            """
        )
    for table, condition in _EXPIRED.items():
        deleted = _BATCH
        while deleted == _BATCH:
            async with system.write(None) as tx:
                found = await tx.exec(  # type: ignore[call-overload]
                    text(
                        f"delete from {table} where (tenant_id, id) in "
                        f"(select tenant_id, id from {table} where {condition} limit :limit)"
                    ),
                    params={"before": tx.now() - KEEP, "limit": _BATCH},
                )
                deleted = cast(CursorResult[Any], found).rowcount
