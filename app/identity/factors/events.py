"""Facts about users' second factors. No secrets and no addresses: no personal data here."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.core.events import Event
from app.identity.factors.models import FactorKind


@dataclass(frozen=True, slots=True)
class SecondFactorEnrolled(Event):
    """It counts for nothing yet."""

    type: ClassVar[str] = "USER_SECOND_FACTOR_ENROLLED"
    kind: FactorKind


@dataclass(frozen=True, slots=True)
class SecondFactorConfirmed(Event):
    """From now on it is asked for."""

    type: ClassVar[str] = "USER_SECOND_FACTOR_CONFIRMED"
    kind: FactorKind


@dataclass(frozen=True, slots=True)
class SecondFactorRemoved(Event):
    type: ClassVar[str] = "USER_SECOND_FACTOR_REMOVED"
    kind: FactorKind


@dataclass(frozen=True, slots=True)
class SecondFactorsReset(Event):
    """An administrator has taken all of them, with the recovery codes: they were lost."""

    type: ClassVar[str] = "USER_SECOND_FACTORS_RESET"


@dataclass(frozen=True, slots=True)
class RecoveryCodesRenewed(Event):
    type: ClassVar[str] = "USER_RECOVERY_CODES_RENEWED"


@dataclass(frozen=True, slots=True)
class RecoveryCodeUsed(Event):
    type: ClassVar[str] = "USER_RECOVERY_CODE_USED"
    left: int


@dataclass(frozen=True, slots=True)
class LoginProved(Event):
    """A running sign-in has shown again who it is."""

    type: ClassVar[str] = "USER_LOGIN_PROVED"
    login_id: UUID
    method: str
