"""A queue's configuration as it is asked for, and what it may be. Stores nothing, and knows no queue."""

import re
from dataclasses import dataclass, field
from datetime import time
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.core.errors import InvalidInput
from app.core.texts import ensure_text
from app.queues.models import FailureMode, QueueDiscipline, QueueMode

MAX_PRIORITY = 9
MAX_SECONDS = 604_800
"""A week: the most any of the timers may be."""
MAX_RATE = 1_000_000
MAX_ORIGINS = 50
METERED_TIMERS = {"grace_seconds": 120, "phone_grace_seconds": 300, "claim_seconds": 300, "stay_seconds": 900}
"""What a new metered queue has where nothing else is asked for: else whoever went away would block the line."""

_HEALTH_RANGES = {"degraded_percent": (1, 100), "ramp_seconds": (0, 3600), "health_stale_seconds": (5, 3600)}
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST = re.compile(r"[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\]")


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """A queue's configuration as it is asked for; the defaults are the product's."""

    name: str
    slug: str
    description: str | None = None
    mode: QueueMode = QueueMode.STAFFED
    discipline: QueueDiscipline = QueueDiscipline.PRIORITY
    priority_credits: list[dict[str, float]] = field(default_factory=list)
    visitor_max_priority: int = MAX_PRIORITY
    capacity: int | None = None
    max_concurrent_users: int | None = None
    release_rate_per_minute: int | None = None
    grace_seconds: int | None = None
    phone_grace_seconds: int | None = None
    claim_seconds: int | None = None
    stay_seconds: int | None = None
    queue_all: bool = False
    invited_only: bool = False
    max_places_per_address: int | None = None
    bind_address: bool = False
    refusal_message: str | None = None
    site_origins: list[str] = field(default_factory=list)
    failure_mode: FailureMode = FailureMode.FAIL_CLOSED
    health_url: str | None = None
    degraded_percent: int = 50
    ramp_seconds: int = 60
    health_stale_seconds: int = 60
    ticket_prefix: str = "A"
    ticket_first_number: int = 1
    ticket_last_number: int = 999
    time_zone: str = "UTC"
    daily_reset_time: time = time(0, 0)
    announcement: str | None = None


def ensure_valid(config: QueueConfig) -> None:
    """`InvalidInput` that names the first field that cannot be."""
    ensure_text("name", config.name, 1, 120)
    ensure_text("description", config.description or "", 0, 2000)
    ensure_text("announcement", config.announcement or "", 0, 280)
    if not _SLUG.fullmatch(config.slug):
        raise InvalidInput("slug", "A slug is 1 to 63 of a-z, 0-9 and -, and starts and ends with a letter or digit.")
    for name in ("capacity", "max_concurrent_users"):
        value = getattr(config, name)
        if value is not None and not 1 <= value <= 10_000_000:
            raise InvalidInput(_camel(name), f"`{_camel(name)}` is from 1 to 10,000,000, or null for no limit.")
    _ensure_metered(config)
    if not re.fullmatch(r"[A-Za-z0-9-]{0,4}", config.ticket_prefix):
        raise InvalidInput("ticketPrefix", "A ticket prefix is at most 4 letters, digits or dashes.")
    if not 0 <= config.ticket_first_number < config.ticket_last_number <= 9_999_999:
        raise InvalidInput(
            "ticketLastNumber", "Ticket numbers run from 0 or more to a larger last number of at most 9,999,999."
        )
    if not 0 <= config.visitor_max_priority <= MAX_PRIORITY:
        raise InvalidInput("visitorMaxPriority", f"A priority is from 0 to {MAX_PRIORITY}.")
    for entry in config.priority_credits:
        if not 0 <= entry["priority"] <= MAX_PRIORITY or not 0 <= entry["seconds"] <= 86_400:
            raise InvalidInput(
                "priorityCredits", f"A credit is 0 to 86,400 seconds for a priority from 0 to {MAX_PRIORITY}."
            )
    if len({entry["priority"] for entry in config.priority_credits}) != len(config.priority_credits):
        raise InvalidInput("priorityCredits", "Give one credit per priority.")
    if config.daily_reset_time.tzinfo is not None:
        raise InvalidInput("dailyResetTime", "A reset time is one on the queue's own clock, without a zone: `04:00`.")
    try:
        ZoneInfo(config.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("timeZone", "Give an IANA time zone, e.g. `Europe/Berlin`.") from None


def _ensure_metered(config: QueueConfig) -> None:
    rate = config.release_rate_per_minute
    if rate is not None and config.mode is not QueueMode.METERED:
        raise InvalidInput("releaseRatePerMinute", "Only a queue of mode `METERED` releases visitors by itself.")
    if rate is not None and not 0 <= rate <= MAX_RATE:
        raise InvalidInput(
            "releaseRatePerMinute", f"A rate is from 0 (nobody) to {MAX_RATE:,} a minute, or null for no limit."
        )
    for name in METERED_TIMERS:
        value = getattr(config, name)
        if value is not None and not 1 <= value <= MAX_SECONDS:
            raise InvalidInput(_camel(name), f"`{_camel(name)}` is from 1 to {MAX_SECONDS:,}, or null for never.")
    if config.max_places_per_address is not None and not 1 <= config.max_places_per_address <= 1_000_000:
        raise InvalidInput("maxPlacesPerAddress", "From 1 to 1,000,000, or null for no limit.")
    ensure_text("refusalMessage", config.refusal_message or "", 0, 500)
    if len(config.site_origins) > MAX_ORIGINS or len(set(config.site_origins)) != len(config.site_origins):
        raise InvalidInput("siteOrigins", f"At most {MAX_ORIGINS} origins, each once.")
    if not all(map(_is_origin, config.site_origins)):
        raise InvalidInput("siteOrigins", "An origin is a scheme and a host in small letters: `https://shop.example`.")
    if config.health_url is not None and not _is_address(config.health_url):
        raise InvalidInput(
            "healthUrl", "An `https://` or `http://` address without a user name, of at most 2,000 letters."
        )
    for name, (least, most) in _HEALTH_RANGES.items():
        if not least <= getattr(config, name) <= most:
            raise InvalidInput(_camel(name), f"`{_camel(name)}` is from {least} to {most:,}.")


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, port = parts.netloc, parts.port
    except ValueError:
        return False
    if port is not None:
        host = host.rpartition(":")[0]
    return (
        parts.scheme in ("https", "http") and bool(_HOST.fullmatch(host)) and text == f"{parts.scheme}://{parts.netloc}"
    )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and " " not in text and parts.username is None
    return is_plain and parts.scheme in ("https", "http") and bool(parts.hostname) and len(text) <= 2000


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)
