"""Notifications and their templates as staff see them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.core.ids import encode
from app.core.personal.masks import mask_email, mask_phone
from app.identity.permissions import Permission
from app.notifications import models, sms, texts
from app.notifications.service import EffectiveTemplate
from app.notifications.variables import VARIABLES

LazyQueue = Annotated["Queue", strawberry.lazy("app.queues.graphql.types")]  # type: ignore[name-defined]  # noqa: F821
LazySession = Annotated["Session", strawberry.lazy("app.sessions.graphql.types")]  # type: ignore[name-defined]  # noqa: F821

NotificationKind = explained_enum(
    models.NotificationKind,
    "What a message says, and with it when it is owed.",
    JOINED="The visitor has a place in the line.",
    PEOPLE_AHEAD="Only so many people are ahead; sent once per session and queue, when somebody moves up to there.",
    WAIT_BELOW="The estimated wait has come down to so many minutes; sent once per session and queue.",
    CALLED="It is the visitor's turn.",
    RECALLED="It is the visitor's turn, said again.",
    NO_SHOW="The visitor was called and did not come.",
    COMPLETED="The visitor has been served.",
    FEEDBACK_REQUEST="How was it? Some time after the service.",
    OPENING_SOON="The queue the visitor waits for opens soon.",
    QUEUE_ALERT="For staff: something is the matter with a queue.",
    BROADCAST="What staff wrote to everybody who waits.",
    REPLY="The answer to what a visitor has written to us.",
    TEST="A message staff sent to see whether a provider works.",
    REPORT="For whom a saved report is sent to: its figures, attached to an e-mail.",
)
NotificationChannel = explained_enum(
    models.NotificationChannel,
    "How a message travels.",
    EMAIL="By e-mail.",
    SMS="By text message.",
    WHATSAPP="By WhatsApp.",
    PUSH="To a browser (Web Push) or an app (FCM) that has registered.",
    IN_APP="To whoever follows `notificationReceived`.",
    CHAT="To a room of the staff's, e.g. in Slack.",
)
NotificationStatus = explained_enum(
    models.NotificationStatus,
    "How far a message is.",
    PENDING="Not sent yet; `error` says why if it has been tried.",
    SENT="The provider took it.",
    DELIVERED="Its arrival was reported (plain SMTP never does).",
    FAILED="It was not sent; `error` says why.",
    SUPPRESSED="It must not be sent; `error` says why, e.g. that its recipient does not want it.",
)


# What stands in the row is not for people: keys of a device, ids, nothing.
_NO_ADDRESS = {
    models.NotificationChannel.PUSH: "device",
    models.NotificationChannel.IN_APP: "app",
    models.NotificationChannel.CHAT: "chat",
}


@strawberry.type(description="One message to one person, or to a room of the staff's, with its text as it is sent.")
class Notification(Node):
    row: strawberry.Private[models.Notification]
    kind: NotificationKind = strawberry.field(description="What it says.")  # type: ignore[valid-type]
    channel: NotificationChannel = strawberry.field(description="How it travels.")  # type: ignore[valid-type]
    status: NotificationStatus = strawberry.field(description="How far it is.")  # type: ignore[valid-type]
    locale: str = strawberry.field(description="Language of the text, e.g. `en`.")
    subject: str = strawberry.field(description="Subject line.")
    body: str = strawberry.field(description="Text.")
    attempts: int = strawberry.field(description="How often it was handed to a provider.")
    retries: int = strawberry.field(description="How often staff had it sent again (`notificationRetry`).")
    error: str | None = strawberry.field(description="Why it was not sent, or not yet; null if there is no reason.")
    provider_message_id: str | None = strawberry.field(
        description="What its provider calls it once it is sent, e.g. a Message-ID: look for it in the provider's logs."
    )
    provider: str | None = strawberry.field(
        description="The kind of provider that carried it or was tried last, e.g. `TWILIO`; null before the first try."
    )
    message_provider_id: strawberry.ID | None = strawberry.field(
        description="Which of your providers that is; null before the first try, and for the installation's own."
    )
    is_in_doubt: bool = strawberry.field(
        description="Whether it was handed over and nobody knows yet whether it was taken."
    )
    created_at: datetime = strawberry.field(description="When it became owed.")
    due_at: datetime = strawberry.field(description="Not sent before: a rule's delay, quiet hours, a retry.")
    sent_at: datetime | None = strawberry.field(description="When a provider took it; null until then.")
    delivered_at: datetime | None = strawberry.field(
        description="When it arrived, as its provider reported; null until then, and where nobody reports."
    )

    @classmethod
    def of(cls, row: models.Notification) -> "Notification":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            kind=row.kind,
            channel=row.channel,
            status=row.status,
            locale=row.locale,
            subject=row.subject,
            body=row.body,
            attempts=row.attempts,
            retries=row.retries,
            error=row.error,
            provider_message_id=row.provider_message_id,
            provider=row.provider,
            message_provider_id=None
            if row.provider_id is None
            else strawberry.ID(encode("MessageProvider", row.tenant_id, row.provider_id)),
            is_in_doubt=row.status is models.NotificationStatus.PENDING and row.handed_over_at is not None,
            created_at=row.created_at,
            due_at=row.due_at,
            sent_at=row.sent_at,
            delivered_at=row.delivered_at,
        )

    @strawberry.field(
        description=(
            "Where it goes: an e-mail address or a telephone number; else `device`, `app` or `chat`. Masked without "
            "`session:read`: `a***@example.com`, `***67`."
        )
    )
    def recipient(self, info: Info) -> str:
        """Whole for those who see visitors' data anyway."""
        channel, recipient = self.row.channel, self.row.recipient
        if channel in _NO_ADDRESS:
            return _NO_ADDRESS[channel]
        if info.context.actor.may(Permission.SESSION_READ):
            return recipient
        return mask_email(recipient) if channel is models.NotificationChannel.EMAIL else mask_phone(recipient)

    @strawberry.field(description="The queue it is about; null if it is about none.")
    async def queue(self, info: Info) -> LazyQueue | None:
        """Loaded for all notifications of the answer at once."""
        from app.queues.graphql.loaders import queues_by_id

        if self.row.queue_id is None:
            return None
        return await info.context.loader(queues_by_id, self.tenant_key).load(self.row.queue_id)

    @strawberry.field(description="Whose place in line it is about. Needs the permission `session:read`.")
    async def session(self, info: Info) -> LazySession | None:
        """Loaded for all notifications of the answer at once."""
        from app.sessions.graphql.loaders import sessions_by_id

        info.context.actor.require_in(self.tenant_key, Permission.SESSION_READ)
        if self.row.session_id is None:
            return None
        return await info.context.loader(sessions_by_id, self.tenant_key).load(self.row.session_id)


