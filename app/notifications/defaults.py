"""The built-in texts, for tenants that have none of their own: five languages, every kind, every channel.

Mails have a text of their own; everything else says the same more briefly. What they say is in `languages/`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from app.notifications.languages.ar import ARABIC
from app.notifications.languages.de import GERMAN
from app.notifications.languages.en import ENGLISH
from app.notifications.languages.es import SPANISH
from app.notifications.languages.fr import FRENCH
from app.notifications.languages.wording import Language
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.texts import Text

LAST_RESORT = "en"

LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {"ar": ARABIC, "de": GERMAN, "en": ENGLISH, "es": SPANISH, "fr": FRENCH}
)
TEMPLATED = tuple(ENGLISH.says)
"""The kinds that are made from templates. What staff write, answers and tests are not."""

BUILT_IN: Mapping[tuple[NotificationKind, NotificationChannel, str], Text] = MappingProxyType(
    {
        (kind, channel, locale): Text(
            says.subject, language.mail(kind) if channel is NotificationChannel.EMAIL else says.brief
        )
        for locale, language in LANGUAGES.items()
        for kind, says in language.says.items()
        for channel in NotificationChannel
    }
)
