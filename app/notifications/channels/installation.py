"""Who carries messages where a tenant has chosen nobody: what VQ_SMTP_URL and VQ_SMS_URL name. Knows no tenant.

The operator has named these, not a tenant: they may well be on this machine.
"""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from app.core.outbound import network
from app.notifications.channels.interface import Provider, Surroundings
from app.notifications.channels.smtp import InstalledSmtp
from app.notifications.channels.twilio import TwilioCredentials, TwilioOptions, TwilioProvider
from app.notifications.models import NotificationChannel
from app.settings import Settings

NO_MAIL = (
    "VQ_SMTP_URL is not set, so e-mail is off: set it, e.g. smtp+starttls://user:password@mail.example:587, "
    "and restart the worker."
)
NO_SMS = "VQ_SMS_URL is not set, so SMS are off: set it, and restart the worker."

ANYWHERE = (network("0.0.0.0/0"), network("::/0"))


class SmsGateway(InstalledSmtp):
    """A gateway from e-mail to SMS: the installation's mail server sends to an address made of the number."""

    name = "SMS_GATEWAY"
    title = "A gateway from e-mail to SMS"
    channels = frozenset({NotificationChannel.SMS})


def installed(settings: Settings, channel: NotificationChannel) -> Provider[Any, Any] | None:
    """The installation's provider of a channel; None if there is none (`why_none`)."""
    if channel is NotificationChannel.EMAIL and settings.smtp_url is not None:
        return InstalledSmtp(settings.smtp_url, settings.smtp_from)
    if channel is NotificationChannel.SMS and settings.sms_url is not None:
        url = urlsplit(settings.sms_url)
        if url.scheme != "mailto":
            return installed_twilio(settings.sms_url)
        if settings.smtp_url is not None:
            gateway = url.path.replace("{phone}", "{to}")
            return SmsGateway(settings.smtp_url, settings.smtp_from, gateway=gateway)
    return None


def why_none(settings: Settings, channel: NotificationChannel) -> str:
    """Why the installation carries nothing on a channel, and what to do about it."""
    if channel is NotificationChannel.EMAIL:
        return NO_MAIL
    if channel is NotificationChannel.SMS:
        return NO_SMS if settings.sms_url is None else NO_MAIL
    return f"Nobody carries {channel} messages: choose a provider with messageProviderCreate."


def installed_twilio(sms_url: str) -> TwilioProvider:
    """Twilio as VQ_SMS_URL names it. It reports to nobody: whose message it was is not known from outside."""
    url = urlsplit(sms_url)
    scheme = "http" if url.scheme == "twilio+http" else "https"
    [sender] = parse_qs(url.query)["from"]
    options = TwilioOptions(
        account_sid=unquote(url.username or ""),
        sender=sender,
        base_url=f"{scheme}://{url.netloc.rpartition('@')[2]}{url.path}",
    )
    credentials = TwilioCredentials(auth_token=unquote(url.password or ""))
    return TwilioProvider(options, credentials, Surroundings(allowed=ANYWHERE))
