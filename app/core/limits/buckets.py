"""What is counted by network address, how often it may happen, and what if nobody can count. Counts nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.settings import Settings


class Bucket(StrEnum):
    """What attempts are counted together."""

    SIGN_IN = "sign-in"
    JOIN = "join"
    CODES = "codes"
    REGISTRATION = "registration"


@dataclass(frozen=True, slots=True)
class Rule:
    """How often, within how long, and the words for it."""

    setting: str
    """The setting that says how often; 0 there means as often as anybody likes."""
    what: str
    """Completes "too many attempts to …"."""
    is_closed_unless_counted: bool
    """While Valkey is away nobody gets through, because a process that counts for itself lets through a multiple."""
    seconds: int = 900

    def most(self, settings: Settings) -> int:
        """How often an installation allows it."""
        most: int = getattr(settings, self.setting)
        return most

    @property
    def sentence(self) -> str:
        """What the schema says of a field that is counted."""
        most = Settings.model_fields[self.setting].default
        return f"At most {most} times in {self.seconds // 60} minutes from one network address, unless set otherwise."


RULES: Mapping[Bucket, Rule] = {
    # Passwords, second factors, codes and sign-in by provider: all the ways somebody can guess.
    Bucket.SIGN_IN: Rule("rate_limit_sign_in", "sign in", is_closed_unless_counted=True),
    Bucket.JOIN: Rule("rate_limit_join", "join", is_closed_unless_counted=False),
    Bucket.CODES: Rule("rate_limit_codes", "have a code sent", is_closed_unless_counted=True),
    Bucket.REGISTRATION: Rule("rate_limit_registration", "register", is_closed_unless_counted=True),
}
