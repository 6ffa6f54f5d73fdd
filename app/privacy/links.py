"""Links to export files: signed, for a quarter of an hour. Whoever has one needs nothing else. Knows no row."""

from datetime import datetime, timedelta

from app.core import signed_links
from app.core.ids import Ref

PATH = "/privacy/exports"
LIFETIME = timedelta(minutes=15)
_PURPOSE = "links to exports"


def link(base_url: str, secret: str, request: Ref, now: datetime) -> str:
    """The address of an export's file, good from now on."""
    return f"{base_url}{PATH}/{signed_links.sign(secret, _PURPOSE, request, now + LIFETIME)}"


def read(secret: str, text: str, now: datetime) -> Ref | None:
    """Which export the last part of a link's path opens; None for what is no link, or no longer one."""
    return signed_links.read(secret, _PURPOSE, text, now)
