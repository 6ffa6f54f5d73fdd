"""Links by which a visit is rated without signing in: signed, for one session, until a time. Reads and writes nothing.

A link needs no row that could be gone, and says nothing of whose visit it was. Whether the visit may still be rated is
decided when it is used.
"""

from datetime import datetime
from typing import Final

from app.core import signed_links
from app.core.ids import Ref

PATH: Final = "/ratings"
_PURPOSE: Final = "rating links"


def rating_url(secret: str, base_url: str, session: Ref, until: datetime) -> str:
    """Where somebody says how the visit was; good until then, to the second."""
    return f"{base_url}{PATH}/{signed_links.sign(secret, _PURPOSE, session, until)}"


def read_token(secret: str, token: str, now: datetime) -> Ref | None:
    """Whose visit a link is about that we have signed and whose time is not over; None for anything else."""
    return signed_links.read(secret, _PURPOSE, token, now)