@strawberry.type(description="A notification in a page.")
class NotificationEdge:
    cursor: str = strawberry.field(description="Pass as `after` to continue behind this one.")
    node: Notification = strawberry.field(description="The notification.")


@strawberry.type(description="A page of notifications.")
class NotificationConnection:
    edges: list[NotificationEdge] = strawberry.field(description="The notifications with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="A value a template can fill in, written `{{ name }}`.")
class NotificationVariable:
    name: str = strawberry.field(description="Its name, e.g. `ticketNumber`.")
    meaning: str = strawberry.field(description="What it holds.")
    example: str = strawberry.field(description="What previews fill in.")


SmsEncoding = explained_enum(
    sms.SmsEncoding,
    "Which letters a text message is made of. One letter that is not in the GSM alphabet decides for all.",
    GSM="Those of the GSM alphabet: 160 in one segment, 153 in each of several.",
    UNICODE="All there are: 70 in one segment, 67 in each of several.",
)


@strawberry.type(description="What a text message takes, with example values; segments are what is paid for.")
class SmsLength:
    encoding: SmsEncoding = strawberry.field(description="Which letters it is made of.")  # type: ignore[valid-type]
    units: int = strawberry.field(description="How many of them; some count twice.")
    segments: int = strawberry.field(description="In how many parts it is sent; at most 4.")


@strawberry.type(description="A message as it would be sent, filled in with example values.")
class NotificationPreview:
    subject: str = strawberry.field(description="Subject line; empty where the channel has none.")
    body: str = strawberry.field(description="Text.")
    is_right_to_left: bool = strawberry.field(
        description='Whether its language is written from right to left: show it with `dir="rtl"`.'
    )
    sms: SmsLength | None = strawberry.field(description="Of a text message: what it takes; null for other channels.")

    @classmethod
    def of(cls, text: texts.Text, channel: models.NotificationChannel, locale: str) -> "NotificationPreview":
        """From its text."""
        length = sms.measure(text.body) if channel is models.NotificationChannel.SMS else None
        return cls(
            subject=text.subject,
            body=text.body,
            is_right_to_left=texts.is_right_to_left(locale),
            sms=None
            if length is None
            else SmsLength(encoding=length.encoding, units=length.units, segments=length.segments),
        )


@strawberry.type(description="The text in use for one kind, channel and language, or for one rule's messages only.")
class NotificationTemplate:
    kind: NotificationKind = strawberry.field(description="For which message.")  # type: ignore[valid-type]
    channel: NotificationChannel = strawberry.field(description="For which channel.")  # type: ignore[valid-type]
    locale: str = strawberry.field(description="Language tag, e.g. `en` or `pt-BR`.")
    rule_id: strawberry.ID | None = strawberry.field(description="The rule it belongs to; null: all of this kind.")
    subject: str = strawberry.field(description="Subject line with variables, at most 200 characters.")
    body: str = strawberry.field(description="Text with variables, at most 10,000 characters.")
    is_built_in: bool = strawberry.field(description="Whether it is the product's text, because you set none.")
    updated_at: datetime | None = strawberry.field(description="When it was last set; null if it is built in.")

    @classmethod
    def of(cls, template: EffectiveTemplate, tenant_id: UUID) -> "NotificationTemplate":
        """From the template in use."""
        rule_id = None if template.rule_id is None else encode("MessageRule", tenant_id, template.rule_id)
        return cls(
            rule_id=None if rule_id is None else strawberry.ID(rule_id),
            kind=template.kind,
            channel=template.channel,
            locale=template.locale,
            subject=template.text.subject,
            body=template.text.body,
            is_built_in=template.updated_at is None,
            updated_at=template.updated_at,
        )

    @strawberry.field(description="What the text may fill in.")
    def variables(self) -> list[NotificationVariable]:
        """In alphabetical order."""
        return [
            NotificationVariable(name=name, meaning=meaning, example=str(example))
            for name, (meaning, example) in sorted(VARIABLES[self.kind].items())
        ]
