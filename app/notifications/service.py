"""The texts messages are made from: verbs about templates. Who is told what is `telling/`, sending is `delivery.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.db import ReadTx, WriteTx
from app.core.db.engine import constraint_name
from app.core.errors import InvalidInput, NotFound
from app.core.events import record
from app.notifications import repository, rules, texts
from app.notifications.defaults import BUILT_IN, LAST_RESORT, TEMPLATED
from app.notifications.events import TEMPLATE, NotificationTemplateRemoved, NotificationTemplateSet
from app.notifications.models import NotificationChannel, NotificationKind, NotificationTemplate
from app.notifications.texts import Text
from app.tenants import repository as tenants
from app.tenants.service import settings_in


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """A tenant's text as it is asked for."""

    kind: NotificationKind
    text: Text
    channel: NotificationChannel = NotificationChannel.EMAIL
    locale: str | None = None
    rule_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class EffectiveTemplate:
    """The text in use for a kind, channel and language; a built-in one was never updated."""

    kind: NotificationKind
    channel: NotificationChannel
    locale: str
    text: Text
    updated_at: datetime | None = None
    rule_id: UUID | None = None


async def set_template(tx: WriteTx, new: NewTemplate) -> tuple[EffectiveTemplate, Text]:
    """Make a text the tenant's own for its kind, channel and language (the tenant's own if none is given).

    With a rule, for that rule's messages only. Answers with the template and a preview. Raises `InvalidTemplate`,
    `SmsTooLong`, `InvalidInput`, `NotFound` (of the rule).
    """
    locale = rules.language_tag(new.locale or settings_in(await tenants.get(tx, tx.tenant)).default_locale)
    preview = preview_of(new.kind, new.text, new.channel, locale)
    if new.rule_id is not None and await repository.kind_of_rule(tx, new.rule_id) is not new.kind:
        raise InvalidInput("ruleId", "The rule is for messages of another kind.")
    now, who = tx.now(), tx.actor.label
    row = await repository.lock_template(tx, new.kind, new.channel, locale, new.rule_id)
    if row is None:
        row = NotificationTemplate(
            tenant_id=tx.tenant,
            kind=new.kind,
            channel=new.channel,
            locale=locale,
            rule_id=new.rule_id,
            subject=new.text.subject,
            body=new.text.body,
            created_at=now,
            created_by=who,
            updated_at=now,
            updated_by=who,
        )
        tx.add(row)
        try:
            await tx.flush()
        except IntegrityError as error:
            if constraint_name(error) == "notification_templates_text_key":
                raise InvalidInput("locale", "Somebody else set this template just now; look at it.") from None
            raise
    elif (row.subject, row.body) == (new.text.subject, new.text.body):
        return _in_use(row), preview
    else:
        row.subject, row.body = new.text.subject, new.text.body
        row.revision += 1
        row.updated_at, row.updated_by = now, who
    record(tx, TEMPLATE, row.id, row.revision, NotificationTemplateSet(new.kind, new.channel, locale), now)
    return _in_use(row), preview


async def remove_template(
    tx: WriteTx, kind: NotificationKind, channel: NotificationChannel, locale: str, rule_id: UUID | None
) -> EffectiveTemplate:
    """Give up a text of one's own; the text that is in use in its stead, perhaps in another language.

    Raises `InvalidInput` if there is none of one's own, `NotFound` (of the rule).
    """
    locale = rules.language_tag(locale)
    if rule_id is not None and await repository.kind_of_rule(tx, rule_id) is None:
        raise NotFound("MessageRule")
    row = await repository.lock_template(tx, kind, channel, locale, rule_id)
    if row is None:
        raise InvalidInput("locale", "You have no text of your own for this.")
    record(tx, TEMPLATE, row.id, row.revision + 1, NotificationTemplateRemoved(kind, channel, locale), tx.now())
    await tx.delete(row)
    await tx.flush()
    wanted = rules.languages(locale, settings_in(await tenants.get(tx, tx.tenant)).default_locale, LAST_RESORT)
    own = await repository.templates(tx)
    found, text = text_among(own, kind, channel, wanted)
    return next(
        (
            _in_use(each)
            for each in own
            if (each.kind, each.channel, each.locale, each.rule_id) == (kind, channel, found, None)
        ),
        EffectiveTemplate(kind, channel, found, text),
    )


async def templates_in_use(
    tx: ReadTx,
    kind: NotificationKind | None = None,
    channel: NotificationChannel | None = None,
    locale: str | None = None,
) -> list[EffectiveTemplate]:
    """The tenant's own texts and the built-in ones beside them, by kind, channel, language and rule."""
    try:
        wanted = None if locale is None else rules.language_tag(locale)
    except InvalidInput:
        return []  # in no such language
    found: dict[tuple[str, str, str, str], EffectiveTemplate] = {
        (built_in_kind, via, language, ""): EffectiveTemplate(built_in_kind, via, language, text)
        for (built_in_kind, via, language), text in BUILT_IN.items()
    }
    for row in await repository.templates(tx):
        found[row.kind, row.channel, row.locale, "" if row.rule_id is None else str(row.rule_id)] = _in_use(row)
    return [
        template
        for key, template in sorted(found.items())
        if (kind is None or template.kind is kind)
        and (channel is None or template.channel is channel)
        and (wanted is None or template.locale == wanted)
    ]


def preview_of(
    kind: NotificationKind,
    text: Text,
    channel: NotificationChannel = NotificationChannel.EMAIL,
    locale: str = LAST_RESORT,
) -> Text:
    """The message with example values. Raises `InvalidTemplate`, `SmsTooLong`, `InvalidInput`."""
    if kind not in TEMPLATED:
        raise InvalidInput("kind", f"Messages of the kind {kind} are not made from templates.")
    texts.check(kind, text, channel)
    return texts.fill_in(text, texts.example(kind), channel=channel, locale=rules.language_tag(locale))


def text_among(
    templates: Sequence[NotificationTemplate],
    kind: NotificationKind,
    channel: NotificationChannel,
    locales: Sequence[str],
    rule_id: UUID | None = None,
) -> tuple[str, Text]:
    """The text in the first of these languages there is one in, with its language.

    `templates` are the tenant's. The rule's own goes before the kind's own, and that before the built-in one.
    """
    own = {(row.rule_id, row.locale): row for row in templates if (row.kind, row.channel) == (kind, channel)}
    for locale in locales:
        row = (own.get((rule_id, locale)) if rule_id is not None else None) or own.get((None, locale))
        if row is not None:
            return locale, Text(row.subject, row.body)
        if (built_in := BUILT_IN.get((kind, channel, locale))) is not None:
            return locale, built_in
    raise LookupError(f"no text for {kind} in any of {locales}")  # never with the last resort among them


def _in_use(row: NotificationTemplate) -> EffectiveTemplate:
    return EffectiveTemplate(
        row.kind, row.channel, row.locale, Text(row.subject, row.body), row.updated_at, row.rule_id
    )
