"""The built-in texts, for tenants that have none of their own. English and German."""

from collections.abc import Mapping
from types import MappingProxyType

from app.notifications.models import NotificationKind
from app.notifications.texts import Text

LAST_RESORT = "en"

BUILT_IN: Mapping[tuple[NotificationKind, str], Text] = MappingProxyType(
    {
        (NotificationKind.CALLED, "en"): Text(
            subject="{{ ticketNumber }}: it is your turn",
            body="""\
It is your turn.

Ticket: {{ ticketNumber }}
Queue: {{ queueName }}
{% if counterName %}
Please come to: {{ counterName }}
{% endif %}

{{ tenantName }}
""",
        ),
        (NotificationKind.CALLED, "de"): Text(
            subject="{{ ticketNumber }}: Sie sind an der Reihe",
            body="""\
Sie sind an der Reihe.

Nummer: {{ ticketNumber }}
Warteschlange: {{ queueName }}
{% if counterName %}
Bitte kommen Sie zu: {{ counterName }}
{% endif %}

{{ tenantName }}
""",
        ),
        (NotificationKind.PEOPLE_AHEAD, "en"): Text(
            subject=(
                "{{ ticketNumber }}: {% if peopleAhead == 0 %}you are next{% elif peopleAhead == 1 %}1 person ahead "
                "of you{% else %}{{ peopleAhead }} people ahead of you{% endif %}"
            ),
            body="""\
{% if peopleAhead == 0 %}
You are next. Please come back now.
{% elif peopleAhead == 1 %}
There is 1 person ahead of you. Please come back now.
{% else %}
There are {{ peopleAhead }} people ahead of you. Please come back soon.
{% endif %}

Ticket: {{ ticketNumber }}
Queue: {{ queueName }}
{% if estimatedWaitMinutes %}
Estimated wait: {{ estimatedWaitMinutes }} min
{% endif %}

{{ tenantName }}
""",
        ),
        (NotificationKind.PEOPLE_AHEAD, "de"): Text(
            subject=(
                "{{ ticketNumber }}: {% if peopleAhead == 0 %}Sie sind als Nächstes dran{% elif peopleAhead == 1 %}"
                "noch 1 Person vor Ihnen{% else %}noch {{ peopleAhead }} Personen vor Ihnen{% endif %}"
            ),
            body="""\
{% if peopleAhead == 0 %}
Sie sind als Nächstes an der Reihe. Bitte kommen Sie jetzt zurück.
{% elif peopleAhead == 1 %}
Vor Ihnen wartet noch 1 Person. Bitte kommen Sie jetzt zurück.
{% else %}
Vor Ihnen warten noch {{ peopleAhead }} Personen. Bitte kommen Sie bald zurück.
{% endif %}

Nummer: {{ ticketNumber }}
Warteschlange: {{ queueName }}
{% if estimatedWaitMinutes %}
Geschätzte Wartezeit: {{ estimatedWaitMinutes }} min
{% endif %}

{{ tenantName }}
""",
        ),
    }
)
LOCALES = tuple(sorted({locale for _, locale in BUILT_IN}))
