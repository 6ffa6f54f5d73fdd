"""Reading preferences, defaults and opt-outs."""

from typing import Annotated

import strawberry

from app.context import Info
from app.core.errors import BadInput, InvalidInput
from app.core.graphql.permissions import Checked, Requires
from app.identity import repository as users
from app.identity.permissions import Permission
from app.notifications.graphql.preferences.types import (
    NotificationDefaults,
    NotificationOptOut,
    NotificationPreferences,
)
from app.notifications.graphql.preferences.whose import CHECKED, whose
from app.notifications.graphql.types import NotificationChannel
from app.notifications.preferences import service
from app.sessions import repository as sessions

OfSession = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Of this session's visitor. Default: your own, by session token or as a user."),
]
OfUser = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Of this user. Not together with `sessionId`. Default: your own."),
]
Channel = Annotated[NotificationChannel, strawberry.argument(description="EMAIL, SMS or WHATSAPP.")]  # type: ignore[valid-type]
Address = Annotated[
    str,
    strawberry.argument(description="An e-mail address, or a telephone number with its country: `+49 30 901820`."),
]


@strawberry.type
class NotificationPreferencesQuery:
    @strawberry.field(
        description="What a user, or the visitor of a session, has chosen about messages.",
        extensions=[Checked(CHECKED.format(session=Permission.SESSION_READ, user=Permission.USER_READ))],
    )
    async def notification_preferences(
        self, info: Info, session_id: OfSession = None, user_id: OfUser = None
    ) -> NotificationPreferences:
        tenant_id, who = whose(
            info.context, session_id, user_id, session=Permission.SESSION_READ, user=Permission.USER_READ
        )
        async with info.context.read(tenant_id) as tx:
            if who.session_id is not None:
                await sessions.get(tx, who.session_id)
            if who.user_id is not None:
                await users.get(tx, who.user_id)
            row = await service.preferences_of(tx, who.session_id, who.user_id)
            return NotificationPreferences.of(row, await service.wishes_of(tx, who.session_id, who.user_id))

    @strawberry.field(
        description="What counts for everybody who has chosen nothing.",
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notification_defaults(self, info: Info) -> NotificationDefaults:
        async with info.context.read() as tx:
            return NotificationDefaults.of(await service.defaults_of(tx))

    @strawberry.field(
        description="Whether an address has opted out on a channel; null if it never has.",
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notification_opt_out(self, info: Info, channel: Channel, recipient: Address) -> NotificationOptOut | None:
        async with info.context.read() as tx:
            try:
                row = await service.opt_out_of(tx, channel, recipient)
            except InvalidInput as problem:
                raise BadInput(problem.message) from None
        return None if row is None else NotificationOptOut.of(row)
