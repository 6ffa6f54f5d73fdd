"""What messages about accounts say, in English and German. A code is in here only while it is being sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.identity.accounts.models import MessageChannel, MessageKind
from app.notifications.texts import Text, Value, fill_in

LAST_RESORT = "en"


@dataclass(frozen=True, slots=True)
class Wording:
    """A message in one language: an e-mail, and in one line for a telephone where it may be sent to one."""

    subject: str
    body: str
    sms: str | None = None


_CODE_EN = """
The code is good for 10 minutes and can be used once. Tell it to nobody: we never ask for it. If it was not you who
asked for it, you need not do anything.
"""
_CODE_DE = """
Der Code gilt 10 Minuten und nur einmal. Geben Sie ihn niemandem: Wir fragen nie danach. Wenn Sie ihn nicht angefordert
haben, brauchen Sie nichts zu tun.
"""
_SMS_EN = "{{ code }} is your code for {{ tenantName }}, good for 10 minutes. Tell it to nobody."
_SMS_DE = "{{ code }} ist Ihr Code für {{ tenantName }}, 10 Minuten gültig. Geben Sie ihn niemandem."

WORDINGS: Mapping[tuple[MessageKind, str], Wording] = MappingProxyType(
    {
        (MessageKind.REGISTRATION, "en"): Wording(
            "{{ code }} is your code for {{ tenantName }}",
            f"With this code you confirm your e-mail address and open your account:\n\n{{{{ code }}}}\n{_CODE_EN}"
            "\n{{ tenantName }}",
        ),
        (MessageKind.REGISTRATION, "de"): Wording(
            "{{ code }} ist Ihr Code für {{ tenantName }}",
            "Mit diesem Code bestätigen Sie Ihre E-Mail-Adresse und eröffnen Ihr Konto:\n\n{{ code }}\n"
            f"{_CODE_DE}\n{{{{ tenantName }}}}",
        ),
        (MessageKind.RESET_PASSWORD, "en"): Wording(
            "{{ code }} is your code for a new password",
            f"With this code you set a new password:\n\n{{{{ code }}}}\n{_CODE_EN}\n{{{{ tenantName }}}}",
        ),
        (MessageKind.RESET_PASSWORD, "de"): Wording(
            "{{ code }} ist Ihr Code für ein neues Passwort",
            f"Mit diesem Code setzen Sie ein neues Passwort:\n\n{{{{ code }}}}\n{_CODE_DE}\n{{{{ tenantName }}}}",
        ),
        (MessageKind.CHANGE_EMAIL, "en"): Wording(
            "{{ code }} confirms your e-mail address",
            f"With this code you confirm your address:\n\n{{{{ code }}}}\n{_CODE_EN}\n{{{{ tenantName }}}}",
        ),
        (MessageKind.CHANGE_EMAIL, "de"): Wording(
            "{{ code }} bestätigt Ihre E-Mail-Adresse",
            f"Mit diesem Code bestätigen Sie Ihre Adresse:\n\n{{{{ code }}}}\n{_CODE_DE}\n{{{{ tenantName }}}}",
        ),
        (MessageKind.CHANGE_PHONE, "en"): Wording(
            "{{ code }} confirms your telephone number", f"{{{{ code }}}}\n{_CODE_EN}\n{{{{ tenantName }}}}", _SMS_EN
        ),
        (MessageKind.CHANGE_PHONE, "de"): Wording(
            "{{ code }} bestätigt Ihre Telefonnummer", f"{{{{ code }}}}\n{_CODE_DE}\n{{{{ tenantName }}}}", _SMS_DE
        ),
        (MessageKind.SECOND_FACTOR, "en"): Wording(
            "{{ code }} is your code to sign in",
            f"With this code you sign in:\n\n{{{{ code }}}}\n{_CODE_EN}"
            "If somebody else asked for it, they know your password: change it.\n\n{{ tenantName }}",
            _SMS_EN,
        ),
        (MessageKind.SECOND_FACTOR, "de"): Wording(
            "{{ code }} ist Ihr Code zum Anmelden",
            f"Mit diesem Code melden Sie sich an:\n\n{{{{ code }}}}\n{_CODE_DE}"
            "Wenn jemand anderes ihn angefordert hat, kennt er Ihr Passwort: Ändern Sie es.\n\n{{ tenantName }}",
            _SMS_DE,
        ),
        (MessageKind.INVITATION, "en"): Wording(
            "{{ tenantName }} invites you",
            "You are invited to have an account. You choose its password yourself"
            "{% if link %}, here:\n\n{{ link }}\n{% else %}, with this invitation:\n\n{{ code }}\n{% endif %}\n\n"
            "The invitation is good for 7 days and can be used once.\n\n{{ tenantName }}",
        ),
        (MessageKind.INVITATION, "de"): Wording(
            "{{ tenantName }} lädt Sie ein",
            "Sie sind eingeladen, ein Konto zu eröffnen. Das Passwort wählen Sie selbst"
            "{% if link %}, und zwar hier:\n\n{{ link }}\n{% else %}, mit dieser Einladung:\n\n{{ code }}\n"
            "{% endif %}\n\nDie Einladung gilt 7 Tage und nur einmal.\n\n{{ tenantName }}",
        ),
        (MessageKind.ALREADY_REGISTERED, "en"): Wording(
            "You have an account already",
            "Somebody, you perhaps, wanted to open an account with this address. There is one already: sign in with "
            "it, or ask for a new password. If it was not you, you need not do anything.\n\n{{ tenantName }}",
        ),
        (MessageKind.ALREADY_REGISTERED, "de"): Wording(
            "Sie haben schon ein Konto",
            "Jemand, vielleicht Sie, wollte mit dieser Adresse ein Konto eröffnen. Es gibt schon eines: Melden Sie "
            "sich damit an, oder fordern Sie ein neues Passwort an. Wenn Sie es nicht waren, brauchen Sie nichts zu "
            "tun.\n\n{{ tenantName }}",
        ),
        (MessageKind.PASSWORD_CHANGED, "en"): Wording(
            "Your password was changed",
            "The password of your account was changed, and you were signed out everywhere else. If it was not you, "
            "ask for a new password at once, and tell us.\n\n{{ tenantName }}",
        ),
        (MessageKind.PASSWORD_CHANGED, "de"): Wording(
            "Ihr Passwort wurde geändert",
            "Das Passwort Ihres Kontos wurde geändert, und Sie wurden überall sonst abgemeldet. Wenn Sie es nicht "
            "waren, fordern Sie sofort ein neues Passwort an, und sagen Sie uns Bescheid.\n\n{{ tenantName }}",
        ),
        (MessageKind.EMAIL_CHANGED, "en"): Wording(
            "The e-mail address of your account was changed",
            "Your account has another e-mail address from now on. If it was not you who changed it, tell us at once."
            "\n\n{{ tenantName }}",
        ),
        (MessageKind.EMAIL_CHANGED, "de"): Wording(
            "Die E-Mail-Adresse Ihres Kontos wurde geändert",
            "Ihr Konto hat von nun an eine andere E-Mail-Adresse. Wenn Sie sie nicht geändert haben, sagen Sie uns "
            "sofort Bescheid.\n\n{{ tenantName }}",
        ),
        (MessageKind.SECOND_FACTOR_CHANGED, "en"): Wording(
            "How you sign in was changed",
            "The second step of signing in to your account was changed: it was switched on or off, or recovery "
            "codes were used or renewed. If it was not you, change your password at once, and tell us."
            "\n\n{{ tenantName }}",
        ),
        (MessageKind.SECOND_FACTOR_CHANGED, "de"): Wording(
            "Ihre Anmeldung wurde geändert",
            "Der zweite Schritt der Anmeldung bei Ihrem Konto wurde geändert: Er wurde ein- oder ausgeschaltet, oder "
            "Wiederherstellungscodes wurden benutzt oder erneuert. Wenn Sie es nicht waren, ändern Sie sofort Ihr "
            "Passwort, und sagen Sie uns Bescheid.\n\n{{ tenantName }}",
        ),
        (MessageKind.PROVIDER_LINKED, "en"): Wording(
            "There is another way to sign in to your account",
            "From now on your account can also be signed in to by way of another provider, such as Google or your "
            "company. If it was not you who linked it, remove it from your account's identities and change your "
            "password at once, and tell us.\n\n{{ tenantName }}",
        ),
        (MessageKind.PROVIDER_LINKED, "de"): Wording(
            "Es gibt einen weiteren Weg in Ihr Konto",
            "Von nun an kann man sich bei Ihrem Konto auch über einen anderen Anbieter anmelden, etwa Google oder Ihre "
            "Firma. Wenn Sie ihn nicht verknüpft haben, entfernen Sie ihn aus den Anbietern Ihres Kontos, ändern Sie "
            "sofort Ihr Passwort, und sagen Sie uns Bescheid.\n\n{{ tenantName }}",
        ),
        (MessageKind.WEBHOOK_DISABLED, "en"): Wording(
            "A webhook endpoint was switched off",
            "An address that is told what happens at {{ tenantName }} has answered that it is gone, or has taken "
            "nothing for days. We have stopped sending to it; what waits is kept. Which one it is, and what it has "
            "answered, stands with the webhook endpoints: there it can be enabled again, and what was missed be sent."
            "\n\n{{ tenantName }}",
        ),
        (MessageKind.WEBHOOK_DISABLED, "de"): Wording(
            "Ein Webhook-Ziel wurde abgeschaltet",
            "Eine Adresse, der gemeldet wird, was bei {{ tenantName }} geschieht, hat geantwortet, dass es sie nicht "
            "mehr gibt, oder seit Tagen nichts angenommen. Wir senden ihr nichts mehr; was wartet, bleibt erhalten. "
            "Welche es ist und was sie geantwortet hat, steht bei den Webhook-Zielen: Dort kann sie wieder "
            "eingeschaltet und Versäumtes gesendet werden.\n\n{{ tenantName }}",
        ),
    }
)


def worded(
    kind: MessageKind, channel: MessageChannel, languages: list[str], values: Mapping[str, Value]
) -> tuple[str, Text]:
    """The message in the first of these languages there is one in, with its language."""
    locale = next((each for each in languages if (kind, each) in WORDINGS), LAST_RESORT)
    wording = WORDINGS[kind, locale]
    if channel is MessageChannel.SMS and wording.sms is not None:
        return locale, fill_in(Text(wording.subject, wording.sms), values)
    return locale, fill_in(Text(wording.subject, wording.body), values)
