"""What a broadcast may say, and which of its texts and channels is for whom. Reads and writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.errors import InvalidInput
from app.notifications import texts
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.rules import language_tag
from app.notifications.texts import Text

MOST_TEXTS = 20
CHANNELS = (
    NotificationChannel.EMAIL,
    NotificationChannel.SMS,
    NotificationChannel.WHATSAPP,
    NotificationChannel.PUSH,
    NotificationChannel.IN_APP,
)
"""Those on which visitors are reached."""

PORTION = 250
"""People whose messages are written in one transaction."""


@dataclass(frozen=True, slots=True)
class Words:
    """The text in one language."""

    locale: str
    text: Text


def words(given: Sequence[Words], channels: Sequence[NotificationChannel]) -> list[Words]:
    """The texts, languages in their one spelling. `InvalidInput`, `InvalidTemplate`, `SmsTooLong` otherwise."""
    if not 1 <= len(given) <= MOST_TEXTS:
        raise InvalidInput("texts", f"`texts` holds 1 to {MOST_TEXTS} languages.")
    found = [Words(language_tag(each.locale), each.text) for each in given]
    if len({each.locale for each in found}) != len(found):
        raise InvalidInput("texts", "`texts` holds each language once.")
    for each in found:
        for channel in channels:
            texts.check(NotificationKind.BROADCAST, each.text, channel)
    return found


def channels(given: Sequence[NotificationChannel]) -> list[NotificationChannel]:
    """The channels, each once and in this order. `InvalidInput` for none, and for those no visitor is reached on."""
    found = list(dict.fromkeys(given))
    if not found or not set(found) <= set(CHANNELS):
        names = ", ".join(each.value for each in CHANNELS)
        raise InvalidInput("channels", f"`channels` holds one or more of {names}.")
    return found


def spoken(given: Sequence[Words], wanted: Sequence[str]) -> Words:
    """The text in the first of these languages there is one in; the first text if there is none."""
    by_locale = {each.locale: each for each in given}
    return next((by_locale[locale] for locale in wanted if locale in by_locale), given[0])


def portions(count: int) -> int:
    """Into how many portions so many people are divided."""
    return -(-count // PORTION)
