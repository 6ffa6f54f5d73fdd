"""Everybody else: some hundred services that the library `apprise` knows, each by an address of its own.

The library blocks, so it runs in threads of ours with a deadline. It goes wherever an address leads, so a fence stands
around it. What works with this machine instead of an address (its desktop, its log) is not offered.
"""

import asyncio
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ClassVar
from urllib.parse import quote
from urllib.request import getproxies

from pydantic import Field, field_validator

from app.notifications.channels.fence import Fence, fenced
from app.notifications.channels.interface import (
    Accepted,
    InDoubt,
    Message,
    Outcome,
    Provider,
    Refused,
    Settings,
    TryLater,
)
from app.notifications.models import NotificationChannel

_THREADS = 8
_CONNECT_SECONDS = 5.0
_TO = "{to}"
_SCHEMA = re.compile(r"^([a-z0-9]{2,20})://")
_STATUS = re.compile(r"error=(\d{3})\b")
# Too fast, or not well at present; and what the tenant has to put right. The rest below 500 is for good.
_FOR_NOW = frozenset({408, 409, 423, 425, 429})
_OURS = frozenset({401, 403, 404})

NOT_OFFERED = frozenset(
    # This machine's desktop, lights and log.
    {"dbus", "kde", "qt", "gio", "glib", "gnome", "macosx", "windows", "blink1", "syslog", "rsyslog"}
    # Own protocols in threads, processes and sockets of their own.
    | {"aprs", "growl", "mqtt", "mqtts", "smpp", "smpps", "xmpp", "xmpps", "matrix", "matrixs", "mailto", "mailtos"}
    # Need files on this machine.
    | {"fcm", "vapid", "session", "sessions", "sogs"}
)
"""Services of the library that cannot be used here; a test holds this against what the library has."""

# Who has given up waiting closes the fence, which ends what the thread is connected to.
_threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="apprise")
# The library's warnings hold addresses and texts. What matters of them is read from its results.
_log = logging.getLogger("apprise")
_log.propagate = False
_log.addHandler(logging.NullHandler())


class AppriseOptions(Settings):
    """What can be chosen."""

    timeout_seconds: float = Field(
        default=15.0, ge=0.1, le=25, description="How long an answer is waited for, in seconds."
    )


class AppriseCredentials(Settings):
    """Where to."""

    url: str = Field(
        min_length=4,
        max_length=2_000,
        description=(
            "The service's address as `apprise` writes it, e.g. `discord://…`. With `{to}` in it, where the number "
            "goes, it carries SMS and WhatsApp; without, it writes to a room."
        ),
    )

    @field_validator("url")
    @classmethod
    def _is_offered(cls, value: str) -> str:
        schema = _SCHEMA.match(value)
        if schema is None:
            raise ValueError("starts with the name of a service, e.g. discord://")
        if schema[1] in NOT_OFFERED:
            raise ValueError(f"{schema[1]}:// cannot be used here")
        return value


class Apprise(Provider[AppriseOptions, AppriseCredentials]):
    """One service, by its address."""

    name: ClassVar = "APPRISE"
    title: ClassVar = "Another service (apprise)"
    channels: ClassVar = frozenset({NotificationChannel.CHAT, NotificationChannel.SMS, NotificationChannel.WHATSAPP})
    Options: ClassVar = AppriseOptions
    Credentials: ClassVar = AppriseCredentials

    def carries(self, message: Message) -> bool:
        """To a room, or to a number."""
        return (_TO in self.credentials.url) == (message.channel is not NotificationChannel.CHAT)

    async def send(self, message: Message) -> Outcome:
        """In a thread, inside the fence."""
        if not self.carries(message):
            return Refused(
                "The service's address has `{to}` in it where it carries numbers, and not where it is a room."
            )
        if getproxies():
            # The library would go through it, and nobody could check where to.
            return TryLater("Services of apprise cannot be used behind a proxy of the environment.", is_ours=True)
        url = self.credentials.url.replace(_TO, quote(message.to, safe=""))
        seconds = self.options.timeout_seconds
        fence = Fence(self.around.allowed)
        notify = partial(_notify, url, message, seconds, fence)
        try:
            async with asyncio.timeout(seconds + _CONNECT_SECONDS):
                is_sent, status = await asyncio.get_running_loop().run_in_executor(_threads, notify)
        except TimeoutError:
            is_sent, status = False, None
        finally:
            fence.close()
        return Accepted() if is_sent else _failure(fence, status)


def _notify(url: str, message: Message, seconds: float, fence: Fence) -> tuple[bool, int | None]:
    """Whether it was sent, and the answer's status where the library tells. In a thread."""
    # Loads slowly, and is needed by few.
    import apprise

    asset = apprise.AppriseAsset(
        app_id="Virtual Queue", async_mode=False, storage_mode="memory", secure_logging=True, plugin_paths=[]
    )
    with fenced(fence):
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if service is None:
            return False, _NOT_UNDERSTOOD
        # Whatever the address says of it (`cto=`, `rto=`).
        service.socket_connect_timeout, service.socket_read_timeout = _CONNECT_SECONDS, seconds
        services = apprise.Apprise(asset=asset)
        services.add(service)
        title = message.subject.strip() if message.channel is NotificationChannel.CHAT else ""
        result = services.notify(
            body=message.body.strip(), title=title, body_format=apprise.NotifyFormat.TEXT, interpret_escapes=False
        )
    if result:
        return True, None
    statuses = [int(match[1]) for entry in result.logs() if (match := _STATUS.search(str(entry.message)))]
    return False, statuses[-1] if statuses else None


_NOT_UNDERSTOOD = -1


def _failure(fence: Fence, status: int | None) -> Outcome:
    if fence.refused is not None:
        return Refused(fence.refused)
    if status == _NOT_UNDERSTOOD:
        return TryLater("The service's address is none that apprise understands.", is_ours=True)
    if status is None:
        if fence.has_connected:
            return InDoubt("The service gave no usable answer.")
        return TryLater("The service cannot be reached.")
    said = f"The service answered {status}."
    if status in _OURS:
        return TryLater(said, is_ours=True)
    if 400 <= status < 500 and status not in _FOR_NOW:
        return Refused(said)
    return TryLater(said)
