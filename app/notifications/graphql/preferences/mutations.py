"""Mutations of preferences: each opens a block and calls one verb."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Checked, Requires
from app.identity import repository as users
from app.identity.permissions import Permission
from app.notifications.graphql.preferences import inputs, results
from app.notifications.graphql.preferences.types import (
    NotificationDefaults,
    NotificationOptOut,
    NotificationPreferences,
)
from app.notifications.graphql.preferences.whose import CHECKED, whose
from app.notifications.preferences import service
from app.sessions import repository as sessions


@strawberry.type
class NotificationPreferencesMutation:
    @strawberry.mutation(
        description="Choose by which channels, in which language and when to be written to, or not at all.",
        extensions=[Checked(CHECKED.format(session=Permission.SESSION_WRITE, user=Permission.USER_WRITE))],
    )
    async def notification_preferences_set(
        self, info: Info, input: inputs.NotificationPreferencesSetInput
    ) -> results.NotificationPreferencesSetResult:
        tenant_id, who = whose(
            info.context, input.session_id, input.user_id, session=Permission.SESSION_WRITE, user=Permission.USER_WRITE
        )
        async with info.context.write(tenant_id) as tx:
            if who.session_id is not None:
                await sessions.get(tx, who.session_id)
            if who.user_id is not None:
                await users.get(tx, who.user_id)
            row = await service.set_preferences(tx, who.session_id, who.user_id, input.changes())
            await tx.flush()
            wishes = await service.wishes_of(tx, who.session_id, who.user_id)
        return results.NotificationPreferencesSetSuccess(
            notification_preferences=NotificationPreferences.of(row, wishes)
        )

    @strawberry.mutation(
        description="Set what counts for everybody who has chosen nothing.",
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def notification_defaults_set(
        self, info: Info, input: inputs.NotificationDefaultsSetInput
    ) -> results.NotificationDefaultsSetResult:
        async with info.context.write() as tx:
            row = await service.set_defaults(tx, input.changes())
        return results.NotificationDefaultsSetSuccess(notification_defaults=NotificationDefaults.of(row))

    @strawberry.mutation(
        description="Send an address no more on a channel, or again, because its owner has asked you to.",
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def notification_opt_out_set(
        self, info: Info, input: inputs.NotificationOptOutSetInput
    ) -> results.NotificationOptOutSetResult:
        async with info.context.write() as tx:
            row = await service.set_opt_out_of(tx, input.channel, input.recipient, opted_out=input.is_opted_out)
        return results.NotificationOptOutSetSuccess(notification_opt_out=NotificationOptOut.of(row))
